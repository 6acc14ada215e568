"""Activation of rules: compares the rulebook with the stored campaigns, by name and by content.

A campaign keeps its first name as its permanent key. One that disappears and reappears under another name with
the same content, or that says `was:`, was renamed; it keeps its promises, and no client gets an email again.
A new trigger starts as of now, unless the rule says otherwise (`backfill`). A campaign for sign-ups starts with the
first unconfirmed one without an email, because the form is open before the first plan. Calendar days are part of the
trigger of the campaigns that use them, and so are segments.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from regulars.consent import signups
from regulars.context.active_campaign import BEGINNING, ActiveCampaign
from regulars.core.calendar import instant
from regulars.db.tables import campaigns, rule_versions
from regulars.db.types import MICROSECOND
from regulars.planner.moves import Move, move_clients
from regulars.profile import facts, points
from regulars.rules.model import Campaign, Rulebook

CALENDAR, SEGMENTS = "calendar", "segments"
"""The keys of a stored rule's calendar days and segments, beside the keys of the rule file."""
_BESIDE = (CALENDAR, SEGMENTS)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one campaign by activation."""

    campaign: str
    what: str  # "new", "renamed", "changed" (its trigger), "edited" (the rest), "removed", "back"
    moves: tuple[Move, ...] = ()
    """Clients in flight who go on with another step than before."""


def activate(connection: Connection, rulebook: Rulebook, now: datetime) -> list[Change]:
    """Updates the table of campaigns to the rulebook; returns the changes."""
    known = {row["name"]: row for row in connection.execute(select(campaigns)).mappings()}
    orphans = {name: row for name, row in known.items() if name not in rulebook.campaigns}
    changes: list[Change] = []
    keys = {row["key"] for row in known.values()}
    # Renames first: they free names, and their rows would otherwise count as removed.
    for campaign in rulebook.campaigns.values():
        if campaign.name not in known:
            old = _former(campaign, rulebook, orphans)
            if old is not None:
                del orphans[old["name"]]
                known[campaign.name] = _rename(connection, old, campaign)
                changes.append(Change(campaign.name, "renamed"))
    for campaign in rulebook.campaigns.values():
        row = known.get(campaign.name)
        if row is None:
            _create(connection, campaign, rulebook, now, keys)
            changes.append(Change(campaign.name, "new"))
        elif what := _update(connection, row, campaign, rulebook, now):
            moved = _move(connection, row, campaign, rulebook, now) if what != "back" else []
            changes.append(Change(campaign.name, what, tuple(moved)))
    changes += [_retire(connection, row, now) for row in orphans.values() if row["retired_at"] is None]
    return changes


def recount_points(connection: Connection, rulebook: Rulebook) -> bool:
    """Recounts every client's points if the tariff has changed; returns whether it has."""
    changed = points.put_in_force(connection, rulebook.points)
    if changed:
        facts.recount_points(connection)
    return changed


def _former(campaign: Campaign, rulebook: Rulebook, orphans: Mapping[str, RowMapping]) -> RowMapping | None:
    if campaign.was is not None:
        return orphans.get(campaign.was)
    return next((row for row in orphans.values() if row["rule"] == rulebook.digest(campaign)), None)


def _rename(connection: Connection, old: RowMapping, campaign: Campaign) -> RowMapping:
    connection.execute(update(campaigns).where(campaigns.c.key == old["key"]).values(name=campaign.name))
    return connection.execute(select(campaigns).where(campaigns.c.key == old["key"])).mappings().one()


def _create(connection: Connection, campaign: Campaign, rulebook: Rulebook, now: datetime, keys: set[str]) -> None:
    key, number = campaign.name, 1
    while key in keys:  # the first campaign of this name was renamed and keeps it as its key
        number += 1
        key = f"{campaign.name}~{number}"
    keys.add(key)
    connection.execute(
        insert(campaigns).values(key=key, name=campaign.name, **_in_force(connection, campaign, rulebook, now))
    )
    _remember(connection, campaign, rulebook, now)


def _update(
    connection: Connection, row: RowMapping, campaign: Campaign, rulebook: Rulebook, now: datetime
) -> str | None:
    back = row["retired_at"] is not None
    if not back and row["rule"] == rulebook.digest(campaign):
        return None
    changed = back or row["trigger"] != rulebook.trigger_digest(campaign)
    values = _in_force(connection, campaign, rulebook, now) if changed else {"rule": rulebook.digest(campaign)}
    connection.execute(update(campaigns).where(campaigns.c.key == row["key"]).values(**values))
    _remember(connection, campaign, rulebook, now)
    return "back" if back else "changed" if changed else "edited"


def _move(connection: Connection, row: RowMapping, campaign: Campaign, rulebook: Rulebook, now: datetime) -> list[Move]:
    """Moves the clients in flight from the rule in `row` to the campaign's present one."""
    stored = select(rule_versions.c.source).where(rule_versions.c.rule == row["rule"])
    source = {key: value for key, value in (connection.scalar(stored) or {}).items() if key not in _BESIDE}
    try:
        old = Campaign.model_validate({**source, "name": campaign.name})
    except ValueError:
        _LOG.warning("the former rule of `%s` cannot be read any more, so nobody in flight is moved", campaign.name)
        return []
    present = connection.execute(select(campaigns).where(campaigns.c.key == row["key"])).one()
    active = ActiveCampaign(present.key, campaign, present.since, present.applied_at, present.planned_at)
    return move_clients(connection, rulebook, old, active, row["planned_at"], now)


def _in_force(connection: Connection, campaign: Campaign, rulebook: Rulebook, now: datetime) -> dict[str, Any]:
    return {
        "rule": rulebook.digest(campaign),
        "trigger": rulebook.trigger_digest(campaign),
        "since": _since(connection, campaign, rulebook, now),
        "applied_at": now,
        "planned_at": None,
        "retired_at": None,
    }


def _since(connection: Connection, campaign: Campaign, rulebook: Rulebook, now: datetime) -> datetime:
    if campaign.backfill.mode == "all":
        return BEGINNING
    if campaign.backfill.since is not None:
        return instant(datetime.combine(campaign.backfill.since, time()), rulebook.company.timezone)
    if campaign.on == signups.REQUESTED:
        first = signups.first_unasked(connection)
        return now if first is None else min(now, first - MICROSECOND)
    return now


def _retire(connection: Connection, row: RowMapping, now: datetime) -> Change:
    connection.execute(update(campaigns).where(campaigns.c.key == row["key"]).values(retired_at=now))
    return Change(row["name"], "removed")


def _remember(connection: Connection, campaign: Campaign, rulebook: Rulebook, now: datetime) -> None:
    """Stores the rule as written, with its calendar days and segments, so that it can be loaded again."""
    rule, kept_day = rulebook.digest(campaign), rulebook.calendar_day(campaign)
    known = connection.scalar(select(rule_versions.c.rule).where(rule_versions.c.rule == rule))
    if known is None:
        source = campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        if kept_day is not None:
            source[CALENDAR] = kept_day.written
        if parts := rulebook.segments_of(campaign):
            source[SEGMENTS] = parts
        connection.execute(insert(rule_versions).values(rule=rule, campaign=campaign.name, source=source, seen_at=now))
