"""Signs of life of worker processes, and counters of what all of them have done together.

Each process writes them a few times a minute: what it did since is lost if it is killed, so the counters are for
graphs and alarms. The ledger alone says what became of an email.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, select

from regulars.db.database_time import database_time
from regulars.db.engine import insert
from regulars.db.tables import counters, heartbeats, latencies

ALIVE = timedelta(minutes=2)
"""A process that has left no sign for so long has ended, or is stuck."""
_FORGOTTEN = timedelta(days=1)


class Counted(StrEnum):
    """What is counted. The label is in the comment."""

    SETTLED = "settled"  # emails by their state
    DELIVERED = "delivered"  # emails handed to a server, and the time until all their replies: lane
    PLANS = "plans"
    TURNS = "turns"  # dispatch runs that had something to send


@dataclass(frozen=True, slots=True)
class Tally:
    """A number, and the seconds that it took together."""

    number: int = 0
    seconds: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.number + other.number, self.seconds + other.seconds)


Tallies = Mapping[tuple[Counted, str], Tally]
"""By what is counted and its label."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A worker process: its version of Regulars, and when it started and was last seen, by the database's clock."""

    process: str
    release: str
    started_at: datetime
    noted_at: datetime
    alive: bool


def record_activity(connection: Connection, process: str, release: str, done: Tallies) -> None:
    """Records that the process lives, and adds what it did since it last recorded."""
    now = database_time(connection)
    beat = insert(connection, heartbeats).values(process=process, release=release, started_at=now, noted_at=now)
    again = {"noted_at": beat.excluded.noted_at, "release": beat.excluded.release}
    connection.execute(beat.on_conflict_do_update(index_elements=["process"], set_=again))
    for (name, label), tally in sorted(done.items()):  # in one order, so that no two processes wait for each other
        row = insert(connection, counters).values(name=name, label=label, number=tally.number, seconds=tally.seconds)
        added = {
            "number": counters.c.number + row.excluded.number,
            "seconds": counters.c.seconds + row.excluded.seconds,
        }
        connection.execute(row.on_conflict_do_update(index_elements=["name", "label"], set_=added))


def record_latencies(connection: Connection, found: Mapping[tuple[str, int], tuple[int, float]]) -> None:
    """Adds to the histogram of servers: how many messages, and their seconds, by server and upper bound."""
    for (server, within_ms), (number, seconds) in sorted(found.items()):
        row = insert(connection, latencies).values(server=server, within_ms=within_ms, number=number, seconds=seconds)
        added = {
            "number": latencies.c.number + row.excluded.number, "seconds": latencies.c.seconds + row.excluded.seconds,
        }  # fmt: skip
        connection.execute(row.on_conflict_do_update(index_elements=["server", "within_ms"], set_=added))


def latency_totals(connection: Connection) -> dict[tuple[str, int], Tally]:
    """The histogram: by server and upper bound in milliseconds, 0 for longer ones."""
    rows = connection.execute(select(latencies))
    return {(row.server, row.within_ms): Tally(row.number, row.seconds) for row in rows}


def ended(connection: Connection, process: str) -> None:
    """Removes the sign of a process that ends, and old ones of those that were killed."""
    old = heartbeats.c.noted_at < database_time(connection) - _FORGOTTEN
    connection.execute(delete(heartbeats).where(old | (heartbeats.c.process == process)))


def workers(connection: Connection) -> list[Heartbeat]:
    """The processes seen within a day, by name."""
    now = database_time(connection)
    query = select(heartbeats).where(heartbeats.c.noted_at > now - _FORGOTTEN).order_by(heartbeats.c.process)
    return [
        Heartbeat(row.process, row.release, row.started_at, row.noted_at, row.noted_at > now - ALIVE)
        for row in connection.execute(query)
    ]


def totals(connection: Connection) -> dict[tuple[Counted, str], Tally]:
    """What all workers have done since the counters exist."""
    known = {counted.value for counted in Counted}
    rows = connection.execute(select(counters).where(counters.c.name.in_(known)))
    return {(Counted(row.name), row.label): Tally(row.number, row.seconds) for row in rows}
