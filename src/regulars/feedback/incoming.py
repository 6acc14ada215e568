"""Messages that came back, from a mailbox or a pipe, each recorded in a transaction of its own.

A source gives up a message only after the commit, so nothing is lost when the database is away or the process dies. A
message that is read twice changes nothing, because its notifications are recorded once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed
from regulars.core.return_path import HEADER, ReturnPath
from regulars.db.engine import write
from regulars.feedback.effects import record
from regulars.feedback.message_reader import parse
from regulars.feedback.notification import Notification
from regulars.feedback.promise_search import Receiver, token_of

log = logging.getLogger("regulars.feedback")

LARGEST = 2 * 1024 * 1024
"""Bytes of a message that are read; what is longer is a returned email with its attachments, which are not needed."""
_MOST_LOOKED_AT = 256 * 1024
"""Bytes in which the header with the token is looked for."""


@dataclass(slots=True)
class Incoming:
    """One message of a source. `to` is the address it was delivered to, if the source knows it.

    `done` is called after the commit, `set_aside` for a message that nothing can be made of: neither is read again.
    """

    name: str
    content: bytes
    done: Callable[[], None]
    set_aside: Callable[[], None]
    to: str | None = None


class Source(Protocol):
    """Where messages come from; `name` is for people and holds no password."""

    @property
    def name(self) -> str: ...

    def messages(self) -> Iterator[Incoming]:
        """The messages not read yet, the oldest first. Raises EnvironmentFailed for a source that cannot be read."""
        ...


@dataclass(slots=True)
class ReadSummary:
    """What was read: messages, new notifications by kind, and messages set aside."""

    messages: int = 0
    new: Counter[str] = field(default_factory=Counter)
    aside: list[str] = field(default_factory=list)
    more: bool = False


def read_all(
    engine: Engine, source: Source, receiver: Receiver, clock: Clock, *, limit: int | None = None
) -> ReadSummary:
    """Records the messages of the source, at most `limit`. Raises EnvironmentFailed; what it had read is recorded."""
    summary = ReadSummary()
    for one in source.messages():
        if limit is not None and summary.messages >= limit:
            summary.more = True
            break
        summary.messages += 1
        try:
            summary.new.update(take(engine, one.content, one.to, receiver, clock()))
        except EnvironmentFailed:
            raise
        except Exception:  # whatever it holds, the others are read
            log.exception("%s: message %s cannot be read and is set aside", source.name, one.name)
            summary.aside.append(one.name)
            one.set_aside()
        else:
            one.done()
    return summary


def take(engine: Engine, content: bytes, to: str | None, receiver: Receiver, now: datetime) -> Counter[str]:
    """Records one message; returns the number of new notifications by kind."""
    found = notifications_of(content, to, receiver)
    new: Counter[str] = Counter()
    with write(engine) as connection:
        for one in found:
            new[one.kind] += record(connection, [one], now, receiver)
    return +new


def notifications_of(content: bytes, to: str | None, receiver: Receiver) -> list[Notification]:
    """What the message says, each with the token by which its email is found, wherever the message holds one."""
    found = parse(content[:LARGEST])
    tokens = [to, *_addresses(content, receiver.rulebook.company.bounces)]
    return [_with_token(one, tokens, receiver.secrets) for one in found]


def _with_token(one: Notification, tokens: Sequence[str | None], secrets: Sequence[bytes]) -> Notification:
    """The notification with the first genuine token: that of the envelope goes before any that the text may quote."""
    for candidate in (tokens[0], one.return_path, *tokens[1:]):
        if candidate:
            named = replace(one, return_path=candidate)
            if token_of(named, secrets) is not None:
                return named
    return one


def _addresses(content: bytes, bounces: str | None) -> list[str]:
    """The header of our emails within a returned message, and the addresses that a server notes on delivery."""
    names = (b"delivered-to", b"x-original-to", b"envelope-to", b"to", HEADER.lower().encode())
    found: list[str] = []
    path = None if bounces is None else ReturnPath.parse(bounces)
    for line in content[:_MOST_LOOKED_AT].splitlines():
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() in names and len(line) < 1000:
            with suppress(UnicodeDecodeError):
                text = value.decode("ascii").strip().strip("<>")
                if name.strip().lower() == names[-1] or path is None or path.receives(text):
                    found.append(text)
    return found[:20]
