"""Pausing, resuming and calling off, at a person's word: of a campaign, a lane or everything.

Needs the database only: a faulty rule file keeps nobody from stopping it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from regulars.context.active_campaign import load_active_campaigns
from regulars.core.diagnostics import nearest
from regulars.core.errors import NotFound, RegularsError
from regulars.db import engine as db
from regulars.db.locks import AdvisoryLock, lock
from regulars.eligibility.canary import begin_canary
from regulars.ledger import switches
from regulars.ledger.audit import Action, record
from regulars.ledger.cancel import being_sent, cancel, cancellable
from regulars.ledger.switches import Pause, Scope, Target
from regulars.rules.guard import Canary
from regulars.rules.guard_in_force import canary_of
from regulars.rules.model import Rulebook


@dataclass(frozen=True, slots=True)
class Person:
    """Who says so, why, and when by the wall clock."""

    who: str
    why: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Paused:
    """`pause` is what holds now; `fresh` is whether it did not before. `open` emails wait, `sending` still go."""

    pause: Pause
    fresh: bool
    open: int
    sending: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """Whether there was a pause of the target, how many emails waited, and what stays paused."""

    ended: bool
    open: int
    left: tuple[Pause, ...]


def campaign_target(engine: Engine, name: str, known: Collection[str] = ()) -> Target:
    """The campaign of this name; `known` are those of the rule files, of which some may be new.

    Raises NotFound with the nearest name.
    """
    with db.read(engine) as connection:
        names = switches.campaign_names(connection)
    keys = {named: key for key, named in names.items()}
    if name not in keys and name not in known:
        raise NotFound("campaign", name, nearest(name, {*keys, *known}))
    return Target(Scope.CAMPAIGN, keys.get(name, name))


def lane_target(lanes: Mapping[str, frozenset[str]], name: str) -> Target:
    """The lane of this name. Raises NotFound with the nearest name."""
    if name not in lanes:
        raise NotFound("lane", name, nearest(name, lanes))
    return Target(Scope.LANE, name, lanes[name])


def pause(engine: Engine, target: Target, person: Person) -> Paused:
    """Stops the target before the next chunk of every worker."""
    with db.write(engine) as connection:
        fresh = switches.pause(connection, target, person.who, person.why, person.at)
        if fresh:
            _record(connection, Action.PAUSE, target, person)
        found = next(one for one in switches.pauses(connection).found if _same(one, target))
        return Paused(found, fresh, cancellable(connection, target), being_sent(connection))


def resume(engine: Engine, target: Target, person: Person) -> Resumed:
    """Ends the pause of exactly this target; wider and narrower ones stay."""
    with db.write(engine) as connection:
        ended = switches.resume(connection, target, person.who, person.at)
        if ended:
            _record(connection, Action.RESUME, target, person)
        return Resumed(ended, cancellable(connection, target), switches.pauses(connection).found)


def call_off(engine: Engine, target: Target, person: Person) -> int:
    """Skips what is planned or held of the target; returns the number."""
    detail = f"{person.who}: {person.why}" if person.why else person.who
    with db.write(engine) as connection:
        number = cancel(connection, target, detail, person.at)
        if number:
            _record(connection, Action.CANCEL, target, person)
        return number


def begin_canary_by_hand(engine: Engine, book: Rulebook, name: str, person: Person) -> Canary:
    """Begins a canary for a campaign in force, such as after an edit of its words, which begins none by itself.

    Raises NotFound for an unknown campaign, RegularsError where the rules give it no canary.
    """
    campaign = book.campaigns.get(name)
    if campaign is None:
        raise NotFound("campaign", name, nearest(name, book.campaigns))
    canary = canary_of(campaign, book.policy)
    if canary is None:
        raise RegularsError(f"the rules give `{name}` no canary, such as `canary: 50, then wait 30 minutes`")
    with db.write(engine) as connection:
        lock(connection, AdvisoryLock.PLAN)
        active = {one.campaign.name: one for one in load_active_campaigns(connection, book).values()}.get(name)
        if active is None:
            raise RegularsError(f"`{name}` is not in force yet; the plan that brings it into force begins its canary")
        begin_canary(connection, active.key, book.digest(campaign), canary, person.at)
        record(connection, Action.CANARY, person.who, name, person.why, person.at)
    return canary


def _same(one: Pause, target: Target) -> bool:
    return (one.target.scope, one.target.key) == (target.scope, target.key)


def _record(connection: Connection, action: Action, target: Target, person: Person) -> None:
    subject = target.argument(switches.campaign_names(connection))
    record(connection, action, person.who, subject, person.why, person.at)


def open_pauses(engine: Engine) -> tuple[tuple[Pause, ...], dict[str, str]]:
    """The present pauses, the oldest first, and the names of campaigns by key."""
    with db.read(engine) as connection:
        found = switches.pauses(connection).found
        return found, switches.campaign_names(connection) if found else {}
