"""Waits over a set of starts, as SQL: clock time is added; working time is looked up.

The company's week, for the range of these starts, is a small table of linear pieces; the database finds a start's
piece by its UTC day. Whether a wait is over by now does not need it: `WorkingTime.before` gives the latest such
start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, FromClause, and_, func, literal, select, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.context.plan_context import PlanContext
from regulars.core.working import Piece, Wait
from regulars.db.rowset import rowset
from regulars.db.types import DAY, MICROSECOND, from_micros, to_micros

_TYPES = {name: BigInteger() for name in ("day", "begins", "ends", "fixed", "shift")}
Joined = tuple[FromClause, ColumnElement[int]]


def with_wait(
    context: PlanContext,
    joined: FromClause,
    moment: ColumnElement[Any],
    wait: Wait,
    chosen: Sequence[ColumnElement[bool]],
    until: datetime | None = None,
) -> Joined:
    """`joined` with the join for the end of the wait that starts at `moment`, and that end in microseconds.

    The result is complete only for `chosen` rows that start by `until`; by default, for those whose wait is over.
    """
    begun = type_coerce(moment, BigInteger)
    if not wait.working:
        return joined, begun + wait.span // MICROSECOND
    working = context.rulebook.company.working_time
    until = until or working.before(context.now, wait)
    earliest = context.connection.scalar(select(func.min(begun)).select_from(joined).where(*chosen))
    after = min(until, from_micros(int(earliest))) if earliest is not None else until
    rows = [row for piece in working.pieces(wait, after - MICROSECOND, until) for row in _rows(piece)]
    given = select(rowset(context.connection, "given_waits", _TYPES, rows))
    table = given.cte("working_time", nesting=True).prefix_with("MATERIALIZED")
    day = type_coerce(begun.op("/")(literal(DAY, BigInteger)), BigInteger)
    fits = and_(table.c.day == day, begun > table.c.begins, begun <= table.c.ends)
    return joined.join(table, fits), func.coalesce(table.c.fixed, begun + table.c.shift)


def _rows(piece: Piece) -> Iterator[tuple[int, int, int, int | None, int]]:
    begins, ends = to_micros(piece.start), to_micros(piece.end)
    fixed = None if piece.fixed is None else to_micros(piece.fixed)
    for day in range((begins + 1) // DAY, ends // DAY + 1):
        yield day, begins, ends, fixed, piece.shift // MICROSECOND
