"""Ending promises: each message on its own outcome, in one statement for the chunk.

A row is settled only by the claim that holds it. A row that was written off as `uncertain` may still be
settled by the claim that sent it: the truth is welcome late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, func, select, text

from regulars.ledger.states import Reason, State
from regulars.store.tables import claims, promises
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


def settle(connection: Connection, claim_id: int, outcomes: Sequence[Settlement], now: datetime) -> int:
    """Writes the outcomes; the number of rows that were still this claim's."""
    if not outcomes:
        return 0
    held = frozenset(connection.scalar(select(claims.c.rows).where(claims.c.id == claim_id)) or ())
    rows = [(*_columns(outcome, now), State.PLANNED if outcome.id in held else None) for outcome in outcomes]
    if connection.dialect.name == "postgresql":
        return _settle_postgresql(connection, claim_id, rows)
    return _settle_each(connection, claim_id, rows)


def _columns(o: Settlement, now: datetime) -> tuple[object, ...]:
    ended = o.state not in (State.HELD, State.PLANNED)
    return (
        o.id, o.state.value, o.reason and o.reason.value, o.detail, o.code, int(o.attempted),
        to_micros(o.next_at or now), to_micros(now) if ended else None, o.message_id, o.template, o.data,
    )  # fmt: skip


_NAMES = (
    "id", "state", "reason", "detail", "code", "attempted", "next_at", "settled_at", "message_id", "template", "data",
    "held",
)  # fmt: skip

# All rows of a chunk as one JSON parameter: a third of the cost of eleven arrays, whose text has to be escaped.
_POSTGRESQL = text(
    """
    UPDATE promises SET
        state = new.state, reason = new.reason, detail = new.detail, next_at = new.next_at,
        settled_at = new.settled_at, attempts = promises.attempts + new.attempted,
        code = coalesce(new.code, promises.code), message_id = coalesce(new.message_id, promises.message_id),
        template = coalesce(new.template, promises.template), data = coalesce(new.data, promises.data)
    FROM json_to_recordset(CAST(:rows AS json)) AS new (
        id bigint, state text, reason text, detail text, code smallint, attempted smallint, next_at bigint,
        settled_at bigint, message_id text, template text, data text, held text
    )
    WHERE promises.id = new.id
        AND (promises.state = new.held OR promises.state = 'uncertain' AND promises.claim_id = :fence)
    """
)


def _settle_postgresql(connection: Connection, claim_id: int, rows: Sequence[Sequence[object]]) -> int:
    given = orjson.dumps([dict(zip(_NAMES, row, strict=True)) for row in rows]).decode()
    return connection.execute(_POSTGRESQL, {"rows": given, "fence": claim_id}).rowcount


def _settle_each(connection: Connection, claim_id: int, rows: Sequence[Sequence[object]]) -> int:
    statement = (
        "UPDATE promises SET state = ?, reason = ?, detail = ?, code = coalesce(?, code),"
        " attempts = attempts + ?, next_at = ?, settled_at = ?, message_id = coalesce(?, message_id),"
        " template = coalesce(?, template), data = coalesce(?, data)"
        " WHERE id = ? AND (state = ? OR state = 'uncertain' AND claim_id = ?)"
    )
    return connection.exec_driver_sql(
        statement, [(*values, key, held, claim_id) for key, *values, held in rows]
    ).rowcount


def counts(connection: Connection) -> list[tuple[str, str, str | None, int]]:
    """How many promises there are by (campaign, state, reason)."""
    rows = connection.execute(
        select(promises.c.campaign, promises.c.state, promises.c.reason, func.count()).group_by(
            promises.c.campaign, promises.c.state, promises.c.reason
        )
    )
    return [(r[0], r[1], r[2], int(r[3])) for r in rows]
