"""The draw at the begin of a sequence whose variants have steps of their own.

Such a variant decides about the first email and about when it comes, so its clients are drawn when they enter, before
any check of an email: then the groups differ in nothing but the way they go, and both are counted from there. Those of
the control group go a way too, whose first email they do not get.
"""

from __future__ import annotations

from sqlalchemy import Connection, Text, and_, case, literal, null, select, update
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.tables import customers, decisions
from regulars.eligibility.global_holdout import will_be_globally_held_out
from regulars.ledger.arms import (
    arm_of,
    assign,
    assigned_arm,
    carry_along,
    emailed_arm,
    first_of_mailbox,
)
from regulars.ledger.assignments import Arm
from regulars.rules.model import Campaign
from regulars.rules.steps import COMMON, Split

CAUSE = "variant:"
"""What the cause of such a decision begins with; the variant follows."""


def split(
    connection: Connection, context: PlanContext, active: ActiveCampaign, item: Split, over: ColumnElement[bool]
) -> None:
    """Draws the variants of all who wait at the begin, and sends them their ways."""
    key, campaign = active.key, active.campaign
    carry_along(connection, key, over, decisions)
    own = (over, ~will_be_globally_held_out(context, active))
    assign(connection, first_of_mailbox(key, arm_of(key, campaign), decisions, own, context.now))
    drawn = (
        select(decisions.c.id, assigned_arm(key).label("arm"), emailed_arm(key, campaign).label("variant"))
        .join(customers, customers.c.id == decisions.c.customer_id)
        .where(over)
        .subquery("drawn")
    )
    variant = _variant(campaign, item, drawn.c.arm, drawn.c.variant)
    ways = [(variant == one.name, literal(item.outcome_of(one.name), Text)) for one in campaign.variants]
    found = select(
        drawn.c.id, case(*ways, else_=literal(COMMON, Text)).label("branch"), (CAUSE + variant).label("cause")
    ).subquery("found")
    connection.execute(
        update(decisions)
        .where(decisions.c.id == found.c.id)
        .values(branch=found.c.branch, at=decisions.c.until_at, decided_at=context.now, cause=found.c.cause)
    )


def _variant(
    campaign: Campaign, item: Split, arm: ColumnElement[str | None], drawn: ColumnElement[str]
) -> ColumnElement[str]:
    """Whose way a client goes: that of their group; without one, or held out, that of the variant drawn for them.

    Who was drawn under an older rule without variants, or for a variant that is removed, gets the campaign as it is.
    """
    known = arm.in_([one.name for one in campaign.variants])
    plain = and_(arm.is_not(None), arm != Arm.CONTROL) if item.common else null().is_not(None)
    return case((known, arm), (plain, literal("", Text)), else_=drawn)
