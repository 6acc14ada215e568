"""What a campaign changes: how many of those written to, and of the control group, did what it is for.

A client counts once, from the first email (or from when it would have gone) in the period, and only after the
goal's time is over. Only campaigns with a `goal` and a `holdout` can be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, func, select, type_coerce
from sqlalchemy.sql import ColumnElement, and_, exists

from regulars.db.event_source import event_source
from regulars.db.states import Reason, State
from regulars.db.tables import promises
from regulars.db.types import MICROSECOND, to_micros
from regulars.insights.intervals import Interval, difference
from regulars.rules.grammar import Goal


@dataclass(frozen=True, slots=True)
class Group:
    """Clients, and how many of them reached the goal in its time."""

    clients: int
    reached: int

    @property
    def share(self) -> float | None:
        """The part that reached it; None for no clients."""
        return self.reached / self.clients if self.clients else None


@dataclass(frozen=True, slots=True)
class Lift:
    """Those written to against the control group; `gain` is the difference, `interval` its 95 % interval."""

    goal: str
    written: Group
    control: Group

    @property
    def gain(self) -> float | None:
        """The difference of the shares; None if either group is empty."""
        one, two = self.written.share, self.control.share
        return None if one is None or two is None else one - two

    @property
    def interval(self) -> Interval | None:
        """Where the true difference lies; None if either group is empty."""
        if self.gain is None:
            return None
        return difference(self.written.reached, self.written.clients, self.control.reached, self.control.clients)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        sure = self.interval
        return {
            "goal": self.goal,
            "written": {"clients": self.written.clients, "reached": self.written.reached},
            "control": {"clients": self.control.clients, "reached": self.control.reached},
            "gain": self.gain,
            "interval": None if sure is None else [sure.low, sure.high],
        }


def lift(connection: Connection, key: str, goal: Goal, now: datetime, chosen: ColumnElement[bool]) -> Lift:
    """The lift of the campaign with this key, among its chosen promises."""
    went = promises.c.state.in_([State.SENT, State.UNCERTAIN, State.BOUNCED])
    spared = and_(promises.c.state == State.SKIPPED, promises.c.reason == Reason.HOLDOUT)
    groups = (_group(connection, key, goal, now, and_(chosen, part)) for part in (went, spared))
    return Lift(str(goal), *groups)


def _group(connection: Connection, key: str, goal: Goal, now: datetime, chosen: ColumnElement[bool]) -> Group:
    starts = _starts(key, chosen).subquery("starts")
    window = goal.within // MICROSECOND
    happened = event_source(goal.event)
    at = type_coerce(happened.c.occurred_at, BigInteger)
    reached = exists().where(
        happened.c.customer_id == starts.c.customer_id, at > starts.c.start, at <= starts.c.start + window
    )
    row = connection.execute(
        select(func.count(), func.count().filter(reached)).where(starts.c.start <= to_micros(now) - window)
    ).one()
    return Group(int(row[0]), int(row[1]))


def _starts(key: str, chosen: ColumnElement[bool]) -> Select[Any]:
    start = func.min(type_coerce(promises.c.settled_at, BigInteger)).label("start")
    mine = select(promises.c.customer_id, start).where(promises.c.campaign == key, chosen)
    return mine.group_by(promises.c.customer_id)
