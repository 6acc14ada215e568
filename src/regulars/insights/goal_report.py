"""What followed the emails of each campaign: goals reached and their value, by step, arm and month.

Each campaign's own claims and the share of them that the last email decides stand side by side; `Total` counts every
event once. Values of several currencies stay apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, FromClause, and_, func, select
from sqlalchemy.sql import ColumnElement

from regulars.db.tables import assignments, campaigns
from regulars.db.types import MONEY_SCALE, to_micros
from regulars.insights.attribution import AskedGoal, Period, asked_goals, claims, in_period, received_emails
from regulars.insights.months import month_of, months_between
from regulars.rules.goal_rules import Goal
from regulars.rules.model import Rulebook

Values = Mapping[str, Decimal]
"""Sums by currency; the key is empty for plain numbers."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Goals reached: events, mailboxes, and their value; `unvalued` events had none, and are not in the sums.

    Mailboxes are None for a step or a month: one mailbox can be among those of several.
    """

    events: int = 0
    mailboxes: int | None = 0
    values: Values = field(default_factory=dict)
    unvalued: int = 0

    def __add__(self, other: Reached) -> Reached:
        """Both together; how many mailboxes that is, is not known."""
        values = dict(self.values)
        for currency, amount in other.values.items():
            values[currency] = values.get(currency, Decimal(0)) + amount
        return Reached(self.events + other.events, None, values, self.unvalued + other.unvalued)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data; sums are decimal texts."""
        values = [{"currency": name or None, "sum": str(amount)} for name, amount in sorted(self.values.items())]
        return {"events": self.events, "mailboxes": self.mailboxes, "values": values, "unvalued": self.unvalued}


@dataclass(frozen=True, slots=True)
class Part:
    """The emails of one step, arm or month, or of the whole campaign, and what followed them.

    `open` are emails whose time for the goal is not over. `claimed` counts the campaign's own claims, `by_last_email`
    those for which no other campaign wrote later; of it, `mailboxes` counts those with such a claim.
    """

    emails: int = 0
    mailboxes: int | None = 0
    open: int = 0
    claimed: Reached = field(default_factory=Reached)
    by_last_email: Reached = field(default_factory=Reached)

    def __add__(self, other: Part) -> Part:
        """Both together."""
        return Part(
            self.emails + other.emails, None, self.open + other.open, self.claimed + other.claimed,
            self.by_last_email + other.by_last_email,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "emails": self.emails, "mailboxes": self.mailboxes, "open": self.open, "claimed": self.claimed.to_json(),
            "by_last_email": self.by_last_email.to_json(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class GoalFigures:
    """One goal of one campaign. `stated` is whether its rule names the goal; `arms` are empty without a draw."""

    campaign: str
    key: str
    goal: Goal
    stated: bool
    whole: Part
    steps: Mapping[str, Part]
    arms: Mapping[str, Part]
    months: Mapping[str, Part]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "campaign": self.campaign, "goal": str(self.goal), "value": self.goal.counted, "stated": self.stated,
            **self.whole.to_json(),
            "steps": {name: part.to_json() for name, part in self.steps.items()},
            "arms": {name: part.to_json() for name, part in self.arms.items()},
            "months": {name: part.to_json() for name, part in self.months.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class GoalReport:
    """All campaigns. `total` counts each event once; `claimed` is what their own claims add up to."""

    period: Period
    rule: str
    goals: Sequence[GoalFigures]
    total: Reached
    claimed: Reached

    def headline(self, part: Part) -> Reached:
        """What `policy.attribution` counts for the part."""
        return part.claimed if self.rule == "any" else part.by_last_email

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        since, until = self.period.since, self.period.until
        return {
            "now": self.period.now.isoformat(),
            "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
            "attribution": self.rule,
            "meaning": "events that followed an email; only a control group shows an effect",
            "goals": [figures.to_json() for figures in self.goals],
            "total": self.total.to_json(),
            "claimed_in_all": self.claimed.to_json(),
        }


def goal_report(connection: Connection, rulebook: Rulebook, period: Period) -> GoalReport:
    """Counts the emails sent in the period and the goals that followed them, of every campaign."""
    names = {str(key): str(name) for key, name in connection.execute(select(campaigns.c.key, campaigns.c.name))}
    goals = asked_goals(connection, rulebook)
    months = months_between(connection, rulebook.company.timezone, period)
    emails = _emails(connection, goals, period, months)
    reached = _reached(connection, rulebook, goals, period, months)
    figures = []
    for asked in goals:
        place = (asked.campaign, asked.place)
        sent, came = emails.get(place, []), reached.get(place, [])
        if not sent:
            continue
        figures.append(
            GoalFigures(
                names.get(asked.campaign, asked.campaign), asked.campaign, asked.goal, asked.stated,
                _whole(sent, came), _parts(sent, came, 0), _parts(sent, came, 1), _parts(sent, came, 2),
            )
        )  # fmt: skip
    everything = [row for rows in reached.values() for row in rows]
    return GoalReport(
        period,
        rulebook.policy.attribution.rule,
        figures,
        _sum(everything, lambda row: row.new_last_in_all, last=True),
        _sum(everything, lambda row: row.new_in_all, last=False),
    )


@dataclass(frozen=True, slots=True)
class _Sent:
    """Emails of one step, arm and month; `new` counts mailboxes, each at its first email of the campaign."""

    of: tuple[str, str, str]
    emails: int
    open: int
    new: int


@dataclass(frozen=True, slots=True)
class _Came:
    """Claims of one step, arm, month and currency; `new` count mailboxes at their first claim, `last` by last email."""

    of: tuple[str, str, str]
    currency: str
    last: bool
    events: int
    valued: int
    value: int
    new: int
    new_last: int
    new_in_all: int
    new_last_in_all: int


_ARM = 1
"""Its place in `of`. A mailbox has one arm of a campaign, so that mailboxes of arms add up."""


def _whole(sent: Sequence[_Sent], came: Sequence[_Came]) -> Part:
    return Part(
        sum(row.emails for row in sent), sum(row.new for row in sent), sum(row.open for row in sent),
        _sum(came, lambda row: row.new, last=False), _sum(came, lambda row: row.new_last, last=True),
    )  # fmt: skip


def _parts(sent: Sequence[_Sent], came: Sequence[_Came], place: int) -> dict[str, Part]:
    """By step, arm or month; emails without an arm are in none."""
    found = {}
    for key in sorted({row.of[place] for row in sent} - {""}):
        part = _whole([row for row in sent if row.of[place] == key], [row for row in came if row.of[place] == key])
        found[key] = part if place == _ARM else _without_mailboxes(part)
    return found


def _without_mailboxes(part: Part) -> Part:
    claimed, last = (replace(each, mailboxes=None) for each in (part.claimed, part.by_last_email))
    return replace(part, mailboxes=None, claimed=claimed, by_last_email=last)


def _sum(rows: Iterable[_Came], mailboxes: Callable[[_Came], int], *, last: bool) -> Reached:
    counted = [row for row in rows if row.last or not last]
    values: dict[str, int] = {}
    for row in counted:
        if row.valued:
            values[row.currency] = values.get(row.currency, 0) + row.value
    amounts = {name: Decimal(value) / MONEY_SCALE for name, value in values.items()}
    events, valued = sum(row.events for row in counted), sum(row.valued for row in counted)
    return Reached(events, sum(mailboxes(row) for row in counted), amounts, events - valued)


def _emails(
    connection: Connection, goals: Sequence[AskedGoal], period: Period, months: Sequence[datetime]
) -> dict[tuple[str, int], list[_Sent]]:
    emails = received_emails(connection, goals, period)
    is_open = emails.c.sent + emails.c.within > to_micros(period.now)
    first = _first((emails.c.campaign, emails.c.place, emails.c.mailbox), (emails.c.sent, emails.c.promise_id))
    rows = (
        select(*_keys(emails, months), is_open.label("is_open"), first.label("new"))
        .outerjoin_from(emails, assignments, _drawn(emails))
        .where(*in_period(emails.c.sent, period))
        .subquery("rows")
    )
    keys = [rows.c[name] for name in _KEYS]
    counted = select(*keys, func.count(), func.count().filter(rows.c.is_open), func.count().filter(rows.c.new))
    found: dict[tuple[str, int], list[_Sent]] = {}
    for campaign, place, *of, sent, still_open, new in connection.execute(counted.group_by(*keys)):
        found.setdefault((campaign, place), []).append(_Sent((of[0], of[1], of[2]), sent, still_open, new))
    return found


def _reached(
    connection: Connection, rulebook: Rulebook, goals: Sequence[AskedGoal], period: Period, months: Sequence[datetime]
) -> dict[tuple[str, int], list[_Came]]:
    claimed = claims(connection, rulebook, goals, period)
    if claimed is None:
        return {}
    of_campaign, mailbox, last = (claimed.c.campaign, claimed.c.place), claimed.c.mailbox, claimed.c.is_last
    order = (claimed.c.sent, claimed.c.promise_id, claimed.c.source, claimed.c.event_id)
    rows = (
        select(
            *_keys(claimed, months), last, claimed.c.value, func.coalesce(claimed.c.currency, "").label("currency"),
            _first((*of_campaign, mailbox), order).label("new"),
            and_(last, _first((*of_campaign, mailbox, last), order)).label("new_last"),
            _first((mailbox,), order).label("new_in_all"),
            and_(last, _first((mailbox, last), order)).label("new_last_in_all"),
        )
        .outerjoin_from(claimed, assignments, _drawn(claimed))
        .subquery("rows")
    )  # fmt: skip
    keys = [rows.c[name] for name in (*_KEYS, "currency", "is_last")]
    new = [func.count().filter(rows.c[name]) for name in ("new", "new_last", "new_in_all", "new_last_in_all")]
    counted = select(*keys, func.count(), func.count(rows.c.value), func.sum(rows.c.value), *new).group_by(*keys)
    found: dict[tuple[str, int], list[_Came]] = {}
    for row in connection.execute(counted):
        campaign, place, step, arm, month, currency, is_last, events, valued, value, *seen = row
        entry = _Came((step, arm, month), currency, bool(is_last), events, valued, int(value or 0), *seen)
        found.setdefault((campaign, place), []).append(entry)
    return found


_KEYS = ("campaign", "place", "step", "arm", "month")


def _keys(rows: FromClause, months: Sequence[datetime]) -> list[ColumnElement[Any]]:
    arm = func.coalesce(assignments.c.arm, "").label("arm")
    return [rows.c.campaign, rows.c.place, rows.c.step, arm, month_of(rows.c.sent, months).label("month")]


def _drawn(rows: FromClause) -> ColumnElement[bool]:
    return and_(assignments.c.experiment == rows.c.campaign, assignments.c.mailbox == rows.c.mailbox)


def _first(group: Sequence[ColumnElement[Any]], order: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
    """Whether the row is the first of its group."""
    return func.row_number().over(partition_by=group, order_by=order) == 1
