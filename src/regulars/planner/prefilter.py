"""Campaigns that can have candidates: nothing is due for an event that never happened, or too long ago.

A simulation plans many times; querying every campaign each time would take most of its time. Campaigns left
out here would have found nobody: only the planner's own queries decide who is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, func, literal, select, union

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.event_source import PURCHASE
from regulars.db.tables import decisions, events, members, products, promises, purchases, values_seen
from regulars.rules.model import Rulebook
from regulars.triggers.base import ClientHistory, LastEvents
from regulars.triggers.kinds import trigger_of

_CLIENT = bindparam("whom", type_=Integer)
_EVENTS = select(events.c.name, func.max(events.c.occurred_at), func.max(events.c.received_at)).group_by(events.c.name)
_BOUGHT = select(literal(PURCHASE), func.max(purchases.c.occurred_at), func.max(purchases.c.received_at))
_EVENTS_OF_CLIENT = (_EVENTS.where(events.c.customer_id == _CLIENT), _BOUGHT.where(purchases.c.customer_id == _CLIENT))
_INSIDE = select(members.c.campaign).where(members.c.customer_id == _CLIENT, members.c.left_at.is_(None))
_VALUED = select(values_seen.c.campaign).where(values_seen.c.customer_id == _CLIENT).distinct()
_PROMISED = union(
    select(promises.c.campaign).where(promises.c.customer_id == _CLIENT),
    select(decisions.c.campaign).where(decisions.c.customer_id == _CLIENT),
)
_LAUNCHED = select(products.c.id).where(products.c.launched_at.is_not(None)).limit(1)


@dataclass(frozen=True, slots=True)
class Prefiltered:
    """By key: campaigns whose first step, timed steps, and following steps can have candidates."""

    first: frozenset[str]
    timed: frozenset[str]
    following: frozenset[str]

    @classmethod
    def everything(cls, keys: Iterable[str]) -> Prefiltered:
        """Nothing is left out."""
        every = frozenset(keys)
        return cls(every, every, every)


def prefilter(context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign]) -> Prefiltered:
    """Reads the data of the context's only client, whose states and values are up to date."""
    connection, whom = context.connection, {"whom": context.only}
    happened = {
        row[0]: (row[1], row[2]) for query in _EVENTS_OF_CLIENT for row in connection.execute(query, whom) if row[1]
    }
    watched_by = {*connection.scalars(_INSIDE, whom), *connection.scalars(_VALUED, whom)}
    history = ClientHistory(happened, watched_by, connection.scalar(_LAUNCHED) is not None)
    triggers = {key: trigger_of(active.campaign) for key, active in active_campaigns.items()}
    return Prefiltered(
        frozenset(key for key, t in triggers.items() if t.may_concern(context, active_campaigns[key], history)),
        frozenset(key for key, t in triggers.items() if t.subject.event in happened),
        frozenset(connection.scalars(_PROMISED, whom)),
    )


def last_events(connection: Connection) -> LastEvents:
    """When each event last happened to anybody. It scans all events: for a simulation of many days."""
    rows = (row for query in (_EVENTS, _BOUGHT) for row in connection.execute(query))
    return {row[0]: (row[1], row[2]) for row in rows if row[1]}


def exhausted(
    book: Rulebook, now: datetime, active_campaigns: Mapping[str, ActiveCampaign], happened: LastEvents
) -> set[str]:
    """The names of campaigns that no past event can trigger at `now` any more."""
    return {
        active.campaign.name
        for active in active_campaigns.values()
        if trigger_of(active.campaign).exhausted(book, now, active, happened)
    }
