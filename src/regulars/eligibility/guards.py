"""Guards: stop a campaign or a lane when its numbers are wrong, by the same switch as a person's pause.

A guard counts from the instant when its target was last resumed, so it never fires again on the same numbers. A share
is of at least the last emails that the rule names; fewer are judged as if the others had gone well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from sqlalchemy import Connection, func, select

from regulars.context.active_campaign import ActiveCampaign
from regulars.core.calendar import zone
from regulars.db.tables import notifications, promises
from regulars.eligibility.expected_volume import approved_volumes, expected_volumes
from regulars.ledger import tallies
from regulars.ledger.switches import GUARD, Scope, Target, pause, pauses, resumed
from regulars.ledger.tallies import Outcomes
from regulars.rules.guard import LEAST_USUAL, Rate, Rates
from regulars.rules.guard_in_force import guard_of
from regulars.rules.model import Campaign, Policy, Rulebook

RETURNS_LATE = timedelta(days=1)
"""Bounces and complaints come later than the next emails go: they are judged by all emails of a day at least."""
_WEEKDAYS = 8


@dataclass(frozen=True, slots=True)
class Alarm:
    """A guard that fired: what it stopped, and why in words with the numbers."""

    target: Target
    why: str


def guard_volume(
    connection: Connection, book: Rulebook, active_campaigns: Mapping[str, ActiveCampaign], now: datetime
) -> list[Alarm]:
    """Counts what has just been promised, and stops campaigns of which too much became due today.

    It is called before these promises are examined, so none of them goes.
    """
    found = {key: guard_of(one.campaign, book.policy).volume for key, one in active_campaigns.items()}
    volumes = {key: volume for key, volume in found.items() if volume}
    if not volumes:
        return []
    company = zone(book.company.timezone)
    today = now.astimezone(company).date()
    for key in volumes.keys() - tallies.known_campaigns(
        connection
    ):  # the guard is new: the ledger knows what was usual
        days: Counter[date] = Counter({today: 0})  # a row at least, by which the campaign is known
        for instant, number in tallies.due_instants(connection, key, now):
            days[instant.astimezone(company).date()] += number
        tallies.set_days(connection, key, days)
    alarms, meant = [], expected_volumes(connection, volumes)
    for key, counted in tallies.add_due(connection, volumes, now, today).items():
        factor = volumes[key].factor
        if counted <= factor * LEAST_USUAL:
            continue
        earlier = tallies.earlier_days(connection, key, today)
        equal = [number for day, number in earlier.items() if day.weekday() == today.weekday()][:_WEEKDAYS]
        approved = approved_volumes(connection, now).get(active_campaigns[key].campaign.name, 0)
        usual = max(LEAST_USUAL, median(equal) if equal else 0, meant.get(key, 0), approved)
        if counted > factor * usual:
            known = f"usual on a {today:%A} are {median(equal):,.0f}" if equal else f"no {today:%A} before had any"
            if approved == usual:
                known = f"{approved:,} were shown when the rule was applied"
            elif key in meant:
                known = f"the audience had {meant[key]:,} when the rule came into force"
            limit = f"the limit is {volumes[key]}, {factor * usual:,.0f}"
            alarms += _stop(
                connection, Target(Scope.CAMPAIGN, key), f"{counted:,} became due on one day; {known}; {limit}", now
            )
    return alarms


def counts_outcomes(book: Rulebook) -> bool:
    """Whether any campaign has guards of shares."""
    lane = book.policy.guard.lane if book.policy.guard is not None else None
    return lane is not None or any(
        any(_rates(guard_of(campaign, book.policy)).values()) for campaign in book.campaigns.values()
    )


def guard_outcomes(
    connection: Connection, policy: Policy, lane: Target, found: Mapping[str, Outcomes],
    campaigns: Mapping[str, Campaign], now: datetime,
) -> list[Alarm]:  # fmt: skip
    """Records what came of a batch, and stops its campaigns or its lane if too much of it failed.

    Nothing is recorded for campaigns without guards of shares.
    """
    rates: dict[str, Rates] = {key: guard_of(campaigns[key], policy) for key in found}
    of_lane = policy.guard.lane if policy.guard is not None else None
    watched = {key: one for key, one in found.items() if of_lane is not None or any(_rates(rates[key]).values())}
    if not watched:
        return []
    tallies.add_outcomes(connection, lane.key, watched, now)
    bad = [key for key, one in watched.items() if one.tried > one.sent]
    targets = [(Target(Scope.CAMPAIGN, key), rates[key]) for key in bad]
    if bad and of_lane is not None:
        targets.append((lane, of_lane))
    armed = resumed(connection) if targets else {}
    alarms = []
    for target, limits in targets:
        for name in ("failures", "render_errors"):
            rate: Rate | None = getattr(limits, name)
            if rate:
                last = tallies.last_outcomes(connection, target, rate.count, armed.get((target.scope, target.key)))
                number = last.outcomes.failed if name == "failures" else last.outcomes.render_errors
                alarms += _judge(connection, target, name, rate, number, last.outcomes.tried, now)
    return alarms


def guard_returns(
    connection: Connection, book: Rulebook, active_campaigns: Mapping[str, ActiveCampaign],
    lanes: Collection[Target], kinds: Mapping[str, Collection[str]], now: datetime,
) -> list[Alarm]:  # fmt: skip
    """Stops campaigns and lanes of whose emails too many bounced or were reported as spam.

    `kinds` has the kinds of notification by guard, `bounces` and `complaints`.
    """
    targets: list[tuple[Target, Rates]] = [
        (Target(Scope.CAMPAIGN, key), guard_of(one.campaign, book.policy)) for key, one in active_campaigns.items()
    ]
    if book.policy.guard is not None and book.policy.guard.lane is not None:
        targets += [(lane, book.policy.guard.lane) for lane in lanes]
    targets = [(target, limits) for target, limits in targets if limits.bounces or limits.complaints]
    if not targets:
        return []
    tallies.forget_outcomes(connection, now)
    halted, armed = pauses(connection), resumed(connection)
    stopped = {(one.target.scope, one.target.key) for one in halted.found}
    alarms = []
    for target, limits in targets:
        if (target.scope, target.key) in stopped:
            continue
        for name in ("bounces", "complaints"):
            rate: Rate | None = getattr(limits, name)
            if not rate:
                continue
            last = tallies.last_outcomes(
                connection, target, rate.count, armed.get((target.scope, target.key)), now - RETURNS_LATE
            )
            if last.since is not None:
                number = _returned(connection, target, kinds[name], last.since)
                number += last.outcomes.addresses_refused if name == "bounces" else 0
                alarms += _judge(connection, target, name, rate, number, last.outcomes.tried, now)
    return alarms


def _returned(connection: Connection, target: Target, kinds: Collection[str], since: datetime) -> int:
    """How many emails sent since then came back, or were reported; each once."""
    query = (
        select(func.count(notifications.c.promise_id.distinct()))
        .join(promises, promises.c.id == notifications.c.promise_id)
        .where(notifications.c.kind.in_(sorted(kinds)), notifications.c.received_at >= since)
        .where(promises.c.settled_at >= since)
    )
    if target.scope is Scope.CAMPAIGN:
        query = query.where(notifications.c.campaign == target.key)
    else:
        query = query.where(promises.c.kind.in_(sorted(target.kinds)))
    return connection.execute(query).scalar_one()


_WORDS = {
    "bounces": "came back", "complaints": "were reported as spam", "failures": "were refused by the server",
    "render_errors": "could not be rendered",
}  # fmt: skip


def _judge(
    connection: Connection, target: Target, name: str, rate: Rate, bad: int, tried: int, now: datetime
) -> list[Alarm]:
    if not rate.exceeded(bad, tried):
        return []
    return _stop(connection, target, f"{bad:,} of the last {tried:,} emails {_WORDS[name]}; the limit is {rate}", now)


def _stop(connection: Connection, target: Target, why: str, now: datetime) -> list[Alarm]:
    fresh = pause(connection, target, GUARD, why, now, by_guard=True)
    return [Alarm(target, why)] if fresh else []


def _rates(limits: Rates) -> dict[str, Rate | None]:
    return {name: getattr(limits, name) for name in Rates.model_fields}
