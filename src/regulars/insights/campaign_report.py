"""The outcome of every promise, by campaign; the numbers add up to the rows of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, func, literal, select, true
from sqlalchemy.sql import ColumnElement, and_, or_

from regulars.coupons.redemption import REDEEMED
from regulars.db.json_fields import regulars_field_text
from regulars.db.states import State
from regulars.db.tables import campaigns, coupons, events, promises
from regulars.insights.came_back import CameBack, came_back
from regulars.insights.lift import Lift, global_lift, lift
from regulars.insights.link_responses import GradeCounts, LinkReport, link_reports, response_counts
from regulars.insights.variant_results import VariantResults, variant_results
from regulars.knowledge.search_range import corner, corner_note, unit_of
from regulars.profile import learned
from regulars.responses.click_grading import HitKind
from regulars.rules.model import Rulebook

_DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True)
class Coupons:
    """Coupons sent by email in the period, and redemptions in it, whenever those coupons were sent."""

    given: int
    redeemed: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One campaign. `due` can be sent or is being sent; `lift` is None where the rule has no goal and control group.

    `coupons` is None where none were issued or redeemed.
    """

    due: int = 0
    held: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    sent: int = 0
    failed: int = 0
    uncertain: int = 0
    bounced: int = 0
    came_back: CameBack = field(default_factory=CameBack)
    lift: Lift | None = None
    variants: VariantResults | None = None
    coupons: Coupons | None = None
    clicks: GradeCounts | None = None
    opens: GradeCounts | None = None
    """Of emails settled in the period; None where they are not counted."""
    links: LinkReport = field(default_factory=LinkReport)
    """The clicked links in them."""

    @property
    def total(self) -> int:
        """The number of all promises."""
        waiting = self.due + sum(self.held.values()) + sum(self.skipped.values())
        return waiting + self.sent + self.failed + self.uncertain + self.bounced

    def to_json(self) -> dict[str, Any]:
        """The shape of a plan, with the outcomes."""
        document: dict[str, Any] = {
            "due": self.due, "held": dict(self.held), "skipped": dict(self.skipped), "sent": self.sent,
            "failed": self.failed, "uncertain": self.uncertain, "bounced": self.bounced,
            **asdict(self.came_back),
        }  # fmt: skip
        if self.coupons is not None:
            document["coupons"] = asdict(self.coupons)
        if self.clicks is not None:
            document["links"] = [link.to_json() for link in self.links.shown]
            document["more_links"] = self.links.more
        more = {"clicks": self.clicks, "opens": self.opens, "lift": self.lift, "variants": self.variants}
        return document | {name: part.to_json() for name, part in more.items() if part is not None}


@dataclass(frozen=True, slots=True)
class Report:
    """All campaigns in the files or with promises, by name; the period is [since, until)."""

    now: datetime
    since: datetime | None
    until: datetime | None
    campaigns: Mapping[str, Figures]
    holdout: Lift | None = None
    """What all campaigns together bring, against the global holdout; None where the policy has none."""

    def to_json(self) -> dict[str, Any]:
        """The published shape of `report --json`; keys are only ever added."""
        return {
            "now": self.now.isoformat(),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "campaigns": {name: figures.to_json() for name, figures in self.campaigns.items()},
            **({} if self.holdout is None else {"holdout": self.holdout.to_json()}),
        }


def report(
    connection: Connection, rulebook: Rulebook, now: datetime, *, since: datetime | None = None,
    until: datetime | None = None,
) -> Report:  # fmt: skip
    """Counts the promises settled in the period, and all that are open now."""
    names = {str(row.key): str(row.name) for row in connection.execute(select(campaigns.c.key, campaigns.c.name))}
    counted = _count(connection, names, _period(since, until))
    found = {name: Figures() for name in rulebook.campaigns} | {
        name: _figures(rows) for name, rows in sorted(counted.items())
    }
    for key, returned in came_back(connection, _period(since, until)).items():
        name = names.get(key, key)
        found[name] = replace(found.get(name, Figures()), came_back=returned)
    keys = {name: key for key, name in names.items()}
    for name, campaign in rulebook.campaigns.items():
        if campaign.goal is not None and campaign.holdout and name in keys:
            measured = lift(connection, rulebook, keys[name], campaign, now, since=since, until=until)
            found[name] = replace(found[name], lift=measured)
        if campaign.variants and name in keys:
            results = variant_results(connection, rulebook, keys[name], campaign, now, since=since, until=until)
            found[name] = replace(found[name], variants=results)
    for key, counts in _coupons(connection, since, until).items():
        name = names.get(key, key)
        found[name] = replace(found.get(name, Figures()), coupons=counts)
    came, followed = response_counts(connection, _period(since, until)), link_reports(connection, _period(since, until))
    for name, figures in found.items():
        key = keys.get(name, name)
        clicks, opens = (came.get((key, kind)) for kind in (HitKind.CLICK, HitKind.OPEN))
        zero_clicks, zero_opens = _zeros(rulebook, name)
        found[name] = replace(
            figures, clicks=clicks or zero_clicks, opens=opens or zero_opens, links=followed.get(key, LinkReport())
        )
    return Report(now, since, until, found, global_lift(connection, rulebook, now, since=since, until=until))


def _coupons(connection: Connection, since: datetime | None, until: datetime | None) -> dict[str, Coupons]:
    """By campaign key; a redemption is an event with the campaign of the coupon."""
    campaign = regulars_field_text(events.c.data, literal("campaign", Text))
    given = _coupons_by_email(since, until)
    used = select(campaign, func.count()).where(events.c.name == REDEEMED, campaign.is_not(None))
    counted: list[dict[str, int]] = [
        dict(connection.execute(query.group_by(column)).all())
        for query, column in (
            (given, given.selected_columns.campaign),
            (used.where(_between(events.c.occurred_at, since, until)), campaign),
        )
    ]
    keys = sorted({str(key) for found in counted for key in found})
    return {key: Coupons(*(found.get(key, 0) for found in counted)) for key in keys}


def _coupons_by_email(since: datetime | None, until: datetime | None) -> Select[Any]:
    """By campaign key, coupons sent by email; codes assigned to an email that failed do not count."""
    place = (coupons.c.campaign, coupons.c.customer_id, coupons.c.occurrence)
    same = and_(*(promises.c[column.name] == column for column in place))
    first_email = func.min(promises.c.settled_at)
    went = (
        select(coupons.c.campaign, coupons.c.id)
        .join(promises, and_(same, promises.c.state.in_([State.SENT, State.UNCERTAIN, State.BOUNCED])))
        .group_by(coupons.c.campaign, coupons.c.id)
        .having(_between(first_email, since, until))
        .subquery("went")
    )
    return select(went.c.campaign, func.count())


def learned_notes(connection: Connection) -> list[str]:
    """That the buying model in force was learned at the edge of its search; empty where it was not."""
    model, oldest = learned.model(connection), learned.oldest_age(connection)
    if model is None or not oldest:
        return []
    r, alpha, a, b = (float(model[name] or 0.0) for name in ("r", "alpha", "a", "b"))
    if min(r, alpha, a, b) <= 0:
        return []
    note = corner_note(corner(r, alpha, a, b, unit_of(oldest / _DAYS_PER_WEEK)), a, b)
    return [note] if note else []


def _between(column: ColumnElement[Any], since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    bounds = [column >= since] if since is not None else []
    bounds += [column < until] if until is not None else []
    return and_(true(), *bounds)


def _zeros(rulebook: Rulebook, name: str) -> tuple[GradeCounts | None, GradeCounts | None]:
    """Zero counts where clicks and opens are counted, but there are none yet."""
    campaign = rulebook.campaigns.get(name)
    asked = campaign.measured(rulebook.policy) if campaign else None
    return (GradeCounts() if asked and asked.clicks else None, GradeCounts() if asked and asked.opens else None)


def _period(since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    bounds: list[ColumnElement[bool]] = [promises.c.settled_at.is_not(None)]
    if since is not None:
        bounds.append(promises.c.settled_at >= since)
    if until is not None:
        bounds.append(promises.c.settled_at < until)
    return and_(*bounds)


def _count(
    connection: Connection, names: Mapping[str, str], ended: ColumnElement[bool]
) -> dict[str, list[tuple[str, str, int]]]:
    """By campaign name: (state, reason, how many)."""
    columns = (promises.c.campaign, promises.c.state, promises.c.reason)
    open_now = promises.c.state.in_([State.HELD, State.PLANNED])
    rows = connection.execute(select(*columns, func.count()).where(or_(open_now, ended)).group_by(*columns))
    found: dict[str, list[tuple[str, str, int]]] = {}
    for key, state, reason, count in rows:
        found.setdefault(names.get(key, key), []).append((str(state), str(reason), int(count)))
    return found


def _figures(rows: list[tuple[str, str, int]]) -> Figures:
    def by_reason(wanted: State) -> dict[str, int]:
        return {reason: count for state, reason, count in sorted(rows) if state == wanted}

    def total(*wanted: State) -> int:
        return sum(count for state, _, count in rows if state in wanted)

    return Figures(
        total(State.PLANNED), by_reason(State.HELD), by_reason(State.SKIPPED), total(State.SENT), total(State.FAILED),
        total(State.UNCERTAIN), total(State.BOUNCED),
    )  # fmt: skip
