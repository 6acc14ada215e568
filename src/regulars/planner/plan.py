"""A plan: clicks told as events, rules into force, members moved, what is due promised, what waits cleared; in one go.

Two planners at once give the same ledger as one: they take turns by a lock that ends with the transaction, and
every promise has one key. `regulars plan` runs this very function in a transaction that is undone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from regulars.clearance import Ground, Live, Ruleset, clear, ground, live
from regulars.ledger import Reason, State
from regulars.planner.force import Change, enforce, recount
from regulars.planner.members import Movement, move
from regulars.planner.promise import promise_first_steps, promise_next_steps, promise_timed_steps
from regulars.planner.stirring import Stirring, stirring
from regulars.planner.values import note
from regulars.store.engine import planning_lock
from regulars.store.kept import Shelf
from regulars.store.tables import campaigns, promises
from regulars.tracking.clicks import tell


@dataclass(frozen=True, slots=True)
class Tally:
    """One campaign after a plan: how many are cleared to go, held and why, skipped by this plan and why."""

    due: int = 0
    held: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan did."""

    now: datetime
    changes: Sequence[Change]
    movements: dict[str, Movement]
    promised: int
    cleared: int
    lives: Mapping[str, Live]
    recounted: bool = False
    """Whether the tariff of points was another before."""


def plan(
    connection: Connection,
    rules: Ruleset,
    now: datetime,
    *,
    only: int | None = None,
    resting: Collection[str] = (),
    still: bool = False,
    shelf: Shelf | None = None,
) -> Plan:
    """Plans at `now` in the caller's transaction.

    For rehearsals: with `only`, the key of one client, all others are left out. `resting` are the names of campaigns
    that the caller knows to have no first email for anybody now; `still` says that no state and no value has turned
    since the last plan; `shelf` keeps the statements for the next plan of the same rehearsal.
    """
    planning_lock(connection)
    tell(connection, now)
    changes = enforce(connection, rules.rulebook, now)
    recounted = recount(connection, rules.rulebook)
    lives = live(connection, rules.rulebook)
    where = ground(connection, rules, now, only, shelf)
    movements = {} if still else move(connection, where, lives) | note(connection, where, lives)
    awake = {key: found for key, found in lives.items() if found.campaign.enabled}
    promised = _promise(connection, where, awake, {key for key in awake if awake[key].campaign.name in resting})
    cleared = clear(connection, where, lives)
    connection.execute(update(campaigns).where(campaigns.c.key.in_(list(awake))).values(planned_at=now))
    return Plan(now, changes, movements, promised, cleared, lives, recounted)


def _promise(connection: Connection, where: Ground, lives: Mapping[str, Live], resting: Collection[str]) -> int:
    """Writes down every email that is due, the most important campaign first; the number of new rows."""
    stirred = Stirring.everything(lives) if where.only is None else stirring(where, lives)
    promised = 0
    for found in by_priority(lives):
        if found.key in stirred.first and found.key not in resting:
            promised += promise_first_steps(connection, where, found)
        # None follows an email that was promised just now: the one before must have gone.
        if found.key in stirred.following:
            promised += promise_next_steps(connection, where, found)
        if found.key in stirred.timed:
            promised += promise_timed_steps(connection, where, found)
    return promised


def by_priority(lives: Mapping[str, Live]) -> list[Live]:
    """The most important first; equals by key."""
    return sorted(lives.values(), key=lambda found: (-found.campaign.priority, found.key))


def tallies(connection: Connection, lives: Mapping[str, Live], now: datetime) -> dict[str, Tally]:
    """By campaign name: what may go now, what is held, and what was skipped at `now`."""
    result = {found.campaign.name: Tally() for found in by_priority(lives)}
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
        name = lives[key].campaign.name if key in lives else key
        tally = result.setdefault(name, Tally())
        if state == State.PLANNED:
            due[name] = due.get(name, 0) + count
        else:
            words = tally.held if state == State.HELD else tally.skipped
            words[reason or Reason.NEW] = words.get(reason or Reason.NEW, 0) + count
    return {name: Tally(due.get(name, 0), tally.held, tally.skipped) for name, tally in result.items()}
