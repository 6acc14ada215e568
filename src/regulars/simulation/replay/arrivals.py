"""What became known between two instants moves from the copy of the past into the tables that planners read.

The facts of the clients concerned are recomputed, by the code that importers use. A row counts as received when it was
known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from regulars.db import tables
from regulars.db.event_source import PURCHASE
from regulars.db.states import Reason, State
from regulars.db.types import from_micros, to_micros
from regulars.profile import facts
from regulars.simulation.replay.known_history import past_name
from regulars.triggers.base import LastEvents

_ARRIVING = ("customers", "consents", "refusals", "suppressions", "preferences", "signups", "purchases", "events")
_REPLACED = frozenset({"consents", "preferences"})
"""Of these a client has one row, the latest."""
_SINCE_EVER = -(2**62)
_HOUR = timedelta(hours=1)


class Arrivals:
    """The rows of a scratch database that are still to come, in the order in which they were known."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._seen = connection, _SINCE_EVER
        self._last: dict[str, tuple[datetime, datetime]] = {}

    @property
    def last_events(self) -> LastEvents:
        """When each event last happened to anybody, and when one was last received."""
        return self._last

    def on(self, connection: Connection) -> Arrivals:
        """The same in another transaction."""
        self._connection = connection
        return self

    def begin(self, now: datetime) -> None:
        """Brings in what was known at `now`, with the ledger of then: what was open is examined anew."""
        self.advance(now)
        moment = to_micros(now)
        columns = ", ".join(column.name for column in tables.promises.c)
        self._run(
            f"INSERT INTO promises ({columns}) SELECT {columns} FROM past_promises WHERE known_at <= :now", moment
        )
        self._run(
            f"UPDATE promises SET state = '{State.HELD}', reason = '{Reason.NEW}', detail = NULL, next_at = :now,"
            " settled_at = NULL, claim_id = NULL"
            f" WHERE settled_at > :now OR state IN ('{State.HELD}', '{State.PLANNED}')",
            moment,
        )
        self._connection.exec_driver_sql("ANALYZE")

    def next_at(self) -> datetime | None:
        """When something becomes known next; None at the end of the past."""
        queries = (f"SELECT min(known_at) FROM {past_name(name)} WHERE known_at > :seen" for name in _ARRIVING)
        found = [self._connection.exec_driver_sql(query, {"seen": self._seen}).scalar() for query in queries]
        known = [int(one) for one in found if one is not None]
        return from_micros(min(known)) if known else None

    def advance(self, now: datetime) -> bool:
        """Brings in what became known up to `now`; returns whether it was anything that a rule may depend on."""
        first, self._seen = self._seen, to_micros(now)
        if self._seen <= first:
            return False
        added = sum(self._add(name, first) for name in _ARRIVING)
        self._add_lines(first)
        self._run(
            "UPDATE signups SET confirmed_at = past.confirmed_at FROM past_signups AS past"
            " WHERE past.id = signups.id AND past.confirmed_at > :first AND past.confirmed_at <= :now",
            self._seen, first,
        )  # fmt: skip
        if added:
            self._remember_events(first)
            self._refresh_facts(first)
        return added > 0

    def hours_of_day(self, *, with_creation: bool) -> frozenset[int]:
        """The full UTC hours, 0 to 23, at which a span of whole days can end that began in the past.

        `with_creation` counts the creation of clients too.
        """
        hour, day = _HOUR // timedelta(microseconds=1), 24 * _HOUR // timedelta(microseconds=1)
        moments = {"purchases": "occurred_at", "events": "occurred_at", "customers": "created_at"}
        if not with_creation:
            del moments["customers"]
        queries = (
            f"SELECT DISTINCT (({column} % {day} + {day}) % {day} + {hour} - 1) / {hour} % 24 FROM {past_name(name)}"
            for name, column in moments.items()
        )
        return frozenset(int(row[0]) for query in queries for row in self._connection.exec_driver_sql(query))

    # ---------------------------------------------------------------- one interval

    def _run(self, text: str, now: int, first: int = _SINCE_EVER) -> int:
        return self._connection.exec_driver_sql(text, {"now": now, "first": first}).rowcount

    def _add(self, name: str, first: int) -> int:
        columns = [column.name for column in tables.metadata.tables[name].c]
        values = {"received_at": "known_at"}
        if name == "signups":
            values["confirmed_at"] = "CASE WHEN confirmed_at <= :now THEN confirmed_at END"
        chosen = ", ".join(values.get(column, column) for column in columns)
        verb = "INSERT OR REPLACE" if name in _REPLACED else "INSERT OR IGNORE"
        return self._run(
            f"{verb} INTO {name} ({', '.join(columns)}) SELECT {chosen} FROM {past_name(name)}"
            " WHERE known_at > :first AND known_at <= :now ORDER BY known_at, rowid",
            self._seen, first,
        )  # fmt: skip

    def _add_lines(self, first: int) -> None:
        columns = ", ".join(f"line.{column.name}" for column in tables.purchase_lines.c)
        self._run(
            f"INSERT INTO purchase_lines SELECT {columns} FROM past_purchases AS bought"
            " CROSS JOIN past_purchase_lines AS line ON line.purchase_id = bought.id"
            " WHERE bought.known_at > :first AND bought.known_at <= :now",
            self._seen, first,
        )  # fmt: skip

    def _remember_events(self, first: int) -> None:
        between = "known_at > :first AND known_at <= :now"
        query = f"SELECT name, max(occurred_at), max(known_at) FROM past_events WHERE {between} GROUP BY name"
        query += f" UNION ALL SELECT '{PURCHASE}', max(occurred_at), max(known_at) FROM past_purchases WHERE {between}"
        for name, occurred, known in self._connection.exec_driver_sql(query, {"first": first, "now": self._seen}):
            if occurred is not None:
                before = self._last.get(name, (from_micros(occurred), from_micros(known)))
                self._last[name] = max(before[0], from_micros(occurred)), max(before[1], from_micros(known))

    def _refresh_facts(self, first: int) -> None:
        if first == _SINCE_EVER:
            facts.refresh(self._connection)
            return
        facts.refresh(self._connection, list(self._clients(first)))
        rows = self._connection.exec_driver_sql(
            "SELECT id FROM past_events WHERE known_at > :first AND known_at <= :now",
            {"first": first, "now": self._seen},
        )
        facts.refresh_after_events(self._connection, [int(row[0]) for row in rows])

    def _clients(self, first: int) -> Iterator[int]:
        """Who is new, and who bought."""
        between = "known_at > :first AND known_at <= :now"
        query = f"SELECT id FROM past_customers WHERE {between}"
        query += f" UNION SELECT customer_id FROM past_purchases WHERE {between}"
        for row in self._connection.exec_driver_sql(query, {"first": first, "now": self._seen}):
            yield int(row[0])
