"""Who is held out, so that the effect of a campaign can be measured: drawn last, when nothing else keeps an email back.

Groups that are drawn after every check differ in nothing but the email. The draw is by mailbox, and what was drawn once
decides for ever (`assignments`). It follows from the campaign's name and the clients' own numbers (`core.ids.bucket`),
so another database with the same clients draws the same. Therefore the checks which give places away (coupons, the cap)
can know in advance who will not take one:

1. `mark_held_out` gives the promises that will be held out the reason, still held.
2. Stock and caps pass them over when they count places, and hold them back when a written one would be held back.
3. `draw` writes down the group of all that are left, and skips those that are marked.

A sequence of which an email went is not drawn for any more: it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Text, case, cast, false, func, literal, or_, select, true, update
from sqlalchemy.sql import ColumnElement, and_, exists

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core import ids
from regulars.db.engine import insert
from regulars.db.states import COUNTED, Reason, State
from regulars.db.tables import assignments, customers, promises
from regulars.db.types import Instant
from regulars.ledger.assignments import Arm
from regulars.profile.shared_mailbox import mailbox_of


def mark_held_out(
    connection: Connection, active_campaigns: Mapping[str, ActiveCampaign], chosen: ColumnElement[bool]
) -> None:
    """Marks those of the chosen promises that are held out, unless something else keeps them back."""
    for active in _drawn_for(connection, active_campaigns, chosen):
        found = (
            select(promises.c.id, _arm(active).label("arm"))
            .join(customers, customers.c.id == promises.c.customer_id)
            .where(chosen, promises.c.campaign == active.key, _nothing_went(active))
            .subquery()
        )
        connection.execute(
            update(promises)
            .where(promises.c.id == found.c.id, found.c.arm == Arm.CONTROL)
            .values(reason=Reason.HOLDOUT, detail=None)
        )


def takes_place() -> ColumnElement[int]:
    """1 for a promise that takes a place, of the cap or of a stock; 0 for one that is marked as held out."""
    return case((promises.c.reason == Reason.HOLDOUT, 0), else_=1)


def draw(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Mapping[str, ActiveCampaign],
    chosen: ColumnElement[bool],
) -> int:
    """Writes down the group of each chosen promise, which nothing keeps back; skips the held out and counts them."""
    for active in _drawn_for(connection, active_campaigns, chosen):
        rows = _new_assignments(context, active, chosen)
        names = ["experiment", "mailbox", "arm", "at", "customer_id"]
        connection.execute(insert(connection, assignments).from_select(names, rows).on_conflict_do_nothing())
    held_out = (chosen, promises.c.reason == Reason.HOLDOUT)
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
    arm = connection.scalar(select(_arm(active)).select_from(customers).where(customers.c.id == customer_id))
    return arm == Arm.CONTROL


def _drawn_for(
    connection: Connection, active_campaigns: Mapping[str, ActiveCampaign], chosen: ColumnElement[bool]
) -> list[ActiveCampaign]:
    """The campaigns with a holdout that have chosen promises."""
    measured = {key: active for key, active in active_campaigns.items() if active.campaign.holdout}
    if not measured:
        return []
    present = select(promises.c.campaign).where(promises.c.campaign.in_(sorted(measured)), chosen).distinct()
    return [measured[key] for key in sorted(connection.scalars(present))]


def _nothing_went(active: ActiveCampaign) -> ColumnElement[bool]:
    """Whether the promise would be the first email of its sequence that goes."""
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


def _arm(active: ActiveCampaign) -> ColumnElement[str]:
    """The group of the client in `customers`: as it is written, as the client had it elsewhere, or by the draw."""
    a, b = ids.salt(active.key)
    twin = customers.alias("twin")
    # Of several clients at one mailbox the least number counts, so that it does not matter who came first.
    least = select(func.min(twin.c.bucket)).where(twin.c.email_hash == customers.c.email_hash)
    bucket = func.coalesce(least.correlate(customers).scalar_subquery(), customers.c.bucket)
    place = (cast(bucket, BigInteger) * a + b) % ids.PRIME % ids.SHARES
    drawn = case((place < active.campaign.holdout.share, literal(Arm.CONTROL, Text)), else_=literal(Arm.WRITTEN, Text))
    return func.coalesce(_kept(active), _elsewhere(active, assignments.c.arm), drawn)


def _kept(active: ActiveCampaign) -> ColumnElement[Any]:
    """The group of the client's mailbox, if it has one."""
    mine = (assignments.c.experiment == active.key, assignments.c.mailbox == mailbox_of(customers))
    return select(assignments.c.arm).where(*mine).correlate(customers).scalar_subquery()


def _elsewhere(active: ActiveCampaign, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What was first drawn for somebody at the client's mailbox while they were at another."""
    holder = customers.alias("holder")
    at_mailbox = or_(holder.c.id == customers.c.id, holder.c.email_hash == customers.c.email_hash)
    found = select(column).join(holder, holder.c.id == assignments.c.customer_id)
    first = found.where(assignments.c.experiment == active.key, at_mailbox).order_by(
        assignments.c.at, assignments.c.mailbox
    )
    return first.limit(1).correlate(customers).scalar_subquery()


def _new_assignments(context: PlanContext, active: ActiveCampaign, chosen: ColumnElement[bool]) -> Select[Any]:
    """One row for each mailbox that has none: the group by the mark, and since when it holds."""
    mailbox = mailbox_of(customers)
    marked = case((promises.c.reason == Reason.HOLDOUT, literal(Arm.CONTROL, Text)), else_=literal(Arm.WRITTEN, Text))
    each = (
        select(
            mailbox.label("mailbox"),
            marked.label("arm"),
            func.coalesce(_elsewhere(active, assignments.c.at), literal(context.now, Instant())).label("at"),
            promises.c.customer_id,
            func.row_number().over(partition_by=mailbox, order_by=promises.c.id).label("place"),
        )
        .join(customers, customers.c.id == promises.c.customer_id)
        .where(chosen, _nothing_went(active), promises.c.campaign == active.key, _kept(active).is_(None))
        .subquery()
    )
    return select(literal(active.key, Text), each.c.mailbox, each.c.arm, each.c.at, each.c.customer_id).where(
        each.c.place == 1
    )
