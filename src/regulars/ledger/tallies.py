"""What guards count: how many emails became due on a day, and what came of the last ones.

Both are sums of a few rows for each campaign, so that nothing is counted in the table of promises.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, func, or_, select
from sqlalchemy import insert as plain_insert

from regulars.db.engine import insert
from regulars.db.states import Reason, State
from regulars.db.tables import due_tallies, outcome_tallies, promises
from regulars.ledger.settle import Settlement
from regulars.ledger.switches import Scope, Target

RETENTION = timedelta(days=40)
"""How long outcomes are kept."""
_LOOKED_BACK = timedelta(days=400)
_MOST_ROWS = 2_000


@dataclass(slots=True)
class Outcomes:
    """What came of emails: accepted or perhaps accepted, refused, with an unknown address, not rendered."""

    sent: int = 0
    failed: int = 0
    addresses_refused: int = 0
    render_errors: int = 0

    @property
    def tried(self) -> int:
        return self.sent + self.failed + self.addresses_refused + self.render_errors

    def add(self, settled: Settlement) -> None:
        """Counts a settlement; those that are tried again later do not count."""
        if settled.state in (State.SENT, State.UNCERTAIN):
            self.sent += 1
        elif settled.reason is Reason.ADDRESS_REFUSED:
            self.addresses_refused += 1
        elif settled.state is State.FAILED:
            self.failed += 1
        elif settled.reason is Reason.RENDER_ERROR:
            self.render_errors += 1


@dataclass(frozen=True, slots=True)
class Window:
    """The outcomes of the last emails, and when the first of these batches was settled; None without one."""

    outcomes: Outcomes
    since: datetime | None


def add_outcomes(connection: Connection, lane: str, found: Mapping[str, Outcomes], now: datetime) -> None:
    """Adds a row for each campaign."""
    rows = [
        {"campaign": key, "lane": lane, "at": now, **{part.name: getattr(one, part.name) for part in fields(one)}}
        for key, one in found.items()
        if one.tried
    ]
    if rows:
        connection.execute(plain_insert(outcome_tallies), rows)


def last_outcomes(
    connection: Connection, target: Target, count: int, armed_at: datetime | None, all_since: datetime | None = None
) -> Window:
    """The last `count` emails of a campaign or lane, by whole batches, and all since `all_since`.

    Nothing before `armed_at` counts.
    """
    column = outcome_tallies.c.campaign if target.scope is Scope.CAMPAIGN else outcome_tallies.c.lane
    query = select(outcome_tallies).where(column == target.key)
    if armed_at is not None:
        query = query.where(outcome_tallies.c.at > armed_at)
    total, since = Outcomes(), None
    ordered = query.order_by(outcome_tallies.c.at.desc(), outcome_tallies.c.id.desc()).limit(_MOST_ROWS)
    for row in connection.execute(ordered):
        if total.tried >= count and (all_since is None or row.at < all_since):
            break
        for part in fields(total):
            setattr(total, part.name, getattr(total, part.name) + getattr(row, part.name))
        since = row.at
    return Window(total, since)


def forget_outcomes(connection: Connection, now: datetime) -> None:
    """Deletes what is too old to count."""
    connection.execute(delete(outcome_tallies).where(outcome_tallies.c.at < now - RETENTION))


def add_due(connection: Connection, keys: Collection[str], now: datetime, today: date) -> dict[str, int]:
    """Adds what was promised at `now` to the tallies of today; returns what is counted by campaign that had any."""
    new = (promises.c.state == State.HELD, promises.c.reason.in_([Reason.NEW, Reason.WAVE]))
    query = select(promises.c.campaign, func.count()).where(
        *new, promises.c.created_at == now, promises.c.campaign.in_(sorted(keys))
    )
    counted: dict[str, int] = {}
    for key, number in connection.execute(query.group_by(promises.c.campaign)):
        row = {"campaign": key, "day": str(today), "number": number, "counted": number}
        statement = insert(connection, due_tallies).values(row)
        more = {name: due_tallies.c[name] + statement.excluded[name] for name in ("number", "counted")}
        upsert = statement.on_conflict_do_update(index_elements=["campaign", "day"], set_=more)
        counted[key] = connection.execute(upsert.returning(due_tallies.c.counted)).scalar_one()
    return counted


def earlier_days(connection: Connection, key: str, today: date) -> Mapping[date, int]:
    """How many emails of a campaign became due by day before today, the latest first; days without any are missing."""
    query = select(due_tallies.c.day, due_tallies.c.number).where(
        due_tallies.c.campaign == key, due_tallies.c.day < str(today), due_tallies.c.number > 0
    )
    rows = connection.execute(query.order_by(due_tallies.c.day.desc()).limit(_LOOKED_BACK.days))
    return {date.fromisoformat(row.day): row.number for row in rows}


def known_campaigns(connection: Connection) -> set[str]:
    """The campaigns that have tallies of what was due."""
    return set(connection.scalars(select(due_tallies.c.campaign).distinct()))


def due_instants(connection: Connection, key: str, now: datetime) -> Sequence[tuple[datetime, int]]:
    """How many emails of a campaign the ledger says became due at each plan before now, for the last 400 days."""
    unwanted = promises.c.reason.in_([Reason.AGAIN, Reason.GOAL_MET]) & (promises.c.settled_at == promises.c.created_at)
    rows = connection.execute(
        select(promises.c.created_at, func.count())
        .where(promises.c.campaign == key, promises.c.created_at < now, promises.c.created_at > now - _LOOKED_BACK)
        .where(or_(promises.c.reason.is_(None), ~func.coalesce(unwanted, False)))
        .group_by(promises.c.created_at)
    )
    return [(row[0], row[1]) for row in rows]


def set_days(connection: Connection, key: str, days: Mapping[date, int]) -> None:
    """Writes the tallies of a campaign that has none, not counted by the guard."""
    rows = [{"campaign": key, "day": str(day), "number": number, "counted": 0} for day, number in days.items()]
    if rows:
        connection.execute(insert(connection, due_tallies).on_conflict_do_nothing(), rows)
