"""Claims under limits by receiving domain: of each mail provider no more rows than its rate allows now.

The rows of a provider whose rate is used up are not read, so they delay nobody, wherever they stand in the queue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, Select, Text, select, text, true

from regulars.db.rowset import rowset
from regulars.db.states import State
from regulars.db.tables import promises
from regulars.ledger import domain_limits
from regulars.ledger.claims import Claim, claim, held
from regulars.ledger.domain_limits import Room
from regulars.ledger.switches import Pauses, pauses

_IN_INDEX = text(f"promises.state = '{State.PLANNED}' AND promises.provider <> ''")
"""As the partial index of labelled rows has it: with a parameter, a prepared statement could not use it."""


def claim_within_limits(
    connection: Connection, *, kinds: Collection[str], limit: int, now: datetime, lease: timedelta, worker: str
) -> tuple[Claim | None, Mapping[int, str]]:
    """Like `claim`, within the limits; and the label of each row that was claimed.

    Commit soon: other workers' claims wait for the limits until then.
    """
    rooms = {room.provider: room for room in domain_limits.rooms(connection)}
    labels = dict(_candidates(connection, list(rooms.values()), kinds, limit, now)) if rooms else {}
    if not labels:
        return None, {}
    made = claim(connection, kinds=kinds, limit=limit, now=now, lease=lease, worker=worker, only=labels)
    if made is None:
        return None, {}
    domain_limits.spend(connection, rooms, Counter(labels[row] for row in made.rows))
    return made, {row: labels[row] for row in made.rows}


def _candidates(
    connection: Connection, rooms: Sequence[Room], kinds: Collection[str], limit: int, now: datetime
) -> list[tuple[int, str]]:
    """The next rows with their labels, by priority: of each label as many as there is room for."""
    paused = pauses(connection)
    most = {room.provider: limit if room.rate is None else min(limit, int(room.tokens)) for room in rooms}
    if connection.dialect.name == "postgresql":
        open_labels = rowset(connection, "open_labels", {"label": Text(), "most": Integer()}, list(most.items()))
        each = (
            _free(connection, paused, kinds, now)
            .where(promises.c.provider == open_labels.c.label)
            .limit(open_labels.c.most)
            .lateral("each")
        )
        query = select(each.c.id, each.c.provider).select_from(open_labels.join(each, true()))
        query = query.order_by(each.c.priority.desc(), each.c.next_at, each.c.id).limit(limit)
        return [(row[0], row[1]) for row in connection.execute(query)]
    found: list[Any] = []
    for label, number in most.items():
        found += connection.execute(
            _free(connection, paused, kinds, now).where(promises.c.provider == label).limit(number)
        ).all()
    found.sort(key=lambda row: (-row.priority, row.next_at, row.id))
    return [(row.id, row.provider) for row in found[:limit]]


def _free(connection: Connection, paused: Pauses, kinds: Collection[str], now: datetime) -> Select[Any]:
    query = (
        select(promises.c.id, promises.c.provider, promises.c.priority, promises.c.next_at)
        .where(_IN_INDEX, promises.c.next_at <= now)
        .where(promises.c.kind.in_(paused.open_kinds(kinds)))
        .where(promises.c.id.not_in(held(connection)))
        .order_by(promises.c.priority.desc(), promises.c.next_at, promises.c.id)
    )
    return query.where(promises.c.campaign.not_in(sorted(paused.campaigns))) if paused.campaigns else query
