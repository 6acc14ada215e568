"""The ledger queries of a simulation: samples for people, counts, and the next instant to plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, func, or_, select, type_coerce

from regulars.context.active_campaign import ActiveCampaign, load_active_campaigns
from regulars.context.statement_cache import StatementCache
from regulars.db.states import State
from regulars.db.tables import campaigns, customers, decisions, managers, members, promises, rule_versions, values_seen
from regulars.db.types import from_micros
from regulars.ledger.arms import assigned_arm
from regulars.rules.model import Rulebook
from regulars.triggers.kinds import trigger_of
from regulars.triggers.upcoming import Upcoming, UpcomingQuery

_ENDED_STATES = (State.SENT, State.UNCERTAIN, State.SKIPPED)
_SLICE = 5_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One client of a campaign and the plan's decision. `outcome`: due, held or skipped."""

    outcome: str
    step: str
    customer: str
    name: str | None
    email: str | None
    due_at: datetime
    next_at: datetime | None
    reason: str | None
    detail: str | None


def decided(now: datetime) -> ColumnElement[bool]:
    """Promises that a plan at `now` planned, held or skipped."""
    skipped = and_(promises.c.state == State.SKIPPED, promises.c.settled_at == now)
    return or_(promises.c.state.in_([State.PLANNED, State.HELD]), skipped)


def samples(
    connection: Connection, active_campaigns: Mapping[str, ActiveCampaign], now: datetime, count: int
) -> dict[str, list[Sample]]:
    """By campaign name, up to `count` clients of each step, outcome and reason, in the order in which they were due."""
    place = func.row_number().over(
        partition_by=(promises.c.campaign, promises.c.step, promises.c.state, promises.c.reason),
        order_by=(promises.c.due_at, promises.c.id),
    )
    ranked = select(promises, place.label("place")).where(decided(now)).subquery()
    query = (
        select(ranked, customers.c.external_id, customers.c.name, customers.c.first_name, customers.c.email)
        .join(customers, customers.c.id == ranked.c.customer_id)
        .where(ranked.c.place <= count)
        .order_by(ranked.c.campaign, ranked.c.state.desc(), ranked.c.reason, ranked.c.due_at, ranked.c.id)
    )
    found: dict[str, list[Sample]] = {}
    for row in connection.execute(query):
        outcome = "due" if row.state == State.PLANNED else str(row.state)
        sample = Sample(
            outcome, row.step, row.external_id, row.name or row.first_name, row.email, row.due_at,
            row.next_at if row.state == State.HELD else None, row.reason, _named(active_campaigns, row.detail),
        )  # fmt: skip
        found.setdefault(_name(active_campaigns, row.campaign), []).append(sample)
    return found


def _name(active_campaigns: Mapping[str, ActiveCampaign], key: str) -> str:
    return active_campaigns[key].campaign.name if key in active_campaigns else key


def _named(active_campaigns: Mapping[str, ActiveCampaign], detail: str | None) -> str | None:
    """The winner of a cap by its present name; other details unchanged."""
    return None if detail is None else _name(active_campaigns, detail)


def left_alone(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """For these campaigns, how many clients were past the trigger when the rule came into force and get nothing."""
    chosen = list(keys)
    inside = select(members.c.campaign, func.count()).where(
        members.c.campaign.in_(chosen), members.c.baseline, members.c.left_at.is_(None)
    )
    known = select(values_seen.c.campaign, func.count()).where(
        values_seen.c.campaign.in_(chosen), values_seen.c.baseline
    )
    rows = [
        *connection.execute(inside.group_by(members.c.campaign)),
        *connection.execute(known.group_by(values_seen.c.campaign)),
    ]
    return {key: int(count) for key, count in rows}


def held(connection: Connection, active_campaigns: Mapping[str, ActiveCampaign]) -> dict[str, Counter[str]]:
    """By campaign name, how many are held now, and why."""
    return _reasons(connection, active_campaigns, promises.c.state == State.HELD)


def skipped(
    connection: Connection, active_campaigns: Mapping[str, ActiveCampaign], at: datetime
) -> dict[str, Counter[str]]:
    """By campaign name, how many were skipped at that instant, and why."""
    return _reasons(connection, active_campaigns, and_(promises.c.state == State.SKIPPED, promises.c.settled_at == at))


def _reasons(
    connection: Connection, active_campaigns: Mapping[str, ActiveCampaign], chosen: ColumnElement[bool]
) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    columns = (promises.c.campaign, promises.c.reason)
    rows = connection.execute(select(*columns, func.count()).where(chosen).group_by(*columns))
    for key, reason, count in rows:
        found.setdefault(_name(active_campaigns, key), Counter())[str(reason)] += int(count)
    return found


@dataclass(frozen=True, slots=True)
class Email:
    """One sent email: campaign key, step, the client's external id, the languages of the client and their manager.

    `arm` is the group of the campaign's experiment in which the client is.
    """

    campaign: str
    step: str
    customer: str
    locale: str | None = None
    manager_locale: str | None = None
    arm: str | None = None


def emails(connection: Connection, ids: Sequence[int]) -> list[Email]:
    """The emails of these promises."""
    found: list[Email] = []
    for start in range(0, len(ids), _SLICE):
        rows = connection.execute(
            select(
                *promises.c["campaign", "step"],
                customers.c.external_id,
                customers.c.locale,
                managers.c.locale.label("manager_locale"),
                assigned_arm(promises.c.campaign),
            )
            .join(customers, customers.c.id == promises.c.customer_id)
            .outerjoin(managers, managers.c.id == customers.c.manager_id)
            .where(promises.c.id.in_(ids[start : start + _SLICE]))
        )
        found += [Email(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]
    return found


def sources_in_force(connection: Connection) -> dict[str, dict[str, Any]]:
    """By name, the text of every campaign in force, as data."""
    joined = campaigns.join(rule_versions, rule_versions.c.rule == campaigns.c.rule)
    query = select(campaigns.c.name, rule_versions.c.source).select_from(joined).where(campaigns.c.retired_at.is_(None))
    return {str(name): dict(source) for name, source in connection.execute(query)}


def names_of_keys(connection: Connection, book: Rulebook) -> dict[str, str]:
    """Campaign keys and their names in the files: a renamed campaign has its new name."""
    renamed = {campaign.was: name for name, campaign in book.campaigns.items() if campaign.was}
    digests = {book.digest(campaign): name for name, campaign in book.campaigns.items()}
    rows = connection.execute(select(campaigns.c.key, campaigns.c.name, campaigns.c.rule))
    return {
        key: name if name in book.campaigns else renamed.get(name, digests.get(rule, name)) for key, name, rule in rows
    }


def upcoming(connection: Connection, book: Rulebook, after: datetime, cache: StatementCache) -> datetime | None:
    """The next instant after `after` at which something becomes due by the ledger or by past events."""
    return min(upcoming_by_campaign(connection, book, after, cache).values(), default=None)


def upcoming_by_campaign(
    connection: Connection, book: Rulebook, after: datetime, cache: StatementCache
) -> dict[str | None, datetime]:
    """The same by campaign key; for None, when a promise is next examined. What has no next instant is left out."""
    active_campaigns = [found for found in load_active_campaigns(connection, book).values() if found.campaign.enabled]
    key = ("upcoming", *((found.key, book.digest(found.campaign)) for found in active_campaigns))
    asked, ends = cache.take(key, after, lambda: _queries(active_campaigns, Upcoming(cache, book.company.working_time)))
    row = connection.execute(asked).one()
    instants: dict[str | None, int] = {}
    for (owner, end), moment in zip(ends, row, strict=True):
        if moment is not None:
            instants[owner] = min(instants.get(owner, end(int(moment))), end(int(moment)))
    return {owner: from_micros(moment) for owner, moment in instants.items()}


def _queries(
    active_campaigns: Sequence[ActiveCampaign], upcoming: Upcoming
) -> tuple[Select[Any], list[tuple[str | None, Callable[[int], int]]]]:
    """One SELECT with all queries, and of each of its columns the campaign and how it becomes an instant."""
    waiting = promises.c.state.in_([State.HELD, State.PLANNED])
    found: list[tuple[str | None, UpcomingQuery]]
    found = [(None, upcoming.at(type_coerce(promises.c.next_at, BigInteger), waiting))]
    for active in active_campaigns:
        asked = [*_waits_between_steps(active, upcoming), *trigger_of(active.campaign).upcoming(active, upcoming)]
        found += [(active.key, query) for query in asked]
    columns = (query for _, (query, _) in found)
    return select().add_columns(*columns), [(owner, end) for owner, (_, end) in found]


def _waits_between_steps(active: ActiveCampaign, upcoming: Upcoming) -> list[UpcomingQuery]:
    """The ends of waits: after emails and decisions until the next email, and of decisions that are open."""
    found = [
        upcoming.after_wait(
            promises.c.settled_at, step.wait,
            promises.c.campaign == active.key, promises.c.step == before.key, promises.c.state.in_(_ENDED_STATES),
        )
        for before, step in active.campaign.following
    ]  # fmt: skip
    route = active.campaign.route
    if not route.decisions:
        return found
    here = decisions.c.campaign == active.key
    found.append(upcoming.at(type_coerce(decisions.c.until_at, BigInteger), here, decisions.c.branch.is_(None)))
    keys = [stop.key for stop in route.decisions]
    for wait in {step.wait: None for step in route.emails}:
        after = (decisions.c.at, decisions.c.step.in_(keys)), (decisions.c.moved_at, decisions.c.moved_to != "")
        found += [upcoming.after_wait(moment, wait, here, there) for moment, there in after]
    return found
