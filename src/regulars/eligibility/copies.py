"""One copy for each mailbox: of several clients with the same address, one gets a marketing email, the others do not.

What counts as the same email depends on the trigger (`CopyScope`): of a state any occurrence within `again`, of a date
the same day in the same year, of everything else the same occurrence. Service emails are never copies: two bookings at
one address are two bookings.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    ScalarSelect,
    and_,
    exists,
    func,
    or_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.key_lists import among
from regulars.db.sql_functions import regulars_day
from regulars.db.states import COUNTED, Reason, State
from regulars.db.tables import customers, promises
from regulars.db.types import MICROSECOND
from regulars.profile.shared_mailbox import shares_mailbox
from regulars.rules.model import Kind
from regulars.triggers.base import CopyScope
from regulars.triggers.kinds import trigger_of

_SAME_STAY = timedelta(days=1)
"""Two clients who enter a state within this time count as one entry, where each stay counts anew."""


def skip_copies(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Iterable[ActiveCampaign],
    chosen: ColumnElement[bool],
) -> int:
    """Skips the chosen promises that are copies of one sent, or to be sent, to the same mailbox; returns their number.

    Of several chosen ones the first promised is sent. The others name its client.
    """
    shared = _of_shared_mailboxes(connection, chosen)
    return sum(
        _skip_copies_of(connection, context, active, among(promises.c.id, shared[active.key]))
        for active in active_campaigns
        if active.key in shared and active.campaign.kind is Kind.MARKETING and active.campaign.to == "customer"
    )


def _of_shared_mailboxes(connection: Connection, chosen: ColumnElement[bool]) -> dict[str, list[int]]:
    """The chosen promises whose client shares an address, by campaign.

    They are found first, because they are few: a database that has no statistics yet might join every promise with
    every other one.
    """
    other = customers.alias("other_client")
    shared = exists().where(shares_mailbox(customers, other))
    found: dict[str, list[int]] = {}
    for campaign, key in connection.execute(
        select(promises.c.campaign, promises.c.id)
        .join(customers, customers.c.id == promises.c.customer_id)
        .where(chosen, customers.c.email_hash.is_not(None), shared)
    ):
        found.setdefault(campaign, []).append(key)
    return found


def skip_joined(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Iterable[ActiveCampaign],
    chosen: ColumnElement[bool],
) -> int:
    """`skip_copies` among a client's own promises, of those that came to a client by a merge; the number skipped."""
    joined: dict[str, list[int]] = {}
    marked = select(promises.c.campaign, promises.c.id).where(chosen, promises.c.reason == Reason.MERGED)
    for campaign, key in connection.execute(marked):
        joined.setdefault(campaign, []).append(key)
    return sum(
        _skip_copies_of(connection, context, active, among(promises.c.id, joined[active.key]), own=True)
        for active in active_campaigns
        if active.key in joined
    )


def _skip_copies_of(
    connection: Connection,
    context: PlanContext,
    active: ActiveCampaign,
    chosen: ColumnElement[bool],
    *,
    own: bool = False,
) -> int:
    other, owner = promises.alias("other"), customers.alias("owner")
    goes_first = and_(other.c.state == State.HELD, other.c.next_at <= context.now, other.c.id < promises.c.id)
    found = (
        select(promises.c.id, func.min(other.c.id).label("first"))
        .select_from(promises)
        .join(customers, customers.c.id == promises.c.customer_id)
        .join(owner, owner.c.id == customers.c.id if own else shares_mailbox(customers, owner))
        .join(other, and_(other.c.customer_id == owner.c.id, other.c.id != promises.c.id))
        .where(
            chosen,
            promises.c.campaign == active.key,
            other.c.campaign == active.key,
            other.c.step == promises.c.step,
            or_(other.c.state.in_(COUNTED), goes_first),
            _is_copy(context, active, other, owner),
        )
        .group_by(promises.c.id)
        .subquery()
    )
    return connection.execute(
        update(promises)
        .where(promises.c.id == found.c.id)
        .values(
            state=State.SKIPPED,
            reason=Reason.MERGED if own else Reason.SAME_MAILBOX,
            detail=None if own else _client_of(found.c.first, found),
            settled_at=context.now,
        )
    ).rowcount


def _client_of(promise: ColumnElement[int], source: FromClause) -> ScalarSelect[str]:
    """The outside id of the client of a promise that `source` names."""
    goes, named = promises.alias("goes"), customers.alias("named")
    query = select(named.c.external_id).join_from(goes, named, named.c.id == goes.c.customer_id)
    return query.where(goes.c.id == promise).correlate(source).scalar_subquery()


def _is_copy(context: PlanContext, active: ActiveCampaign, other: Any, owner: Any) -> ColumnElement[bool]:
    """Whether the promise in the table and the `other` one are the same email."""
    pause = active.campaign.reentry.after
    same: ColumnElement[bool] = other.c.occurrence == promises.c.occurrence
    match trigger_of(active.campaign).copies:
        case CopyScope.OCCURRENCE:
            within = pause
        case CopyScope.OCCURRENCE_AND_DAY:
            zone = context.rulebook.company.timezone
            days = [
                regulars_day(_micros(each.c.due_at), func.coalesce(person.c.timezone, zone))
                for each, person in ((promises, customers), (other, owner))
            ]
            same, within = and_(same, days[0] == days[1]), pause
        case CopyScope.CAMPAIGN:
            if pause is None:
                return true()
            within = max(pause, _SAME_STAY)
        case scope:
            assert_never(scope)
    if not within:
        return same
    return or_(same, _micros(other.c.due_at) > _micros(promises.c.due_at) - within // MICROSECOND)


def _micros(instant: ColumnElement[datetime]) -> ColumnElement[int]:
    return type_coerce(instant, BigInteger)
