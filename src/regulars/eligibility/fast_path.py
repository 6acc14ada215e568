"""The fast path for claimed rows: nearly always all of them can be sent, and one query shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.sql import ColumnElement, and_, exists

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.coupons.stock import ended_offers, offers_of
from regulars.db.key_lists import among
from regulars.db.states import State
from regulars.db.tables import customers, preferences, promises
from regulars.eligibility.quiet_hours import closed_zones
from regulars.eligibility.skip_reasons import skip_reasons
from regulars.ledger.claims import Claim


def all_clear(
    connection: Connection, context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign], claim: Claim
) -> set[int]:
    """The claim's rows for which no check fails.

    Other rows are examined rule by rule: a row that could be sent may be missing here, never the other way
    round.
    """
    ended = {offer.campaign for offer in ended_offers(context, offers_of(active_campaigns.values()))}
    quiet_zones = sorted(closed_zones(context))
    here = among(promises.c.id, claim.rows)
    found: set[int] = set()
    for key in sorted({campaign for campaign, _ in claim.steps}):
        active = active_campaigns.get(key)
        if active is not None and active.campaign.enabled and key not in ended:
            found.update(connection.scalars(_of_one(context, active, here, quiet_zones)))
    return found


def found_by_id(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column of promises that were selected by id.

    A plain comparison would make PostgreSQL scan all promises of a campaign, or all planned ones, whenever their
    number has grown since its last statistics.
    """
    return func.coalesce(column, "")


def _of_one(
    context: PlanContext, active: ActiveCampaign, here: ColumnElement[bool], quiet_zones: Collection[str]
) -> Select[tuple[int]]:
    """The rows of one campaign: with current steps, in time, and outside quiet hours."""
    steps = [step.key for step in active.campaign.all_steps]
    of_campaign = and_(
        here,
        found_by_id(promises.c.campaign) == active.key,
        found_by_id(promises.c.step).in_(steps),
        found_by_id(promises.c.state) == State.PLANNED,
    )
    holder = customers.alias("holder")  # of the mailbox: the client, or another with the same address
    paused = exists().where(
        holder.c.email_hash == customers.c.email_hash,
        preferences.c.customer_id == holder.c.id,
        preferences.c.paused_until > context.now,
    )
    outside_quiet_hours = (
        [context.zone.not_in(quiet_zones)] if quiet_zones and active.campaign.obeys_quiet_hours else []
    )
    chosen = and_(of_campaign, promises.c.expires_at >= context.now, ~paused, *outside_quiet_hours)
    failing = skip_reasons(context, active, chosen).subquery()
    return select(failing.c.id).where(failing.c.reason.is_(None))
