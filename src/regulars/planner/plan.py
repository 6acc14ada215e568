"""A plan, in one transaction: click events, activation, members, new promises, examination of held ones.

Two planners at once give the same ledger as one: a lock held until the end of the transaction serialises them, and
every promise has one key. `regulars plan` runs this same function in a transaction that is rolled back.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from regulars.context.active_campaign import ActiveCampaign, load_active_campaigns
from regulars.context.plan_context import PlanContext, Ruleset, plan_context
from regulars.context.statement_cache import StatementCache
from regulars.db.locks import AdvisoryLock, lock
from regulars.db.states import Reason, State
from regulars.db.statistics import refresh_outgrown
from regulars.db.tables import campaigns, promises
from regulars.eligibility.canary import begin_canaries
from regulars.eligibility.examine import examine_waiting
from regulars.eligibility.expected_volume import set_expected
from regulars.eligibility.guards import Alarm, guard_volume
from regulars.eligibility.lost_time import hold_restored
from regulars.ledger.arms import arms_of_promises
from regulars.ledger.webhook_endpoints import put_in_force
from regulars.planner.activation import Change, activate, recount_points
from regulars.planner.affected import Affected, affected, looked_up, take_touched
from regulars.planner.plan_state import Start, begin, end
from regulars.planner.prefilter import Prefiltered, prefilter
from regulars.planner.promise import promise_first_steps, promise_started, promise_timed_steps
from regulars.planner.sequence import enter_by_decision, follow
from regulars.planner.started import starters_first
from regulars.planner.ways import branching
from regulars.profile.time_zones import clear_unknown
from regulars.responses.clicks import record_click_events
from regulars.triggers.base import Movement
from regulars.triggers.kinds import trigger_of

_CANARIES = ("new", "changed", "edited", "back")
"""The changes of a rule after which a few emails go first."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tally:
    """One campaign after a plan: the number planned, held by reason, and skipped by this plan by reason."""

    due: int = 0
    held: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    variants: dict[str, int] = field(default_factory=dict)
    """Of those due, how many get which variant; empty for a campaign without variants."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The result of a plan."""

    now: datetime
    changes: Sequence[Change]
    movements: dict[str, Movement]
    promised: int
    cleared: int
    active_campaigns: Mapping[str, ActiveCampaign]
    recounted: bool = False
    """Whether the tariff of points has changed."""
    asked: int | None = None
    """How many clients were asked; None for all."""
    alarms: Sequence[Alarm] = ()
    """The guards that fired."""


def plan(
    connection: Connection,
    rules: Ruleset,
    now: datetime,
    *,
    only: int | None = None,
    excluded: Collection[str] = (),
    states_unchanged: bool = False,
    cache: StatementCache | None = None,
    resumed: Plan | None = None,
    incremental: bool = False,
) -> Plan:
    """Plans at `now` in the caller's transaction.

    `incremental` asks only the clients who can have become due since the last plan of this kind, where that is known,
    and keeps what the next one needs; without it everybody is asked, and nothing is taken from the queue.

    For simulations: with `only`, the key of one client, all others are left out. `excluded` are the names of campaigns
    without a first email for anybody now; `states_unchanged` says that no state and no value has changed since the
    last plan; `cache` keeps the statements for the next plan of the same simulation. `resumed` is the plan before, of
    the same rules with the same company: these are not brought into force again.
    """
    lock(connection, AdvisoryLock.PLAN)
    start = begin(connection, rules, now) if incremental else None
    if only is None:
        refresh_outgrown(connection)
    record_click_events(connection, now)
    changes, recounted, active_campaigns = _put_in_force(connection, rules, now, only, resumed)
    context = _with_sequences(plan_context(connection, rules, now, only, cache), active_campaigns)
    if only is None and resumed is None:
        set_expected(context, active_campaigns, {change.campaign for change in changes})
    awake = {key: found for key, found in active_campaigns.items() if found.campaign.enabled}
    asked = _affected(context, awake, start, changed=bool(changes), recounted=recounted)
    leave = {key for key in awake if awake[key].campaign.name in excluded}
    with looked_up(connection, asked):
        movements = {} if states_unchanged else _update(context, awake, asked)
        if only is None:
            refresh_outgrown(connection)  # written by this plan
        promised = _promise(connection, context, awake, leave, asked)
    if only is None and promised:
        refresh_outgrown(connection)
    if promised:
        hold_restored(connection, active_campaigns)
    alarms = guard_volume(connection, rules.rulebook, awake, now) if only is None and promised else []
    cleared = examine_waiting(connection, context, active_campaigns)
    connection.execute(update(campaigns).where(campaigns.c.key.in_(list(awake))).values(planned_at=now))
    if start is not None:
        end(connection, start, now, full=asked is None)
    clients = None if asked is None or asked.everybody else asked.clients
    return Plan(now, changes, movements, promised, cleared, active_campaigns, recounted, clients, alarms)


def _put_in_force(
    connection: Connection, rules: Ruleset, now: datetime, only: int | None, resumed: Plan | None
) -> tuple[Sequence[Change], bool, Mapping[str, ActiveCampaign]]:
    """Brings the rules into force: the changes, whether points were counted again, and the campaigns by key."""
    if resumed is not None:
        return [], False, _planned(resumed)
    _clear_unknown_zones(connection)
    changes = activate(connection, rules.rulebook, now)
    recounted = recount_points(connection, rules.rulebook)
    if only is None:
        put_in_force(connection, rules.rulebook.notify)
    active_campaigns = load_active_campaigns(connection, rules.rulebook)
    changed = [change.campaign for change in changes if change.what in _CANARIES]
    if changed:
        begin_canaries(connection, rules.rulebook, active_campaigns, changed, now)
    return changes, recounted, active_campaigns


def _with_sequences(context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign]) -> PlanContext:
    keys = {active.campaign.name: key for key, active in active_campaigns.items()}
    decided, moved = branching(context.connection)
    return replace(context, with_decisions=decided, with_moves=moved, keys=keys)


def _clear_unknown_zones(connection: Connection) -> None:
    for zone, clients in clear_unknown(connection).items():
        _LOG.warning(
            "the time zone `%s` is unknown and was removed; the company's holds for its clients (%d)", zone, clients
        )


def _planned(earlier: Plan) -> dict[str, ActiveCampaign]:
    """The campaigns as they are after the earlier plan."""
    return {
        key: replace(found, planned_at=earlier.now) if found.campaign.enabled else found
        for key, found in earlier.active_campaigns.items()
    }


def _update(
    context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign], asked: Affected | None
) -> dict[str, Movement]:
    """Updates members and values of triggers to now; returns the movements by key."""
    found = (
        (key, trigger_of(active.campaign).update(whom, active))
        for key, active in active_campaigns.items()
        if (whom := _asked_of(context, asked, key)) is not None
    )
    return {key: movement for key, movement in found if movement is not None}


def _affected(
    context: PlanContext, awake: Mapping[str, ActiveCampaign], start: Start | None, *, changed: bool, recounted: bool
) -> Affected | None:
    """Whom to ask; None for everybody."""
    if start is not None and recounted:
        take_touched(context.connection)  # everybody has new points, and is asked
    if start is None or start.after is None or changed or recounted:
        return None
    return affected(context, awake, start.after, start.touched)


def _asked_of(context: PlanContext, asked: Affected | None, key: str) -> PlanContext | None:
    """The context of the clients to ask for a campaign; None for nobody."""
    if asked is None or key in asked.everybody:
        return context
    return asked.context if key in asked.some else None


def _promise(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Mapping[str, ActiveCampaign],
    excluded: Collection[str],
    asked: Affected | None,
) -> int:
    """Promises every email that is due, by priority; returns the number of new rows."""
    prefiltered = (
        Prefiltered.everything(active_campaigns) if context.only is None else prefilter(context, active_campaigns)
    )
    promised = 0
    for found in by_priority(active_campaigns):
        entered = 0
        whom = _asked_of(context, asked, found.key)
        if whom is not None and found.key in prefiltered.first and found.key not in excluded:
            promised += promise_first_steps(connection, whom, found)
            entered = enter_by_decision(connection, whom, found, started=False)
        # Following steps are not due after an email promised just now: the one before must have been sent.
        if found.key in prefiltered.following or entered:
            promised += follow(connection, context, found)
        if found.key in prefiltered.timed:
            promised += promise_timed_steps(connection, context, found)
    for found in starters_first(active_campaigns):
        promised += promise_started(connection, context, found)
        if enter_by_decision(connection, context, found, started=True):
            promised += follow(connection, context, found)
    return promised


def by_priority(active_campaigns: Mapping[str, ActiveCampaign]) -> list[ActiveCampaign]:
    """By priority; ties by key."""
    return sorted(active_campaigns.values(), key=lambda found: (-found.campaign.priority, found.key))


def tallies(connection: Connection, active_campaigns: Mapping[str, ActiveCampaign], now: datetime) -> dict[str, Tally]:
    """By campaign name: the numbers planned, held, and skipped at `now`."""
    result = {found.campaign.name: Tally() for found in by_priority(active_campaigns)}
    due: dict[str, int] = {}
    rows = connection.execute(
        select(promises.c.campaign, promises.c.state, promises.c.reason, func.count())
        .where(
            promises.c.state.in_([State.PLANNED, State.HELD])
            | ((promises.c.state == State.SKIPPED) & (promises.c.settled_at == now))
        )
        .group_by(promises.c.campaign, promises.c.state, promises.c.reason)
    )
    for key, state, reason, count in rows:
        name = active_campaigns[key].campaign.name if key in active_campaigns else key
        tally = result.setdefault(name, Tally())
        if state == State.PLANNED:
            due[name] = due.get(name, 0) + count
        else:
            words = tally.held if state == State.HELD else tally.skipped
            words[reason or Reason.NEW] = words.get(reason or Reason.NEW, 0) + count
    variants = _variants(connection, active_campaigns)
    return {
        name: Tally(due.get(name, 0), tally.held, tally.skipped, variants.get(name, {}))
        for name, tally in result.items()
    }


def _variants(connection: Connection, active_campaigns: Mapping[str, ActiveCampaign]) -> dict[str, dict[str, int]]:
    """By campaign name, how many planned emails there are of each variant, and without one under an empty name."""
    found: dict[str, dict[str, int]] = {}
    for key, active in active_campaigns.items():
        if active.campaign.variants:
            planned = connection.scalars(
                select(promises.c.id).where(promises.c.campaign == key, promises.c.state == State.PLANNED)
            ).all()
            arms = arms_of_promises(connection, planned, [key])
            counted = Counter(active.campaign.for_arm(arms.get(one)).variant or "" for one in planned)
            names = [*(one.name for one in active.campaign.variants), *([""] if counted[""] else [])]
            found[active.campaign.name] = {name: counted[name] for name in names}
    return found
