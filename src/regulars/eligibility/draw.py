"""The draw of control groups and variants, which measure the effect of a campaign: last, after all other checks.

Groups drawn after every check differ only in the email. The draw is by mailbox and permanent (`assignments`), and no
chance event (`ledger.arms`). Therefore the checks with limited places (coupons, the cap) know in advance who will be
held out, and who will be in which variant:

1. `mark_held_out` sets the reason of promises that will be held out; they stay held.
2. Stock and caps do not count them, and hold them where they would hold an email.
3. `draw` records the group of all that are left, and skips those that are marked.

A sequence of which an email was sent is not drawn any more: it continues.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import (
    Connection,
    Text,
    case,
    false,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.sql import ColumnElement, and_, exists

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.states import COUNTED, HELD_OUT, Reason, State
from regulars.db.tables import assignments, customers, decisions, promises
from regulars.ledger.arms import arm_of, arm_of_client, assign, assigned_arm, carry_along, emailed_arm, first_of_mailbox
from regulars.ledger.assignments import Arm
from regulars.profile.shared_mailbox import mailbox_of
from regulars.rules.steps import DRAWN


def mark_held_out(
    connection: Connection, active_campaigns: Mapping[str, ActiveCampaign], chosen: ColumnElement[bool]
) -> None:
    """Marks the chosen promises that are held out, unless another check holds them."""
    for active in _drawn_for(connection, active_campaigns, chosen):
        of_campaign = and_(chosen, promises.c.campaign == active.key, _nothing_went(active))
        carry_along(connection, active.key, of_campaign)
        if not active.campaign.holdout:
            continue
        found = (
            select(promises.c.id, _arm(active).label("arm"))
            .join(customers, customers.c.id == promises.c.customer_id)
            .where(of_campaign, _not_globally_held_out())
            .subquery()
        )
        connection.execute(
            update(promises)
            .where(promises.c.id == found.c.id, found.c.arm == Arm.CONTROL)
            .values(reason=Reason.HOLDOUT, detail=None)
        )


def takes_place() -> ColumnElement[int]:
    """1 for a promise that takes a place, of the cap or of a stock; 0 for one that is marked as held out."""
    return case((promises.c.reason.in_(HELD_OUT), 0), else_=1)


def draw(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Mapping[str, ActiveCampaign],
    chosen: ColumnElement[bool],
) -> int:
    """Records the group of each chosen promise; skips the held-out ones and returns their number."""
    for active in _drawn_for(connection, active_campaigns, chosen):
        emailed = _emailed_arm(active)
        marked = case((promises.c.reason == Reason.HOLDOUT, literal(Arm.CONTROL, Text)), else_=emailed)
        own = (chosen, _nothing_went(active), promises.c.campaign == active.key, _not_globally_held_out())
        assign(connection, first_of_mailbox(active.key, marked, promises, own, context.now))
    held_out = (chosen, promises.c.reason.in_(HELD_OUT))
    return connection.execute(
        update(promises).where(*held_out).values(state=State.SKIPPED, settled_at=context.now)
    ).rowcount


def in_control_group(active: ActiveCampaign) -> ColumnElement[bool]:
    """Whether the promise's client (in `customers`) is in the control group since an earlier plan."""
    if not active.campaign.holdout:
        return false()
    kept = exists().where(
        assignments.c.experiment == active.key,
        assignments.c.mailbox == mailbox_of(customers),
        assignments.c.arm == Arm.CONTROL,
    )
    return and_(_nothing_went(active), kept)


def is_held_out(connection: Connection, active: ActiveCampaign, customer_id: int) -> bool:
    """Whether the client is in the control group, or would be if the draw were now."""
    if not active.campaign.holdout:
        return False
    arm, _ = arm_of_client(connection, active.key, active.campaign, customer_id)
    return arm == Arm.CONTROL


def _arm(active: ActiveCampaign) -> ColumnElement[str]:
    """The group of a client as it is written, or by the draw."""
    arm, entered = arm_of(active.key, active.campaign), _entered(active)
    if entered is None:
        return arm
    return case((entered, arm), else_=func.coalesce(assigned_arm(active.key), literal(Arm.WRITTEN, Text)))


def _emailed_arm(active: ActiveCampaign) -> ColumnElement[str]:
    """The group of a client who is not held out, by the draw."""
    arm, entered = emailed_arm(active.key, active.campaign), _entered(active)
    return arm if entered is None else case((entered, arm), else_=literal(Arm.WRITTEN, Text))


def _entered(active: ActiveCampaign) -> ColumnElement[bool] | None:
    """Where variants have own steps, whether the promise's client was drawn at the begin: else they are in no group.

    Their first email was held when such a variant was added. None where the draw comes last.
    """
    if DRAWN not in active.campaign.route.stops:
        return None
    entered = exists().where(
        decisions.c.campaign == promises.c.campaign,
        decisions.c.step == DRAWN,
        decisions.c.customer_id == promises.c.customer_id,
        decisions.c.occurrence == promises.c.occurrence,
    )
    return entered.correlate(promises)


def _drawn_for(
    connection: Connection, active_campaigns: Mapping[str, ActiveCampaign], chosen: ColumnElement[bool]
) -> list[ActiveCampaign]:
    """The campaigns with a holdout or variants that have chosen promises."""
    measured = {key: active for key, active in active_campaigns.items() if active.campaign.is_experiment}
    if not measured:
        return []
    present = select(promises.c.campaign).where(promises.c.campaign.in_(sorted(measured)), chosen).distinct()
    return [measured[key] for key in sorted(connection.scalars(present))]


def _not_globally_held_out() -> ColumnElement[bool]:
    """Whoever gets no marketing at all is in no group of a campaign."""
    return func.coalesce(promises.c.reason, "") != Reason.GLOBAL_HOLDOUT


def _nothing_went(active: ActiveCampaign) -> ColumnElement[bool]:
    """Whether the promise would be the first email of its sequence that is sent."""
    if active.campaign.waves or len(active.campaign.all_steps) == 1:
        return true()
    other = promises.alias("other")
    went = exists().where(
        other.c.campaign == promises.c.campaign,
        other.c.customer_id == promises.c.customer_id,
        other.c.occurrence == promises.c.occurrence,
        other.c.id != promises.c.id,
        other.c.state.in_(COUNTED),
    )
    return ~went.correlate(promises)
