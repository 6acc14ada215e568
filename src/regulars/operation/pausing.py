"""Pausing, resuming and calling off, at a person's word: of a campaign, a lane or everything.

Needs the database only: a faulty rule file keeps nobody from stopping it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from regulars.core.diagnostics import nearest
from regulars.core.errors import NotFound
from regulars.db import engine as db
from regulars.ledger import switches
from regulars.ledger.audit import Action, record
from regulars.ledger.cancel import being_sent, cancel, cancellable
from regulars.ledger.switches import Pause, Scope, Target


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
