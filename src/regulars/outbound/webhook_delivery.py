"""Delivery of the outbox: takes messages that are due, posts them, records what became of each.

A message is delivered at least once: a process that dies after the receiver's reply sends it again, with the same id.
Endpoints do not wait for each other beyond one batch, and a failing one costs one request now and then.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import Settings
from regulars.core.webhook_signing import sign_by_all
from regulars.db import engine as db
from regulars.db.database_time import database_time
from regulars.ledger.webhook_endpoints import Change, Endpoint, endpoints, note_failure, note_success
from regulars.ledger.webhook_outbox import GIVEN_UP, Message, MessageState, claim, is_due, settle_message
from regulars.outbound import http_post
from regulars.outbound.http_post import Answer
from regulars.outbound.webhook_body import body, encoded, identity, secrets_of
from regulars.rules.notify_rules import Notify

if TYPE_CHECKING:
    import httpx

_LOG = logging.getLogger(__name__)
BATCH = 50
"""Messages of one endpoint that are taken together."""
TOGETHER = 10
"""Requests to one endpoint at a time."""
RETRY_MESSAGE = (10, 60, 300, 1_200, 3_600, 10_800, 21_600, 43_200)
"""Seconds until a message that was refused is tried again, by its attempts; later ones wait as long as the last."""
RETRY_ENDPOINT = (5, 15, 60, 180, 600, 900)
"""Seconds until an endpoint that took nothing is tried again, by its failures."""
_MOST_ASKED = 86_400.0
"""Seconds that a receiver may ask us to wait."""
GONE = 410
_THEIR_FAULT = frozenset({400, 406, 409, 413, 415, 422})
"""Replies that are about one message; all others are about the endpoint."""


@dataclass
class Deliveries:
    """What one run delivered, and what was refused; `more` if messages are due still."""

    delivered: int = 0
    refused: int = 0
    more: bool = False


@dataclass
class _Batch:
    endpoint: Endpoint
    messages: list[Message]
    secrets: list[str] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)


async def deliver(
    engine: Engine, notify: Mapping[str, Notify], settings: Settings, wall: Clock,
    stop: Callable[[], bool] = lambda: False,
) -> Deliveries:  # fmt: skip
    """Delivers until nothing is due or `stop` is true. `notify` are the programs of the rules in force."""
    done = Deliveries()
    if not notify or not _due(engine):
        return done
    over = None
    try:
        while batches := _claim(engine, notify, settings):
            over = over or http_post.client()
            for batch in batches:
                await _post_all(batch, over, settings, wall)
            with db.write(engine) as connection:
                changes = [(batch, _settle(connection, batch, done)) for batch in batches]
            for batch, change in changes:
                _log(batch, change)
            if stop():
                done.more = True
                break
    finally:
        if over is not None:
            await over.aclose()
    return done


async def post_test(name: str, rule: Notify, settings: Settings, now: datetime) -> Answer:
    """Posts a message of the type `webhook.test`, which is in no outbox. Raises EnvironmentFailed without a secret."""
    secrets = secrets_of(name, rule, settings)
    text = encoded("webhook.test", now, {"to": name})
    headers = sign_by_all(secrets, identity(f"test/{name}/{now.timestamp()}"), now, text)
    async with http_post.client() as over:
        return await http_post.post(over, rule.url, headers, text, settings.webhook_networks)


def _due(engine: Engine) -> bool:
    """Whether there is anything to send: one small query, for most runs have nothing to do."""
    with db.read(engine) as connection:
        return is_due(connection)


def _claim(engine: Engine, notify: Mapping[str, Notify], settings: Settings) -> list[_Batch]:
    with db.write(engine) as connection:
        now = database_time(connection)
        ready = [
            one
            for one in endpoints(connection)
            if one.disabled_at is None and (one.next_at is None or one.next_at <= now) and one.name in notify
        ]
        batches = [_Batch(one, claim(connection, one, 1 if one.failures else BATCH)) for one in ready]
    found = [batch for batch in batches if batch.messages]
    for batch in found:
        try:
            batch.secrets = secrets_of(batch.endpoint.name, notify[batch.endpoint.name], settings)
        except EnvironmentFailed as error:
            batch.answers = {message.id: Answer(None, str(error)) for message in batch.messages}
    return found


async def _post_all(batch: _Batch, over: httpx.AsyncClient, settings: Settings, wall: Clock) -> None:
    places = asyncio.Semaphore(TOGETHER)

    async def one(message: Message) -> None:
        async with places:
            text, name = body(message), identity(message.subject)
            headers = sign_by_all(batch.secrets, name, wall(), text)
            batch.answers[message.id] = await http_post.post(
                over, batch.endpoint.url, headers, text, settings.webhook_networks
            )

    if not batch.answers:
        await asyncio.gather(*(one(message) for message in batch.messages))


def _settle(connection: Connection, batch: _Batch, done: Deliveries) -> Change | None:
    """Writes the answers of a batch; returns how its endpoint changed."""
    now, name = database_time(connection), batch.endpoint.name
    accepted = [one for one in batch.messages if batch.answers[one.id].accepted]
    done.delivered += len(accepted)
    done.refused += len(batch.messages) - len(accepted)
    failed = next((one for one in batch.answers.values() if _is_endpoints(one)), None)
    for message in batch.messages:
        answer = batch.answers[message.id]
        if answer.accepted:
            settle_message(connection, message, MessageState.DELIVERED, None)
        elif answer.status in _THEIR_FAULT and now - message.first_tried_at >= GIVEN_UP:
            settle_message(connection, message, MessageState.FAILED, answer.words)
            _LOG.warning("webhook %s: message %s is given up: %s", name, identity(message.subject), answer.words)
        elif failed is not None and not accepted:  # the endpoint waits, and the message with it
            settle_message(connection, message, MessageState.WAITING, answer.words, now)
        else:
            pause = _pause(RETRY_MESSAGE, message.attempt, answer.retry_after)
            settle_message(connection, message, MessageState.WAITING, answer.words, now + pause)
    if any(one.status == GONE for one in batch.answers.values()):
        return note_failure(connection, name, f"{GONE} Gone: it wants no more", now, timedelta(), gone=True)
    if accepted or failed is None:
        return note_success(connection, name, now)
    pause = _pause(RETRY_ENDPOINT, batch.endpoint.failures + 1, failed.retry_after)
    return note_failure(connection, name, failed.words, now, pause)


def _is_endpoints(answer: Answer) -> bool:
    return not answer.accepted and answer.status not in _THEIR_FAULT


def _pause(times: Sequence[int], failures: int, asked: float | None) -> timedelta:
    """The pause after so many failures, from 1, a fifth more or less; at least what a receiver asks by Retry-After."""
    seconds = times[min(failures, len(times)) - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
    return timedelta(seconds=max(seconds, min(asked or 0.0, _MOST_ASKED)))


def _log(batch: _Batch, change: Change | None) -> None:
    name = batch.endpoint.name
    words = next((one.words for one in batch.answers.values() if not one.accepted), "")
    if change is Change.DISABLED:
        _LOG.warning("webhook %s is disabled: %s; `regulars webhooks retry %s` enables it", name, words, name)
    elif change is Change.FAILS:
        _LOG.warning("webhook %s takes nothing: %s; its messages wait and are tried again for days", name, words)
    elif change is Change.WORKS:
        _LOG.warning("webhook %s works again", name)
