"""The order in which promises are examined, set-wise: lateness, reasons to skip, a break, quiet hours, cap, draw.

`examine_waiting` examines held promises; `examine_claimed` those that a worker has claimed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sqlalchemy import Connection, case, func, select, update
from sqlalchemy.sql import ColumnElement, and_, or_

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core import log_format
from regulars.coupons.stock import (
    ended_offers,
    hold_without_coupon,
    offers_of,
    release_restocked,
    skip_over_limit,
    take_back_unsent,
)
from regulars.db.key_lists import among
from regulars.db.states import Reason, State
from regulars.db.tables import promises
from regulars.eligibility.canary import hold_canaries, record_samples
from regulars.eligibility.client_pace import hold_paused, hold_spaced
from regulars.eligibility.copies import skip_copies, skip_joined
from regulars.eligibility.draw import draw, mark_held_out
from regulars.eligibility.fast_path import all_clear, found_by_id
from regulars.eligibility.frequency_cap import hold_capped
from regulars.eligibility.global_holdout import draw_global_holdout, mark_globally_held_out
from regulars.eligibility.quiet_hours import hold_closed
from regulars.eligibility.skip_reasons import skip_reasons
from regulars.ledger.claims import Claim
from regulars.ledger.switches import Pause, pauses
from regulars.ledger.webhook_outbox import add_goals

_LOG = logging.getLogger(__name__)


def examine_waiting(
    connection: Connection, context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign]
) -> int:
    """Examines every held promise that is due for examination; returns the number that can be sent now."""
    given = offers_of(active for active in active_campaigns.values() if active.campaign.enabled)
    take_back_unsent(connection, context, offers_of(active_campaigns.values()))
    release_restocked(connection, context, given)
    waiting = and_(
        promises.c.state == State.HELD, promises.c.next_at <= context.now, context.is_selected(promises.c.customer_id)
    )
    if connection.scalar(select(promises.c.id).where(waiting).limit(1)) is None:
        return 0
    _skip_removed(connection, context, active_campaigns, waiting)
    skip_joined(connection, context, active_campaigns.values(), waiting)  # first: any other reason hides the merge
    paused = sorted(key for key, active in active_campaigns.items() if not active.campaign.enabled)
    halted = pauses(connection).campaigns
    active = and_(waiting, promises.c.campaign.not_in(sorted({*paused, *halted})))
    connection.execute(
        update(promises).where(waiting, promises.c.campaign.in_(paused)).values(reason=Reason.PAUSED, detail=None)
    )
    _hold_halted(connection, halted, and_(waiting, promises.c.campaign.not_in(paused)))
    _skip_late(connection, context, waiting)
    _skip_doubtful(connection, context, active_campaigns, active)
    _skip_over(connection, context, active_campaigns, active)
    hold_paused(connection, context, active)
    hold_closed(connection, context, active_campaigns.values(), active)
    skip_copies(connection, context, active_campaigns.values(), active)
    mark_globally_held_out(connection, context, active)
    mark_held_out(connection, active_campaigns, active)
    skip_over_limit(connection, context, given, active)
    incomplete = hold_canaries(connection, context, active)
    hold_without_coupon(connection, given, active)
    hold_capped(connection, context, active, context.rulebook.policy.cap)
    hold_spaced(connection, context, active)
    draw_global_holdout(connection, context, active)
    draw(connection, context, active_campaigns, active)
    record_samples(connection, context, active, incomplete)
    cleared = update(promises).where(active).values(state=State.PLANNED, reason=None, detail=None)
    if not log_format.is_json():
        return connection.execute(cleared).rowcount
    planned = connection.scalars(cleared.returning(promises.c.id)).all()
    log_format.log_promises(_LOG, "planned", planned)
    return len(planned)


def examine_claimed(
    connection: Connection, context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign], claim: Claim
) -> list[int]:
    """Examines a claim's rows again before sending; returns the ids that can still be sent.

    The other rows are held or skipped, each with its reason. The cap is not checked again: a planned row
    counts towards it already. What is paused is not in a claim.
    """
    sound = all_clear(connection, context, active_campaigns, claim)
    rest = [row for row in claim.rows if row not in sound]
    if not rest:
        return list(claim.rows)
    unsettled = and_(among(promises.c.id, rest), found_by_id(promises.c.state) == State.PLANNED)
    _skip_removed(connection, context, active_campaigns, unsettled)
    _skip_late(connection, context, unsettled)
    _skip_doubtful(connection, context, active_campaigns, unsettled)
    _skip_over(connection, context, active_campaigns, unsettled)
    hold_paused(connection, context, unsettled)
    hold_closed(connection, context, active_campaigns.values(), unsettled)
    paused = sorted(key for key, active in active_campaigns.items() if not active.campaign.enabled)
    if paused:
        connection.execute(
            update(promises)
            .where(unsettled, promises.c.campaign.in_(paused))
            .values(state=State.HELD, reason=Reason.PAUSED, detail=None)
        )
    return [*sound, *connection.scalars(select(promises.c.id).where(unsettled))]


def _skip_removed(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Mapping[str, ActiveCampaign],
    chosen: ColumnElement[bool],
) -> None:
    # A step removed from its rule is treated like a campaign removed from the files.
    gone: list[ColumnElement[bool]] = [promises.c.campaign.not_in(sorted(active_campaigns))]
    for key, active in active_campaigns.items():
        steps = [step.key for step in active.campaign.all_steps]
        gone.append(and_(promises.c.campaign == key, promises.c.step.not_in(steps)))
    _skip(connection, context, and_(chosen, or_(*gone)), Reason.REMOVED)


def _skip_late(connection: Connection, context: PlanContext, chosen: ColumnElement[bool]) -> None:
    # The reason for holding says more than that it is late now.
    telling = [
        Reason.RENDER_ERROR, Reason.RETRY, Reason.SERVER_AWAY, Reason.CAP, Reason.NO_COUPON, Reason.HALTED,
        Reason.CANARY, Reason.KILLS_WORKERS, Reason.WINDOW,
    ]  # fmt: skip
    kept = promises.c.reason.in_(telling)
    late = and_(chosen, promises.c.expires_at < context.now)
    why, detail = case((kept, promises.c.reason), else_=Reason.LATE), case((kept, promises.c.detail), else_=None)
    _skip(connection, context, late, why, detail)


def _hold_halted(connection: Connection, halted: Mapping[str, Pause], waiting: ColumnElement[bool]) -> None:
    """Names the pause as the reason of its campaign's promises; written once, not at every plan."""
    for key, pause in halted.items():
        news = or_(promises.c.reason != Reason.HALTED, func.coalesce(promises.c.detail, "") != pause.by)
        connection.execute(
            update(promises)
            .where(waiting, promises.c.campaign == key, news)
            .values(reason=Reason.HALTED, detail=pause.by)
        )


def _skip_over(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Mapping[str, ActiveCampaign],
    chosen: ColumnElement[bool],
) -> None:
    ended = ended_offers(context, offers_of(active_campaigns.values()))
    if ended:
        _skip(connection, context, and_(chosen, or_(*(offer.of_promises for offer in ended))), Reason.OFFER_OVER)


def _skip(
    connection: Connection, context: PlanContext, chosen: ColumnElement[bool], reason: Reason | ColumnElement[str],
    detail: ColumnElement[str | None] | None = None,
) -> None:  # fmt: skip
    ended = {"state": State.SKIPPED, "reason": reason, "detail": detail, "settled_at": context.now}
    connection.execute(update(promises).where(chosen).values(ended))


def _skip_doubtful(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Mapping[str, ActiveCampaign],
    chosen: ColumnElement[bool],
) -> None:
    present = connection.scalars(select(promises.c.campaign).where(chosen).distinct())
    for key in sorted(present):
        failing = skip_reasons(context, active_campaigns[key], and_(promises.c.campaign == key, chosen)).subquery()
        ended = (
            update(promises)
            .where(promises.c.id == failing.c.id, failing.c.reason.is_not(None))
            .values(state=State.SKIPPED, reason=failing.c.reason, detail=None, settled_at=context.now)
        )
        if not context.rulebook.notify or active_campaigns[key].campaign.goals:
            connection.execute(ended)
            continue
        columns = promises.c.reason, promises.c.campaign, promises.c.customer_id, promises.c.occurrence
        rows = connection.execute(ended.returning(*columns)).all()
        add_goals(connection, (tuple(row[1:]) for row in rows if row[0] == Reason.GOAL_MET), context.now)
