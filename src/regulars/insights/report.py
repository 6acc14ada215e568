"""What became of every promise, by campaign: nothing is left out, and the numbers add up to the ledger's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.sql import ColumnElement, and_, or_

from regulars.insights.lift import Lift, lift
from regulars.ledger import State
from regulars.rules.model import Rulebook
from regulars.store.tables import campaigns, promises

_WAITING = (State.PLANNED, State.CLAIMED)


@dataclass(frozen=True, slots=True)
class Figures:
    """One campaign. `due` may go or is on its way; `lift` is None where the rule has no goal and control group."""

    due: int = 0
    held: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    sent: int = 0
    failed: int = 0
    uncertain: int = 0
    bounced: int = 0
    lift: Lift | None = None

    @property
    def total(self) -> int:
        """All promises counted."""
        waiting = self.due + sum(self.held.values()) + sum(self.skipped.values())
        return waiting + self.sent + self.failed + self.uncertain + self.bounced

    def to_json(self) -> dict[str, Any]:
        """The shape of a plan, and what came of it."""
        document: dict[str, Any] = {
            "due": self.due, "held": dict(self.held), "skipped": dict(self.skipped), "sent": self.sent,
            "failed": self.failed, "uncertain": self.uncertain, "bounced": self.bounced,
        }  # fmt: skip
        return document | ({} if self.lift is None else {"lift": self.lift.to_json()})


@dataclass(frozen=True, slots=True)
class Report:
    """All campaigns that are in the files or have promises, by name; the period is [since, until)."""

    now: datetime
    since: datetime | None
    until: datetime | None
    campaigns: Mapping[str, Figures]

    def to_json(self) -> dict[str, Any]:
        """The published shape of `report --json`; keys are only ever added."""
        return {
            "now": self.now.isoformat(),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "campaigns": {name: figures.to_json() for name, figures in self.campaigns.items()},
        }


def report(
    connection: Connection, rulebook: Rulebook, now: datetime, *, since: datetime | None = None,
    until: datetime | None = None,
) -> Report:  # fmt: skip
    """Counts the promises: those that came to an end in the period, and all that are open now."""
    names = {str(row.key): str(row.name) for row in connection.execute(select(campaigns.c.key, campaigns.c.name))}
    counted = _count(connection, names, _period(since, until))
    found = {name: Figures() for name in rulebook.campaigns} | {
        name: _figures(rows) for name, rows in sorted(counted.items())
    }
    keys = {name: key for key, name in names.items()}
    for name, campaign in rulebook.campaigns.items():
        if campaign.goal is not None and campaign.holdout and name in keys:
            measured = lift(connection, keys[name], campaign.goal, now, _period(since, until))
            found[name] = replace(found[name], lift=measured)
    return Report(now, since, until, found)


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
    open_now = promises.c.state.in_([State.HELD, *_WAITING])
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
        total(*_WAITING), by_reason(State.HELD), by_reason(State.SKIPPED), total(State.SENT), total(State.FAILED),
        total(State.UNCERTAIN), total(State.BOUNCED),
    )  # fmt: skip
