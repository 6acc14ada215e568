"""Calling off: what is planned or held of a campaign, a lane or everything is skipped, at a person's word."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, true, update
from sqlalchemy.sql import ColumnElement, and_

from regulars.db.key_lists import among
from regulars.db.locks import AdvisoryLock, lock
from regulars.db.states import Reason, State
from regulars.db.tables import claims, promises
from regulars.ledger.switches import Scope, Target


def cancellable(connection: Connection, target: Target) -> int:
    """How many emails are planned or held."""
    return connection.execute(select(func.count()).select_from(promises).where(_open(target))).scalar_one()


def being_sent(connection: Connection) -> int:
    """How many emails are being handed to servers now: they cannot be stopped."""
    return sum(len(sending or ()) for sending in connection.scalars(select(claims.c.sending)))


def cancel(connection: Connection, target: Target, detail: str, now: datetime) -> int:
    """Skips what is planned or held, and not being sent now; returns the number.

    `detail` says who called it off and why. The same is not promised again, and later steps of a sequence follow no
    more. Claimed rows are found skipped when their chunk begins (the fence).
    """
    lock(connection, AdvisoryLock.PLAN)  # a plan changes many of the same rows, in another order
    sending: list[int] = []
    for held in connection.scalars(select(claims.c.sending).order_by(claims.c.id).with_for_update()):
        sending += held or ()
    ended = {"state": State.SKIPPED, "reason": Reason.CALLED_OFF, "detail": detail, "settled_at": now}
    chosen = and_(_open(target), ~among(promises.c.id, sending)) if sending else _open(target)
    return connection.execute(update(promises).where(chosen).values(ended)).rowcount


def _open(target: Target) -> ColumnElement[bool]:
    waiting = promises.c.state.in_([State.PLANNED, State.HELD])
    match target.scope:
        case Scope.CAMPAIGN:
            return and_(waiting, promises.c.campaign == target.key)
        case Scope.LANE:
            return and_(waiting, promises.c.kind.in_(sorted(target.kinds)))
        case Scope.ALL:
            return and_(waiting, true())
