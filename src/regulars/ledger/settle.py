"""Settling promises: each message with its own outcome, in one statement per chunk.

Only the claim that holds a row can settle it. An `uncertain` row can still be settled by the claim that sent it,
when its outcome becomes known late.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, select, text

from regulars.db.states import Reason, State
from regulars.db.tables import claims
from regulars.db.types import to_micros


@dataclass(slots=True)
class Settlement:
    """The final or next state of one promise."""

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


def settle(
    connection: Connection, claim_id: int, outcomes: Sequence[Settlement], now: datetime,
    held: Collection[int] | None = None,
) -> int:  # fmt: skip
    """Writes the outcomes; returns the number of rows that still belonged to this claim.

    `held` are the claim's rows, if the caller has read them in this transaction.
    """
    if not outcomes:
        return 0
    if held is None:
        held = frozenset(connection.scalar(select(claims.c.rows).where(claims.c.id == claim_id)) or ())
    if connection.dialect.name == "postgresql":
        return _settle_postgresql(connection, claim_id, outcomes, now, held)
    return _settle_each(connection, claim_id, outcomes, now, held)


_ENDED = frozenset(State) - {State.HELD, State.PLANNED}

# All rows of a chunk as one JSON parameter: a third of the cost of eleven arrays, whose text has to be escaped. Values
# that most rows share are part of the statement, and names are short: PostgreSQL parses them for each row.
_POSTGRESQL = text(
    f"""
    UPDATE promises SET
        state = coalesce(new.s, '{State.SENT}'), reason = new.r, detail = new.w, next_at = coalesce(new.n, :now),
        settled_at = CASE WHEN new.o THEN NULL ELSE :now END, attempts = promises.attempts + coalesce(new.a, 1),
        lost_claims = 0,
        code = coalesce(new.c, promises.code), message_id = coalesce(new.m, promises.message_id),
        template = coalesce(new.t, promises.template), data = coalesce(new.d, promises.data)
    FROM json_to_recordset(CAST(:rows AS json)) AS new (
        i bigint, s text, o boolean, r text, w text, n bigint, a smallint, c smallint, m text, t text, d text, h boolean
    )
    WHERE promises.id = new.i AND (
        promises.state = '{State.PLANNED}' AND new.h IS NULL
        OR promises.state = '{State.UNCERTAIN}' AND promises.claim_id = :fence
    )
    """  # noqa: S608 - states, no data
)


def _settle_postgresql(
    connection: Connection, claim_id: int, outcomes: Sequence[Settlement], now: datetime, held: Collection[int]
) -> int:
    rows = orjson.dumps([_changed_columns(outcome, outcome.id in held) for outcome in outcomes]).decode()
    return connection.execute(_POSTGRESQL, {"rows": rows, "fence": claim_id, "now": to_micros(now)}).rowcount


def _changed_columns(o: Settlement, held: bool) -> dict[str, object]:
    """The row without the statement's defaults: sent, at the first attempt, by the claim that holds it."""
    row: dict[str, object] = {"i": o.id, "w": o.detail, "c": o.code, "m": o.message_id, "t": o.template, "d": o.data}
    if o.state is not State.SENT or o.reason is not None or not o.attempted:
        row |= {"s": o.state, "o": o.state not in _ENDED, "r": o.reason, "a": int(o.attempted)}
    if o.next_at is not None:
        row["n"] = to_micros(o.next_at)
    if not held:
        row["h"] = False
    return row


_EACH = (
    "UPDATE promises SET state = ?, reason = ?, detail = ?, code = coalesce(?, code),"
    " lost_claims = 0, attempts = attempts + ?, next_at = ?, settled_at = ?, message_id = coalesce(?, message_id),"
    " template = coalesce(?, template), data = coalesce(?, data)"
    " WHERE id = ? AND (state = ? OR state = ? AND claim_id = ?)"
)


def _settle_each(
    connection: Connection, claim_id: int, outcomes: Sequence[Settlement], now: datetime, held: Collection[int]
) -> int:
    at = to_micros(now)
    rows = [
        (
            o.state.value, o.reason and o.reason.value, o.detail, o.code, int(o.attempted),
            to_micros(o.next_at) if o.next_at else at, at if o.state in _ENDED else None, o.message_id, o.template,
            o.data, o.id, State.PLANNED.value if o.id in held else None, State.UNCERTAIN.value, claim_id,
        )
        for o in outcomes
    ]  # fmt: skip
    return connection.exec_driver_sql(_EACH, rows).rowcount
