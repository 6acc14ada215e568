"""The global holdout: mailboxes that get no marketing at all, from the day on which they are drawn.

It is drawn as the holdouts of campaigns are (`draw`), and before them: at the first email of a sequence that nothing
else keeps back, whichever campaign's it is. Both groups count from that instant, also those whom the campaign's own
holdout keeps from this email. Who is globally held out is in no group of a campaign.
"""

from __future__ import annotations

from sqlalchemy import Connection, Text, case, false, literal, select, update
from sqlalchemy.sql import ColumnElement, and_, exists, or_

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.states import COUNTED, Reason
from regulars.db.tables import assignments, customers, promises
from regulars.ledger.arms import GLOBAL, assign, assigned_arm, carry_along, first_of_mailbox, place_in_draw
from regulars.ledger.assignments import Arm
from regulars.profile.shared_mailbox import mailbox_of
from regulars.rules.model import Kind


def mark_globally_held_out(connection: Connection, context: PlanContext, chosen: ColumnElement[bool]) -> None:
    """Marks the chosen promises of marketing whose mailbox is held out, or will be."""
    holdout = context.rulebook.policy.holdout
    if holdout is None or not _any(connection, chosen):
        return
    carry_along(connection, GLOBAL, and_(chosen, _marketing()))
    arm = assigned_arm(GLOBAL)
    drawn = and_(arm.is_(None), ~_went_before(), place_in_draw(GLOBAL) < holdout.share)
    found = (
        select(promises.c.id)
        .join(customers, customers.c.id == promises.c.customer_id)
        .where(chosen, _marketing(), or_(arm == Arm.CONTROL, drawn))
        .subquery()
    )
    held = {"reason": Reason.GLOBAL_HOLDOUT, "detail": None}
    connection.execute(update(promises).where(promises.c.id == found.c.id).values(held))


def draw_global_holdout(connection: Connection, context: PlanContext, chosen: ColumnElement[bool]) -> None:
    """Records the group of every mailbox with a chosen promise of marketing; existing rows stay."""
    if context.rulebook.policy.holdout is not None and _any(connection, chosen):
        marked = case(
            (promises.c.reason == Reason.GLOBAL_HOLDOUT, literal(Arm.CONTROL, Text)), else_=literal(Arm.WRITTEN, Text)
        )
        first = (chosen, _marketing(), ~_went_before())
        assign(connection, first_of_mailbox(GLOBAL, marked, promises, first, context.now))


def in_global_control_group(context: PlanContext, active: ActiveCampaign) -> ColumnElement[bool] | None:
    """Whether the client (in `customers`) is held out since an earlier plan; None where that keeps nothing back."""
    marketing = active.campaign.kind is Kind.MARKETING and active.campaign.to == "customer"
    if context.rulebook.policy.holdout is None or not marketing:
        return None
    return exists().where(
        assignments.c.experiment == GLOBAL,
        assignments.c.mailbox == mailbox_of(customers),
        assignments.c.arm == Arm.CONTROL,
    )


def will_be_globally_held_out(context: PlanContext, active: ActiveCampaign) -> ColumnElement[bool]:
    """Whether the client (in `customers`) is held out from the campaign's emails, or would be by a draw now."""
    holdout = context.rulebook.policy.holdout
    if holdout is None or active.campaign.kind is not Kind.MARKETING or active.campaign.to != "customer":
        return false()
    arm = assigned_arm(GLOBAL)
    return or_(arm == Arm.CONTROL, and_(arm.is_(None), place_in_draw(GLOBAL) < holdout.share))


def _marketing() -> ColumnElement[bool]:
    return and_(promises.c.kind == Kind.MARKETING, promises.c.recipient == "customer")


def _any(connection: Connection, chosen: ColumnElement[bool]) -> bool:
    return connection.scalar(select(promises.c.id).where(chosen, _marketing()).limit(1)) is not None


def _went_before() -> ColumnElement[bool]:
    """Whether an email of the promise's sequence was sent: such a sequence is not drawn, it continues."""
    other = promises.alias("other")
    went = exists().where(
        other.c.campaign == promises.c.campaign,
        other.c.customer_id == promises.c.customer_id,
        other.c.occurrence == promises.c.occurrence,
        other.c.id != promises.c.id,
        other.c.state.in_(COUNTED),
    )
    return went.correlate(promises)
