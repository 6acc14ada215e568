"""What a campaign added in money: the value of goals per mailbox, emailed against held out.

The groups, their beginning and their time are those of `lift`; what a mailbox brought is the sum over its goals in that
time, most often 0. The interval is an asymptotic confidence sequence for the difference of two means, valid at every
look (`intervals`). Amounts are uneven, and the largest of few govern their mean: the report warns below the number of
mailboxes at which the mean is near enough to normal, 355 times the square of the skewness.

R. Kohavi, A. Deng, R. Longbotham, Y. Xu, Seven rules of thumb for web site experimenters, KDD 2014, rule 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import ceil
from typing import Any

from sqlalchemy import Connection, Double, Select, and_, cast, func, select, union
from sqlalchemy.sql import ColumnElement

from regulars.db.tables import customers
from regulars.db.types import MICROSECOND, MONEY_SCALE, to_micros
from regulars.insights.goal_events import goal_events
from regulars.insights.intervals import Interval, always_valid_mean_difference
from regulars.insights.lift import FEWEST, drawn_clients
from regulars.ledger.assignments import Arm
from regulars.rules.goal_rules import Goal
from regulars.rules.model import Campaign, Rulebook

PER_SQUARED_SKEWNESS = 355


@dataclass(frozen=True)
class Values:
    """What the mailboxes of a group brought: powers of each mailbox's sum, added up; `buyers` brought something."""

    mailboxes: int = 0
    buyers: int = 0
    total: float = 0.0
    squares: float = 0.0
    cubes: float = 0.0

    @property
    def mean(self) -> float:
        """Value per mailbox."""
        return self.total / self.mailboxes if self.mailboxes else 0.0

    @property
    def variance(self) -> float:
        """Of one mailbox's value, estimated; 0 for fewer than two mailboxes."""
        if self.mailboxes < 2:
            return 0.0
        return max(0.0, (self.squares - self.mailboxes * self.mean**2) / (self.mailboxes - 1))

    def __add__(self, other: Values) -> Values:
        return Values(
            self.mailboxes + other.mailboxes, self.buyers + other.buyers, self.total + other.total,
            self.squares + other.squares, self.cubes + other.cubes,
        )  # fmt: skip

    @property
    def skewness(self) -> float:
        """The third standardised moment of one mailbox's value; 0 without spread."""
        n, m = self.mailboxes, self.mean
        spread = self.squares / n - m * m if n else 0.0
        if spread <= 0:
            return 0.0
        return float((self.cubes / n - 3 * m * self.squares / n + 2 * m**3) / spread**1.5)

    def to_json(self) -> dict[str, float]:
        """JSON-ready data."""
        return {"mailboxes": self.mailboxes, "buyers": self.buyers, "total": self.total, "per_mailbox": self.mean}


@dataclass(frozen=True)
class ValueLift:
    """Both groups in one currency (empty: plain numbers). Everything is about mailboxes whose time is over."""

    goal: str
    currency: str
    written: Values
    control: Values

    @property
    def gain(self) -> float | None:
        """Value per mailbox, emailed minus held out; None if either group is empty."""
        if not self.written.mailboxes or not self.control.mailboxes:
            return None
        return self.written.mean - self.control.mean

    @cached_property
    def interval(self) -> Interval | None:
        """Where the true difference per mailbox lies, at every look; None where there is no spread to tell."""
        one, two = self.written, self.control
        if self.gain is None or one.mailboxes < 2 or two.mailboxes < 2:
            return None
        return always_valid_mean_difference(
            self.gain, one.variance, one.mailboxes, two.variance, two.mailboxes, (one + two).variance
        )

    @property
    def added(self) -> float | None:
        """The gain over all emailed mailboxes."""
        return None if self.gain is None else self.gain * self.written.mailboxes

    @property
    def added_interval(self) -> Interval | None:
        """The interval over all emailed mailboxes."""
        sure, number = self.interval, self.written.mailboxes
        return None if sure is None else Interval(sure.low * number, sure.high * number)

    @property
    def needed(self) -> int:
        """How many mailboxes the smaller group needs before the interval can be relied upon."""
        return ceil(PER_SQUARED_SKEWNESS * (self.written + self.control).skewness ** 2)

    @cached_property
    def warnings(self) -> list[str]:
        """Why the figures are not to be relied upon yet, as sentences."""
        fewest = min(self.written.mailboxes, self.control.mailboxes)
        if not self.written.mailboxes + self.control.mailboxes:
            return []
        if min(self.written.buyers, self.control.buyers) < FEWEST:
            return [f"too early to look at amounts: fewer than {FEWEST} of a group brought any"]
        if fewest < self.needed:
            needs = f"the smaller group needs about {self.needed:,} mailboxes, and has {fewest:,}"
            return [f"early: amounts are so uneven that {needs}"]
        return []

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        ends = (None if each is None else [each.low, each.high] for each in (self.interval, self.added_interval))
        interval, added = ends
        return {
            "goal": self.goal, "currency": self.currency or None, "written": self.written.to_json(),
            "control": self.control.to_json(), "gain_per_mailbox": self.gain, "interval": interval,
            "added": self.added, "added_interval": added, "interval_kind": "always-valid", "warnings": self.warnings,
        }  # fmt: skip


def value_lift(
    connection: Connection, rulebook: Rulebook, key: str, campaign: Campaign, now: datetime, *,
    since: datetime | None = None, until: datetime | None = None,
) -> list[ValueLift]:  # fmt: skip
    """By currency, of the clients drawn in [since, until) for the campaign with this key; empty without values."""
    goal = campaign.goal
    if goal is None or goal.counted is None:
        return []
    drawn = drawn_clients(key, since, until)
    drawn = drawn.where(drawn.selected_columns.start <= to_micros(now - goal.within))
    unit = drawn.subquery("unit")
    sizes = {str(arm): int(n) for arm, n in connection.execute(select(unit.c.arm, func.count()).group_by(unit.c.arm))}
    found: dict[str, dict[str, Values]] = {}
    for currency, arm, buyers, total, squares, cubes in connection.execute(_moments(drawn, goal, rulebook)):
        found.setdefault(currency, {})[arm] = Values(sizes[arm], buyers, total, squares, cubes)
    return [_lift(str(goal), currency, by_arm, sizes) for currency, by_arm in sorted(found.items())]


def _lift(goal: str, currency: str, by_arm: Mapping[str, Values], sizes: Mapping[str, int]) -> ValueLift:
    """All groups that get emails, whatever their variant, and the control group; who brought nothing counts too."""
    groups = {arm: by_arm.get(arm, Values(size)) for arm, size in sizes.items()}
    control = groups.pop(Arm.CONTROL, Values())
    return ValueLift(goal, currency, sum(groups.values(), Values()), control)


def _moments(drawn: Select[Any], goal: Goal, rulebook: Rulebook) -> Select[Any]:
    """By currency and arm: mailboxes with a value, and the sums of powers of what each brought."""
    unit = drawn.cte("unit")
    holder = customers.alias("holder")
    by_address, own = goal_events(goal, rulebook), goal_events(goal, rulebook)

    def columns(reached: Any) -> list[ColumnElement[Any]]:
        return [unit.c.arm, unit.c.customer_id, reached.c.id, reached.c.value, reached.c.currency]

    def in_time(reached: Any) -> ColumnElement[bool]:
        ends = unit.c.start + goal.within // MICROSECOND
        return and_(reached.c.at > unit.c.start, reached.c.at <= ends, reached.c.value.is_not(None))

    # The mailbox was drawn, so what any client with it brought counts; each event once, whichever way it is found.
    every = union(
        select(*columns(by_address))
        .join(holder, holder.c.email_hash == unit.c.mailbox)
        .join(by_address, by_address.c.customer_id == holder.c.id)
        .where(in_time(by_address)),
        select(*columns(own)).join(own, own.c.customer_id == unit.c.customer_id).where(in_time(own)),
    ).subquery("every")
    currency = func.coalesce(every.c.currency, "").label("currency")
    brought = (cast(func.sum(every.c.value), Double) / MONEY_SCALE).label("brought")
    each = select(every.c.arm, currency, brought).group_by(every.c.arm, every.c.customer_id, currency).subquery("each")
    x = each.c.brought
    powers = (func.sum(x), func.sum(x * x), func.sum(x * x * x))
    return select(each.c.currency, each.c.arm, func.count(), *powers).group_by(each.c.currency, each.c.arm)
