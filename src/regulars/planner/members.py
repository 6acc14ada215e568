"""Who is in the state that a `when` campaign waits for, kept by difference: who entered, who left.

A stay in the state is one occurrence. Those who were in it already when the rule came are the baseline:
they count as members but are not written to until they have left and entered again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Insert, Text, Update, exists, literal, select, update
from sqlalchemy.sql import Select

from regulars.clearance import Ground, Live
from regulars.store.engine import insert
from regulars.store.tables import customers, members
from regulars.store.types import Instant


@dataclass(frozen=True, slots=True)
class Movement:
    """How many entered and left one campaign's state; baseline entries are not written to."""

    entered: int
    left: int
    baseline: bool


def move(connection: Connection, ground: Ground, lives: Mapping[str, Live]) -> dict[str, Movement]:
    """Brings the members of every `when` campaign up to now; by key, who moved."""
    return {
        key: _move_one(connection, ground, live)
        for key, live in lives.items()
        if live.campaign.when is not None and live.campaign.enabled
    }


def _move_one(connection: Connection, ground: Ground, live: Live) -> Movement:
    left = connection.execute(ground.kept(("left",), live, lambda at: _leaving(at, live))).rowcount
    baseline = live.planned_at is None and live.campaign.backfill.mode != "all"
    if live.planned_at is None and not baseline:  # the rule now asks for those already past it
        connection.execute(update(members).where(members.c.campaign == live.key).values(baseline=False))
    entering = ground.kept(("entered",), live, lambda at: _entering(at, live, baseline))
    entered = connection.execute(entering, execution_options={"preserve_rowcount": True}).rowcount
    return Movement(entered, left, baseline)


def _matching(ground: Ground, live: Live) -> Select[tuple[int]]:
    return (
        select(customers.c.id)
        .select_from(customers.join(ground.facts, ground.facts.c.customer_id == customers.c.id))
        .where(ground.state(live.campaign.name), customers.c.erased_at.is_(None))
    )


def _leaving(ground: Ground, live: Live) -> Update:
    here = _matching(ground, live).subquery()
    return (
        update(members)
        .where(
            members.c.campaign == live.key,
            members.c.left_at.is_(None),
            ground.mine(members.c.customer_id),
            ~exists().where(here.c.id == members.c.customer_id),
        )
        .values(left_at=ground.late(Instant(), lambda at: at.now))
    )


def _entering(ground: Ground, live: Live, baseline: bool) -> Insert:
    inside = exists().where(
        members.c.campaign == live.key, members.c.customer_id == customers.c.id, members.c.left_at.is_(None)
    )
    now = ground.late(Instant(), lambda at: at.now)
    occurrence = ground.late(Text(), lambda at: f"{at.now:%Y-%m-%dT%H:%M:%SZ}")
    rows = _matching(ground, live).where(~inside).add_columns(literal(live.key), occurrence, now, literal(baseline))
    statement = insert(ground.connection, members).from_select(
        ["customer_id", "campaign", "occurrence", "entered_at", "baseline"], rows
    )
    return statement.on_conflict_do_update(
        index_elements=["campaign", "customer_id"],
        set_={"occurrence": occurrence, "entered_at": now, "left_at": None, "baseline": baseline},
        where=members.c.left_at.is_not(None),
    )
