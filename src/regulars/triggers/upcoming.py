"""Queries for the next instant at which something can become due, for simulations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, func, select, type_coerce

from regulars.context.statement_cache import StatementCache
from regulars.core.working import Wait, WorkingTime
from regulars.db.types import from_micros, to_micros

UpcomingQuery = tuple[ColumnElement[int], Callable[[int], int]]
"""A query for an instant, and a function from its result to the due instant (microseconds)."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """Builds queries for instants after the instant with which the cached statement is executed."""

    cache: StatementCache
    working: WorkingTime

    def after_wait(
        self, moment: ColumnElement[datetime], wait: Wait, *conditions: ColumnElement[bool]
    ) -> UpcomingQuery:
        """The first end of a wait that begins at one of these moments."""
        last = self.cache.deferred(BigInteger(), lambda after: to_micros(self.working.before(after, wait)))
        micros = type_coerce(moment, BigInteger)
        begun = select(func.min(micros)).where(micros > last, *conditions).scalar_subquery()
        return begun, lambda first: to_micros(self.working.after(from_micros(first), wait))

    def at(self, moment: ColumnElement[int], *conditions: ColumnElement[bool]) -> UpcomingQuery:
        """The first of these moments themselves, given in microseconds."""
        now = self.cache.deferred(BigInteger(), to_micros)
        return select(func.min(moment)).where(moment > now, *conditions).scalar_subquery(), _unchanged


def _unchanged(moment: int) -> int:
    return moment
