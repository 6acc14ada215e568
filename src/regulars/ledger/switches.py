"""Pauses: what stops the emails of a campaign, of a lane, or all; by hand or by a guard.

A pause changes no promise. Claims leave out what is paused, and `claims.begin` returns the number of the latest pause,
so that a worker notices a new one before its next chunk without a query of its own. A plan holds what a paused campaign
promises; of a paused lane it stays planned. Lateness counts on meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, ScalarSelect, func, select, update

from regulars.db.engine import insert
from regulars.db.tables import campaigns, due_tallies, switches
from regulars.db.types import to_micros
from regulars.ledger.webhook_outbox import OutboxEvent, add_events
from regulars.rules.notify_rules import OutboundEvent

GUARD = "guard"
"""Who has paused, when it was no person."""
_OPEN = switches.c.resumed_at.is_(None)
_MOST_WHY = 500


class Scope(StrEnum):
    """How much a pause stops."""

    CAMPAIGN = "campaign"
    LANE = "lane"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Target:
    """What is paused: `key` is a campaign's key or a lane's name, empty for all; `kinds` are the lane's."""

    scope: Scope
    key: str = ""
    kinds: frozenset[str] = frozenset()

    def words(self, names: Mapping[str, str] | None = None) -> str:
        """`thanks`, `lane default` or `everything`; `names` are campaigns by key."""
        match self.scope:
            case Scope.CAMPAIGN:
                return f"`{(names or {}).get(self.key, self.key)}`"
            case Scope.LANE:
                return f"lane {self.key}"
            case Scope.ALL:
                return "everything"

    def argument(self, names: Mapping[str, str] | None = None) -> str:
        """The target as `regulars pause` and `resume` take it."""
        match self.scope:
            case Scope.CAMPAIGN:
                return (names or {}).get(self.key, self.key)
            case Scope.LANE:
                return f"--lane {self.key}"
            case Scope.ALL:
                return "--all"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that still stops emails."""

    id: int
    target: Target
    since: datetime
    who: str
    why: str | None
    by_guard: bool

    @property
    def cause(self) -> str:
        """`since 2026-06-10 12:00 UTC by anna: a wrong price`."""
        return f"since {self.since:%Y-%m-%d %H:%M} UTC by {self.by}"

    @property
    def by(self) -> str:
        """`anna: a wrong price`, or `a guard: …`."""
        who = "a guard" if self.by_guard else self.who
        return f"{who}: {self.why}" if self.why else who

    def sentence(self, names: Mapping[str, str] | None = None) -> str:
        """What is paused since when, by whom, why, and how to resume."""
        way_on = f"`regulars resume {self.target.argument(names)}` lets it go on"
        return f"{self.target.words(names)} is paused {self.cause}; {way_on}"

    def to_json(self, names: Mapping[str, str] | None = None) -> dict[str, Any]:
        """JSON-ready data."""
        named = (names or {}).get(self.target.key, self.target.key)
        return {
            "scope": str(self.target.scope), "target": named, "since": self.since.isoformat(), "who": self.who,
            "why": self.why, "by_guard": self.by_guard, "resume": f"regulars resume {self.target.argument(names)}",
        }  # fmt: skip


@dataclass(frozen=True)
class Pauses:
    """All present pauses; `newest` is the number of the latest, 0 without one."""

    found: tuple[Pause, ...] = ()

    @cached_property
    def newest(self) -> int:
        return max((one.id for one in self.found), default=0)

    @cached_property
    def campaigns(self) -> Mapping[str, Pause]:
        """The paused campaigns by key."""
        return {one.target.key: one for one in self.found if one.target.scope is Scope.CAMPAIGN}

    def open_kinds(self, kinds: Collection[str]) -> list[str]:
        """The kinds of email of which not everything is paused, sorted."""
        return sorted(kind for kind in kinds if self._of_kind(kind) is None)

    def of(self, campaign: str, kind: str) -> Pause | None:
        """What stops a campaign's email of this kind: the widest pause."""
        return self._of_kind(kind) or self.campaigns.get(campaign)

    def _of_kind(self, kind: str) -> Pause | None:
        wide = [one for one in self.found if one.target.scope is Scope.ALL or kind in one.target.kinds]
        return min(wide, key=lambda one: (one.target.scope is not Scope.ALL, one.id), default=None)


NONE = Pauses()


def newest_pause() -> ScalarSelect[int]:
    """The number of the latest present pause, as a part of another statement; NULL without one."""
    return select(func.max(switches.c.id)).where(_OPEN).scalar_subquery()


def pauses(connection: Connection) -> Pauses:
    """The present pauses, the oldest first."""
    rows = connection.execute(select(switches).where(_OPEN).order_by(switches.c.id))
    return Pauses(
        tuple(
            Pause(
                row.id, Target(Scope(row.scope), row.target, frozenset(row.kinds)), row.since, row.who, row.why,
                row.by_guard,
            )
            for row in rows
        )
    )  # fmt: skip


def pause(
    connection: Connection, target: Target, who: str, why: str | None, wall: datetime, *, by_guard: bool = False
) -> bool:
    """Pauses the target; returns whether it was not paused before. An earlier pause keeps its author and reason."""
    reason = " ".join(why.split())[:_MOST_WHY] if why else None
    row = {
        "scope": str(target.scope), "target": target.key, "kinds": sorted(target.kinds), "since": wall, "who": who,
        "why": reason or None, "by_guard": by_guard,
    }  # fmt: skip
    statement = insert(connection, switches).values(row).on_conflict_do_nothing().returning(switches.c.id)
    made = connection.scalar(statement)
    if made is not None:
        _add_event(connection, OutboundEvent.STOPPED, target, who, reason, wall)
    return made is not None


def _add_event(
    connection: Connection, event: OutboundEvent, target: Target, who: str, why: str | None, at: datetime
) -> None:
    data = {"scope": str(target.scope), "target": target.key, "by_guard": who == GUARD, "who": who, "why": why}
    campaign = target.key if target.scope is Scope.CAMPAIGN else None
    subject = f"{target.scope}/{target.key}/{to_micros(at)}"
    add_events(connection, [OutboxEvent(event, subject, at, campaign=campaign, data=data)])


def resume(connection: Connection, target: Target, who: str, wall: datetime) -> bool:
    """Ends the pause of exactly this target; returns whether there was one. Guards count anew from now on."""
    this = (switches.c.scope == str(target.scope), switches.c.target == target.key, _OPEN)
    if target.scope is Scope.CAMPAIGN:
        connection.execute(update(due_tallies).where(due_tallies.c.campaign == target.key).values(counted=0))
    ended = update(switches).where(*this).values(resumed_at=wall, resumed_by=who)
    went_on = connection.execute(ended).rowcount > 0
    if went_on:
        _add_event(connection, OutboundEvent.RESUMED, target, who, None, wall)
    return went_on


def resumed(connection: Connection) -> dict[tuple[Scope, str], datetime]:
    """When each target was last resumed: what happened before does not make a guard fire again."""
    found = select(switches.c.scope, switches.c.target, func.max(switches.c.resumed_at, type_=switches.c.since.type))
    rows = connection.execute(found.where(~_OPEN).group_by(switches.c.scope, switches.c.target))
    return {(Scope(row[0]), row[1]): row[2] for row in rows}


def campaign_names(connection: Connection) -> dict[str, str]:
    """The present names of all campaigns that were ever in force, by key."""
    return {row.key: row.name for row in connection.execute(select(campaigns.c.key, campaigns.c.name))}
