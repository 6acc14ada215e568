"""The state of each lane's mail server, shared between processes; and immediate retries.

A lane has a row since its first outage. Workers write it when an outage begins, once a minute while it lasts, and
when it ends. Instants are by the wall clock.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from regulars.core.outage_cause import OutageCause, stored_cause
from regulars.db.engine import insert
from regulars.db.states import Reason, State
from regulars.db.tables import lane_states, promises


@dataclass(frozen=True, slots=True)
class LaneOutage:
    """A lane whose mail server is unusable: since when, why, and when it was last tried.

    `last_success_at` is None if unknown; there is no attempt before `next_try_at`.
    """

    lane: str
    kinds: frozenset[str]
    server: str
    reason: str
    since: datetime
    last_success_at: datetime | None
    next_try_at: datetime
    noted_at: datetime
    cause: OutageCause = OutageCause.AWAY

    def __str__(self) -> str:
        took = "" if self.last_success_at is None else f", took mail last at {_at(self.last_success_at)}"
        return (
            f"lane {self.lane}: nothing is sent since {_at(self.since)}, for {self.cause.words}: {self.server}:"
            f" {self.reason} (asked last at {_at(self.noted_at)}, next from {_at(self.next_try_at)} on{took});"
            f" {self.cause.advice}"
        )


def outages(connection: Connection) -> list[LaneOutage]:
    """The lanes with an outage, as recorded by workers."""
    query = select(lane_states).where(lane_states.c.away_since.is_not(None)).order_by(lane_states.c.lane)
    return [
        LaneOutage(
            row.lane, frozenset(row.kinds), row.server, row.reason or "", row.away_since, row.last_success_at,
            row.next_try_at or row.noted_at, row.noted_at, stored_cause(row.cause),
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def note_outage(connection: Connection, outage: LaneOutage) -> None:
    """Records an outage; a known one keeps its beginning and the last success before it."""
    row = {
        "kinds": sorted(outage.kinds), "server": outage.server, "reason": outage.reason, "cause": outage.cause,
        "next_try_at": outage.next_try_at, "noted_at": outage.noted_at,
    }  # fmt: skip
    first = {"lane": outage.lane, "away_since": outage.since, "last_success_at": outage.last_success_at}
    statement = insert(connection, lane_states).values({**first, **row})
    kept = {
        "away_since": func.coalesce(lane_states.c.away_since, statement.excluded.away_since),
        "last_success_at": func.coalesce(statement.excluded.last_success_at, lane_states.c.last_success_at),
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["lane"], set_={**kept, **row}))


def note_recovery(connection: Connection, lane: str, at: datetime) -> None:
    """Records that the lane's server accepts mail again."""
    ended = {
        "away_since": None,
        "reason": None,
        "cause": None,
        "next_try_at": None,
        "last_success_at": at,
        "noted_at": at,
    }
    connection.execute(update(lane_states).where(lane_states.c.lane == lane).values(ended))


def forget_lane(connection: Connection, lane: str) -> None:
    """Removes the state of a lane that no longer exists, or uses another server now."""
    connection.execute(delete(lane_states).where(lane_states.c.lane == lane))


def free_retries(connection: Connection, kinds: Collection[str], now: datetime) -> int:
    """Makes every email of the kinds that waits for a retry due for examination now; returns their number.

    So it does with those that are held because workers died of them.
    """
    reason = promises.c.reason.in_([Reason.RETRY, Reason.KILLS_WORKERS])
    waiting = (promises.c.state == State.HELD, reason, promises.c.next_at > now)
    return connection.execute(
        update(promises).where(*waiting, promises.c.kind.in_(sorted(kinds))).values(next_at=now)
    ).rowcount


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
