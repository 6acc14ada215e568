"""Ending promises: each message on its own outcome, in one statement for the chunk.

A row is settled only by the claim that sent it. A row that was written off as `uncertain` may still be
settled by that claim: the truth is welcome late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, column, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, SMALLINT
from sqlalchemy.types import BigInteger, TypeEngine

from regulars.ledger.states import Reason, State
from regulars.store.tables import promises
from regulars.store.types import to_micros


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end, or the next stop, of one promise."""

    id: int
    state: State
    reason: Reason | None = None
    detail: str | None = None
    code: int | None = None
    next_at: datetime | None = None  # for held rows
    attempted: bool = True
    message_id: str | None = None
    template: str | None = None
    data: str | None = None


_MINE = promises.c.state.in_([State.CLAIMED, State.SENDING, State.UNCERTAIN])


def settle(connection: Connection, claim_id: int, outcomes: Sequence[Settlement], now: datetime) -> int:
    """Writes the outcomes; the number of rows that were still this claim's."""
    if not outcomes:
        return 0
    if connection.dialect.name == "postgresql":
        return _settle_postgresql(connection, claim_id, outcomes, now)
    return _settle_each(connection, claim_id, outcomes, now)


def _columns(o: Settlement, now: datetime) -> tuple[object, ...]:
    ended = o.state not in (State.HELD, State.PLANNED)
    return (
        o.id, str(o.state), o.reason and str(o.reason), o.detail, o.code, int(o.attempted),
        to_micros(o.next_at or now), to_micros(now) if ended else None, o.message_id, o.template, o.data,
    )  # fmt: skip


_NAMES = (
    "id",
    "state",
    "reason",
    "detail",
    "code",
    "attempted",
    "next_at",
    "settled_at",
    "message_id",
    "template",
    "data",
)
_TYPES: tuple[TypeEngine[Any], ...] = (
    BigInteger(), Text(), Text(), Text(), SMALLINT(), SMALLINT(), BigInteger(), BigInteger(), Text(), Text(), Text(),
)  # fmt: skip


def _postgresql_update() -> object:
    arrays = [cast(bindparam(f"p_{n}"), ARRAY(t)) for n, t in zip(_NAMES, _TYPES, strict=True)]
    new = (
        func.unnest(*arrays)
        .table_valued(*(column(n, t) for n, t in zip(_NAMES, _TYPES, strict=True)))
        .render_derived(name="new")
    )
    kept = {name: func.coalesce(new.c[name], promises.c[name]) for name in ("message_id", "template", "data", "code")}
    return (
        update(promises)
        .where(promises.c.id == new.c.id, promises.c.claim_id == bindparam("fence"), _MINE)
        .values(
            state=new.c.state, reason=new.c.reason, detail=new.c.detail, next_at=new.c.next_at,
            settled_at=new.c.settled_at, attempts=promises.c.attempts + new.c.attempted, **kept,
        )
    )  # fmt: skip


_POSTGRESQL = _postgresql_update()


def _settle_postgresql(connection: Connection, claim_id: int, outcomes: Sequence[Settlement], now: datetime) -> int:
    lists = zip(*(_columns(o, now) for o in outcomes), strict=True)
    values = {f"p_{name}": list(items) for name, items in zip(_NAMES, lists, strict=True)}
    return connection.execute(_POSTGRESQL, {**values, "fence": claim_id}).rowcount  # type: ignore[call-overload, no-any-return]


def _settle_each(connection: Connection, claim_id: int, outcomes: Sequence[Settlement], now: datetime) -> int:
    statement = (
        "UPDATE promises SET state = ?, reason = ?, detail = ?, code = coalesce(?, code),"
        " attempts = attempts + ?, next_at = ?, settled_at = ?, message_id = coalesce(?, message_id),"
        " template = coalesce(?, template), data = coalesce(?, data)"
        " WHERE id = ? AND claim_id = ? AND state IN ('claimed', 'sending', 'uncertain')"
    )
    rows = [(*values[1:], values[0], claim_id) for values in (_columns(o, now) for o in outcomes)]
    return connection.exec_driver_sql(statement, rows).rowcount


def counts(connection: Connection) -> list[tuple[str, str, str | None, int]]:
    """How many promises there are by (campaign, state, reason)."""
    rows = connection.execute(
        select(promises.c.campaign, promises.c.state, promises.c.reason, func.count()).group_by(
            promises.c.campaign, promises.c.state, promises.c.reason
        )
    )
    return [(r[0], r[1], r[2], int(r[3])) for r in rows]
