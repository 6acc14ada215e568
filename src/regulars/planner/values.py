"""The values that `each` campaigns watch: every value that a client has is noted once, and the new ones set it off.

What is noted stays, whichever planner came first and however often a value goes and comes back. What clients have when
the rule comes is the baseline: it counts as known and writes to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Insert, exists, literal, select, true, update

from regulars.clearance import Ground, Live
from regulars.planner.members import Movement
from regulars.store.engine import insert
from regulars.store.tables import customers, values_seen
from regulars.store.types import Instant


def note(connection: Connection, ground: Ground, lives: Mapping[str, Live]) -> dict[str, Movement]:
    """Brings the values of every `each` campaign up to now; by key, how many are new."""
    return {
        key: _note_one(connection, ground, live)
        for key, live in lives.items()
        if live.campaign.each is not None and live.campaign.enabled
    }


def _note_one(connection: Connection, ground: Ground, live: Live) -> Movement:
    baseline = live.planned_at is None and live.campaign.backfill.mode != "all"
    if live.planned_at is None and not baseline:  # the rule now asks for those already past it
        connection.execute(update(values_seen).where(values_seen.c.campaign == live.key).values(baseline=False))
    noting = ground.kept(("noted",), live, lambda at: _noting(at, live, baseline))
    added = connection.execute(noting, execution_options={"preserve_rowcount": True}).rowcount
    return Movement(added, 0, baseline)


def _noting(ground: Ground, live: Live, baseline: bool) -> Insert:
    name = live.campaign.name
    value = ground.value(name)
    now = select(customers.c.id, value.label("value")).select_from(
        customers.join(ground.facts, ground.facts.c.customer_id == customers.c.id)
    )
    # A value that somebody outside the audience reaches waits for them to come in.
    audience = true() if baseline else ground.holds("campaigns", name, "audience")
    has = now.where(customers.c.erased_at.is_(None), audience).subquery("has")
    known = exists().where(
        values_seen.c.campaign == live.key,
        values_seen.c.customer_id == has.c.id,
        values_seen.c.value == has.c.value,
    )
    seen = ground.late(Instant(), lambda at: at.now)
    rows = select(literal(live.key), has.c.id, has.c.value, seen, literal(baseline)).where(
        has.c.value.is_not(None), ~known
    )
    statement = insert(ground.connection, values_seen).from_select([c.name for c in values_seen.c], rows)
    return statement.on_conflict_do_nothing()
