"""The settlement of a promise for a delivery result, and what follows from it in the same transaction."""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import assert_never

from sqlalchemy import Connection

from regulars.consent.rights import suppress_customer
from regulars.core import log_format
from regulars.db.states import Reason, State, SuppressionReason
from regulars.delivery import retry
from regulars.delivery.parcel import Outcome, Result
from regulars.dispatch.load import Job
from regulars.ledger.settle import Settlement, settle
from regulars.ledger.webhook_outbox import add_settled
from regulars.rules.notify_rules import Notify

_LOG = logging.getLogger(__name__)


def settlement(
    result: Result, attempts: int, now: datetime, *, resend: bool, message_id: str, template: str, data: str
) -> Settlement:
    """The final or next state of a promise after one attempt (`attempts` counts earlier ones)."""
    known = {"message_id": message_id, "template": template, "code": result.code}
    match result.outcome:
        case Outcome.ACCEPTED:
            return Settlement(result.key, State.SENT, detail=result.text, data=data, **known)  # type: ignore[arg-type]
        case Outcome.REFUSED if retry.permanent(result):
            dead = retry.bounce_kind(result) is retry.BounceKind.ADDRESS
            reason = Reason.ADDRESS_REFUSED if dead else Reason.REFUSED
            return Settlement(result.key, State.FAILED, reason, result.text, data=data, **known)  # type: ignore[arg-type]
        case Outcome.UNKNOWN if not resend:
            return Settlement(result.key, State.UNCERTAIN, Reason.CONNECTION_LOST, result.text, data=data, **known)  # type: ignore[arg-type]
        case Outcome.UNREACHABLE:  # no reply to the message: it waits as if it had not been tried
            away = Reason.SERVER_AWAY
            return Settlement(result.key, State.PLANNED, away, result.text, next_at=now, attempted=False)
        case Outcome.DEFERRED | Outcome.UNSENT | Outcome.UNKNOWN | Outcome.REFUSED:
            pass
        case never:
            assert_never(never)
    again = retry.next_attempt(result, attempts + 1, now, random.random())  # noqa: S311 - jitter, not a secret
    return Settlement(result.key, State.HELD, Reason.RETRY, result.text, next_at=again, **known)  # type: ignore[arg-type]


def log_chunk(lane: str, settled: Sequence[Settlement], begun: Collection[int] = ()) -> None:
    """Lines with the promises that were settled, by state, and those handed to the server next; in JSON logs only."""
    if log_format.is_json() and _LOG.isEnabledFor(logging.INFO):
        for state, reason in sorted({(one.state, one.reason or "") for one in settled}):
            those = (one.id for one in settled if (one.state, one.reason or "") == (state, reason))
            log_format.log_promises(_LOG, "settled", those, state=state, reason=reason or None, lane=lane)
        log_format.log_promises(_LOG, "handed to the server", sorted(begun), lane=lane)


def settle_jobs(
    connection: Connection, claim_id: int, jobs: Mapping[int, Job], outcomes: Sequence[Settlement], now: datetime,
    held: Collection[int], notify: Mapping[str, Notify],
) -> None:  # fmt: skip
    """Settles a chunk, suppresses addresses that do not exist, and tells the programs of `notify`."""
    settle(connection, claim_id, outcomes, now, held)
    if outcomes and notify:
        add_settled(connection, notify, {one.id: jobs[one.id].campaign.name for one in outcomes})
    for outcome in outcomes:
        if outcome.reason is Reason.ADDRESS_REFUSED:
            job = jobs[outcome.id]
            if job.campaign.to == "customer":
                suppress_customer(connection, job.customer_id, "all", SuppressionReason.BOUNCED, now, outcome.detail)
