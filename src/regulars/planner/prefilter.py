"""Which campaigns can have anything for a client: nothing is due of an event that never happened, or too long ago.

A rehearsal plans again and again; to ask every campaign each time would cost most of its time. What is
left out here would have found nobody: the planner's own queries stay the only ones that say who is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, func, literal, select

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.event_source import PURCHASE
from regulars.db.tables import events, members, products, promises, purchases, values_seen
from regulars.rules.model import Rulebook
from regulars.triggers.candidates import OVERLAP

Happened = Mapping[str, tuple[datetime, datetime]]
"""By an event's name: when it last happened, and when the last was received."""

_WHOM = bindparam("whom", type_=Integer)
_EVENTS = select(events.c.name, func.max(events.c.occurred_at), func.max(events.c.received_at)).group_by(events.c.name)
_BOUGHT = select(literal(PURCHASE), func.max(purchases.c.occurred_at), func.max(purchases.c.received_at))
_THEIRS = (_EVENTS.where(events.c.customer_id == _WHOM), _BOUGHT.where(purchases.c.customer_id == _WHOM))
_INSIDE = select(members.c.campaign).where(members.c.customer_id == _WHOM, members.c.left_at.is_(None))
_VALUED = select(values_seen.c.campaign).where(values_seen.c.customer_id == _WHOM).distinct()
_PROMISED = select(promises.c.campaign).where(promises.c.customer_id == _WHOM).distinct()
_LAUNCHED = select(products.c.id).where(products.c.launched_at.is_not(None)).limit(1)


@dataclass(frozen=True, slots=True)
class Prefiltered:
    """By key: campaigns whose first step, timed steps, and following steps may have something for the client."""

    first: frozenset[str]
    timed: frozenset[str]
    following: frozenset[str]

    @classmethod
    def everything(cls, keys: Iterable[str]) -> Prefiltered:
        """Nothing is left out."""
        every = frozenset(keys)
        return cls(every, every, every)


def prefilter(context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign]) -> Prefiltered:
    """Looks once at the one client of this ground, whose members and values have been brought up to now."""
    connection, whom = context.connection, {"whom": context.only}
    happened = {row[0]: (row[1], row[2]) for query in _THEIRS for row in connection.execute(query, whom) if row[1]}
    noted = {*connection.scalars(_INSIDE, whom), *connection.scalars(_VALUED, whom)}
    launched = connection.scalar(_LAUNCHED) is not None

    def may(active: ActiveCampaign) -> bool:
        match active.campaign.trigger:
            case "on":
                on = active.campaign.on
                return on in happened and _lately(context.rulebook, context.now, active, *happened[on])
            case "when" | "each":
                return active.key in noted
            case "new":
                return launched
            case _:  # the calendar's own look costs little
                return True

    return Prefiltered(
        frozenset(key for key, active in active_campaigns.items() if may(active)),
        frozenset(key for key, active in active_campaigns.items() if active.campaign.on in happened),
        frozenset(connection.scalars(_PROMISED, whom)),
    )


def last_events(connection: Connection) -> Happened:
    """When each event last happened to anybody. It looks through all of them: for a rehearsal of many days."""
    rows = (row for query in (_EVENTS, _BOUGHT) for row in connection.execute(query))
    return {row[0]: (row[1], row[2]) for row in rows if row[1]}


def exhausted(
    book: Rulebook, now: datetime, active_campaigns: Mapping[str, ActiveCampaign], happened: Happened
) -> set[str]:
    """The names of campaigns that nothing of what happened sets off at `now` any more."""
    return {
        found.campaign.name
        for found in active_campaigns.values()
        if found.campaign.on is not None
        and (found.campaign.on not in happened or not _lately(book, now, found, *happened[found.campaign.on]))
    }


def _lately(book: Rulebook, now: datetime, active: ActiveCampaign, occurred: datetime, received: datetime) -> bool:
    """Whether what happened last can still be due: the bounds are those of the query that follows."""
    if occurred > book.company.working_time.before(active.floor(now, book.policy), active.campaign.lead):
        return True
    return active.planned_at is not None and received > active.planned_at - OVERLAP
