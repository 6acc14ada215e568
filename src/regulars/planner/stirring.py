"""Which campaigns can have anything for a client: nothing is due of an event that never happened, or too long ago.

A rehearsal plans again and again; to ask every campaign each time would cost most of its time. What is
left out here would have found nobody: the planner's own queries stay the only ones that say who is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, func, literal, select

from regulars.clearance import Ground, Live
from regulars.planner.candidates import OVERLAP
from regulars.rules.model import Rulebook
from regulars.store.happenings import PURCHASE
from regulars.store.tables import events, members, products, promises, purchases, values_seen

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
class Stirring:
    """By key: campaigns whose first step, timed steps, and following steps may have something for the client."""

    first: frozenset[str]
    timed: frozenset[str]
    following: frozenset[str]

    @classmethod
    def everything(cls, keys: Iterable[str]) -> Stirring:
        """Nothing is left out."""
        every = frozenset(keys)
        return cls(every, every, every)


def stirring(ground: Ground, lives: Mapping[str, Live]) -> Stirring:
    """Looks once at the one client of this ground, whose members and values have been brought up to now."""
    connection, whom = ground.connection, {"whom": ground.only}
    happened = {row[0]: (row[1], row[2]) for query in _THEIRS for row in connection.execute(query, whom) if row[1]}
    noted = {*connection.scalars(_INSIDE, whom), *connection.scalars(_VALUED, whom)}
    launched = connection.scalar(_LAUNCHED) is not None

    def may(live: Live) -> bool:
        match live.campaign.trigger:
            case "on":
                on = live.campaign.on
                return on in happened and _lately(ground.rulebook, ground.now, live, *happened[on])
            case "when" | "each":
                return live.key in noted
            case "new":
                return launched
            case _:  # the calendar's own look costs little
                return True

    return Stirring(
        frozenset(key for key, live in lives.items() if may(live)),
        frozenset(key for key, live in lives.items() if live.campaign.on in happened),
        frozenset(connection.scalars(_PROMISED, whom)),
    )


def happenings_of_all(connection: Connection) -> Happened:
    """When each event last happened to anybody. It looks through all of them: for a rehearsal of many days."""
    rows = (row for query in (_EVENTS, _BOUGHT) for row in connection.execute(query))
    return {row[0]: (row[1], row[2]) for row in rows if row[1]}


def over(book: Rulebook, now: datetime, lives: Mapping[str, Live], happened: Happened) -> set[str]:
    """The names of campaigns that nothing of what happened sets off at `now` any more."""
    return {
        found.campaign.name
        for found in lives.values()
        if found.campaign.on is not None
        and (found.campaign.on not in happened or not _lately(book, now, found, *happened[found.campaign.on]))
    }


def _lately(book: Rulebook, now: datetime, live: Live, occurred: datetime, received: datetime) -> bool:
    """Whether what happened last can still be due: the bounds are those of the query that follows."""
    if occurred > book.company.working_time.before(live.floor(now, book.policy), live.campaign.lead):
        return True
    return live.planned_at is not None and received > live.planned_at - OVERLAP
