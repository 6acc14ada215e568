"""The servers of pools that are away while others of their lane take its mail, for all processes.

A server has a row since its first outage. Workers write it when an outage begins, once a minute while it lasts, and
when it ends. Instants are by the wall clock. A lane none of whose servers takes mail is in `lane_states`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from regulars.db.engine import insert
from regulars.db.tables import server_states


@dataclass(frozen=True, slots=True)
class ServerOutage:
    """A server of a pool that takes nothing: since when and why; it is not tried before `next_try_at`."""

    server: str
    lane: str
    address: str
    reason: str
    since: datetime
    next_try_at: datetime
    noted_at: datetime

    def __str__(self) -> str:
        return (
            f"mail server {self.server} ({self.address}) is away since {_at(self.since)}: {self.reason} (asked last at"
            f" {_at(self.noted_at)}, next from {_at(self.next_try_at)} on); the other servers of lane {self.lane} take"
            " its emails, and it is tried again by itself"
        )


def server_outages(connection: Connection) -> list[ServerOutage]:
    """The servers with an outage, as recorded by workers."""
    query = select(server_states).where(server_states.c.away_since.is_not(None)).order_by(server_states.c.server)
    return [
        ServerOutage(
            row.server, row.lane, row.address, row.reason or "", row.away_since, row.next_try_at or row.noted_at,
            row.noted_at,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def record_outage(connection: Connection, outage: ServerOutage) -> None:
    """Records an outage; a known one keeps its beginning."""
    row = {
        "lane": outage.lane, "address": outage.address, "reason": outage.reason, "next_try_at": outage.next_try_at,
        "noted_at": outage.noted_at,
    }  # fmt: skip
    statement = insert(connection, server_states).values(server=outage.server, away_since=outage.since, **row)
    began = func.coalesce(server_states.c.away_since, statement.excluded.away_since)
    connection.execute(statement.on_conflict_do_update(index_elements=["server"], set_={"away_since": began, **row}))


def record_recovery(connection: Connection, server: str, at: datetime) -> None:
    """Records that the server takes mail again."""
    ended = {"away_since": None, "reason": None, "next_try_at": None, "noted_at": at}
    connection.execute(update(server_states).where(server_states.c.server == server).values(ended))


def forget_server(connection: Connection, server: str) -> None:
    """Removes the state of a server that no pool names any more."""
    connection.execute(delete(server_states).where(server_states.c.server == server))


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
