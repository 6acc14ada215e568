"""The settlement of a promise for a delivery result."""

from __future__ import annotations

import random
from datetime import datetime
from typing import assert_never

from regulars.db.states import Reason, State
from regulars.delivery import retry
from regulars.delivery.parcel import Outcome, Result
from regulars.ledger.settle import Settlement


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
