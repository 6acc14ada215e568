"""One look at what a worker has claimed: nearly always nothing stands against any of it, and one query says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.sql import ColumnElement, and_, exists

from regulars.clearance.doubts import doubts
from regulars.clearance.ground import Ground
from regulars.clearance.live import Live
from regulars.clearance.offers import offers, over
from regulars.clearance.quiet import mornings
from regulars.ledger import Claim, State
from regulars.store.keys import among
from regulars.store.tables import preferences, promises


def spotless(connection: Connection, ground: Ground, lives: Mapping[str, Live], claim: Claim) -> set[int]:
    """The claim's rows against which nothing stands.

    Whoever is not among them is examined rule by rule: one that could go may be missing here, never the other way
    round.
    """
    ended, asleep = over(ground, offers(lives.values())), sorted(mornings(ground))
    here = among(promises.c.id, claim.rows)
    found: set[int] = set()
    for key in sorted({campaign for campaign, _ in claim.steps}):
        live = lives.get(key)
        if live is not None and live.campaign.enabled and key not in ended:
            found.update(connection.scalars(_of_one(ground, live, here, asleep)))
    return found


def seen(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column of promises that were found by their ids.

    Compared as it is, it would lead PostgreSQL to go through all promises of a campaign, or all that are planned,
    whenever there have come more of them since it last counted.
    """
    return func.coalesce(column, "")


def _of_one(ground: Ground, live: Live, here: ColumnElement[bool], asleep: Collection[str]) -> Select[tuple[int]]:
    """Of one campaign: its steps as they are now, in time, and by day."""
    steps = [step.key for step in live.campaign.all_steps]
    mine = and_(
        here,
        seen(promises.c.campaign) == live.key,
        seen(promises.c.step).in_(steps),
        seen(promises.c.state) == State.PLANNED,
    )
    resting = exists().where(
        preferences.c.customer_id == promises.c.customer_id, preferences.c.paused_until > ground.now
    )
    awake = [ground.zone.not_in(asleep)] if asleep and live.campaign.heeds_quiet_hours else []
    chosen = and_(mine, promises.c.expires_at >= ground.now, ~resting, *awake)
    doubtful = doubts(ground, live, chosen).subquery()
    return select(doubtful.c.id).where(doubtful.c.reason.is_(None))
