"""The effect of a campaign: the shares of emailed clients and of the control group that reached its goal.

Both groups are counted from the instant at which they were drawn, by intention to treat: whatever happens to the
email afterwards (a bounce, a moved visit, a goal reached before sending), a client stays in their group. A client
counts once, and only after the goal's time is over. Only campaigns with a `goal` and a `holdout` can be measured.

The interval is valid at every look. The narrower one of a fixed size is given if the rule stated the size
(`holdout: 10%, read at 2000`) before it was reached: over the clients drawn first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Subquery, and_, func, or_, select, type_coerce
from sqlalchemy.sql import ColumnElement, exists

from regulars.db.tables import assignments, customers
from regulars.db.types import MICROSECOND, from_micros, to_micros
from regulars.insights.goal_events import happened_events
from regulars.insights.intervals import Interval, always_valid_difference, difference
from regulars.insights.named_size import named_at
from regulars.ledger.arms import GLOBAL
from regulars.ledger.assignments import Arm
from regulars.rules.goal_rules import Goal
from regulars.rules.model import Campaign, Rulebook

FEWEST = 5
"""Minimum expected number in either group that reach the goal, and that do not, for a reliable interval.

W. G. Cochran, Some methods for strengthening the common chi-square tests, Biometrics 10 (1954), 417-451.
"""


@dataclass(frozen=True, slots=True)
class Group:
    """The number of clients, and of those who reached the goal in time."""

    clients: int
    reached: int

    @property
    def share(self) -> float | None:
        """The part that reached it; None for no clients."""
        return self.reached / self.clients if self.clients else None

    def to_json(self) -> dict[str, int]:
        """JSON-ready data."""
        return {"clients": self.clients, "reached": self.reached}


@dataclass(frozen=True)
class Comparison:
    """Emailed clients compared with the control group."""

    written: Group
    control: Group

    @property
    def clients(self) -> int:
        """The number of drawn clients whose time for the goal is over."""
        return self.written.clients + self.control.clients

    @property
    def gain(self) -> float | None:
        """The difference of the shares; None if either group is empty."""
        one, two = self.written.share, self.control.share
        return None if one is None or two is None else one - two

    @property
    def fixed_interval(self) -> Interval | None:
        """Where the true difference lies, if the size was fixed beforehand; None if either group is empty."""
        return None if self.gain is None else difference(*self._counts)

    @property
    def always_valid_interval(self) -> Interval | None:
        """The always-valid interval of the difference; None if either group is empty."""
        return None if self.gain is None else always_valid_difference(*self._counts)

    @property
    def too_small(self) -> bool:
        """Whether so few have reached the goal, or all but so few, that no interval is to be trusted."""
        whole = self.clients
        reached = self.written.reached + self.control.reached
        smaller = min(self.written.clients, self.control.clients)
        return smaller * min(reached, whole - reached) < FEWEST * whole or smaller == 0

    @property
    def _counts(self) -> tuple[int, int, int, int]:
        return self.written.reached, self.written.clients, self.control.reached, self.control.clients


@dataclass(frozen=True)
class Lift(Comparison):
    """All drawn clients. `reading` are the first of them, as many as the rule states; None before there are so many."""

    goal: str
    read_at: int | None = None
    reading: Comparison | None = None
    named_late: bool = False
    """Whether the size was named only after it had been reached: by then the result could be seen."""

    @property
    def early(self) -> bool:
        """Whether this is before the stated size, or before there is any result."""
        return self.too_small or (self.read_at is not None and self.clients < self.read_at)

    @cached_property
    def warnings(self) -> list[str]:
        """Why the figures are not to be relied upon yet, as sentences."""
        found = []
        if self.read_at is not None and self.clients < self.read_at:
            found.append(f"early: {self.clients:,} of the {self.read_at:,} clients at which it is to be read")
        if self.clients and self.too_small:
            found.append(
                f"too early to look: fewer than {FEWEST} of a group are to be expected to reach the goal, or not to"
            )
        if self.named_late:
            found.append(
                f"`read at {self.read_at}` was written when there were so many already, so it is no size fixed"
                " beforehand"
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data; `interval` is the always-valid one."""
        return {
            "goal": self.goal,
            "written": self.written.to_json(),
            "control": self.control.to_json(),
            "gain": self.gain,
            "interval": _ends(self.always_valid_interval),
            "interval_kind": "always-valid",
            "early": self.early,
            "read_at": self.read_at,
            "reading": None if self.reading is None else {
                "written": self.reading.written.to_json(),
                "control": self.reading.control.to_json(),
                "gain": self.reading.gain,
                "interval": _ends(self.reading.fixed_interval),
            },
            "warnings": self.warnings,
        }  # fmt: skip


def _ends(sure: Interval | None) -> list[float] | None:
    return None if sure is None else [sure.low, sure.high]


def lift(
    connection: Connection, rulebook: Rulebook, key: str, campaign: Campaign, now: datetime, *,
    since: datetime | None = None, until: datetime | None = None,
) -> Lift:  # fmt: skip
    """The lift of the campaign with this key, which has a goal: of the clients who were drawn in [since, until)."""
    goal, read_at = campaign.goal, campaign.holdout.read_at
    if goal is None:
        raise ValueError(f"{campaign.name} has no goal")
    drawn = drawn_clients(key, since, until)
    start = drawn.selected_columns.start
    drawn = drawn.where(start <= to_micros(now - goal.within))
    found = compare(connection, rulebook, goal, drawn)
    if read_at is None or found.clients < read_at:
        return Lift(found.written, found.control, str(goal), read_at)
    first = drawn.order_by(start, drawn.selected_columns.customer_id).limit(read_at)
    last = from_micros(int(connection.execute(select(func.max(first.subquery().c.start))).scalar_one()))
    if named_at(connection, key, campaign, now) > last + goal.within:
        return Lift(found.written, found.control, str(goal), read_at, named_late=True)
    return Lift(found.written, found.control, str(goal), read_at, compare(connection, rulebook, goal, first))


def global_lift(
    connection: Connection, rulebook: Rulebook, now: datetime, *, since: datetime | None = None,
    until: datetime | None = None,
) -> Lift | None:  # fmt: skip
    """What all campaigns together bring: the mailboxes that get marketing compared with the global holdout.

    None where the policy has no holdout.
    """
    holdout = rulebook.policy.holdout
    if holdout is None:
        return None
    drawn = drawn_clients(GLOBAL, since, until)
    drawn = drawn.where(drawn.selected_columns.start <= to_micros(now - holdout.goal.within))
    found = compare(connection, rulebook, holdout.goal, drawn)
    return Lift(found.written, found.control, str(holdout.goal))


def drawn_clients(experiment: str, since: datetime | None = None, until: datetime | None = None) -> Select[Any]:
    """Each client once, from the first draw, if it was in [since, until): `customer_id`, `mailbox`, `arm`, `start`."""
    start = type_coerce(assignments.c.at, BigInteger)
    place = func.row_number().over(partition_by=assignments.c.customer_id, order_by=(start, assignments.c.mailbox))
    columns = (assignments.c.customer_id, assignments.c.mailbox, assignments.c.arm, start.label("start"))
    each = select(*columns, place.label("place")).where(assignments.c.experiment == experiment).subquery("draws")
    drawn = select(each.c.customer_id, each.c.mailbox, each.c.arm, each.c.start).where(each.c.place == 1)
    drawn = drawn if since is None else drawn.where(each.c.start >= to_micros(since))
    return drawn if until is None else drawn.where(each.c.start < to_micros(until))


def compare(connection: Connection, rulebook: Rulebook, goal: Goal, drawn: Select[Any]) -> Comparison:
    """Counts the rows of `drawn`: all groups that get emails, whatever their variant, and the control group."""
    groups = counted_groups(connection, rulebook, goal, drawn)
    written = [group for arm, group in groups.items() if arm != Arm.CONTROL]
    emailed = Group(sum(group.clients for group in written), sum(group.reached for group in written))
    return Comparison(emailed, groups.get(Arm.CONTROL, Group(0, 0)))


def counted_groups(connection: Connection, rulebook: Rulebook, goal: Goal, drawn: Select[Any]) -> dict[str, Group]:
    """Counts the rows of `drawn`, by group."""
    unit = drawn.subquery("unit")
    holder = customers.alias("holder")
    happened, within = happened_events(goal, rulebook), goal.within
    # The mailbox was drawn, so any client with it can reach the goal.
    reached = or_(
        happened_after(happened, within, unit.c.start, lambda whose: whose == unit.c.customer_id),
        happened_after(
            happened, within, unit.c.start,
            lambda whose: and_(holder.c.id == whose, holder.c.email_hash == unit.c.mailbox),
        ),
    )  # fmt: skip
    rows = connection.execute(
        select(unit.c.arm, func.count(), func.count().filter(reached)).select_from(unit).group_by(unit.c.arm)
    )
    return {str(arm): Group(int(clients), int(done)) for arm, clients, done in rows}


def happened_after(
    happened: Subquery, within: timedelta, start: ColumnElement[int],
    by: Callable[[ColumnElement[int]], ColumnElement[bool]],
) -> ColumnElement[bool]:  # fmt: skip
    """Whether one of the events came in that time after `start`, by a client for whose key `by` holds."""
    at = happened.c.at
    return exists().where(by(happened.c.customer_id), at > start, at <= start + within // MICROSECOND)
