"""The emails of simulated days and the real ones of the same time, in a scratch file, and what a report asks of them.

All sums are made by SQLite in the file: the answers are as large as the report, whatever the number of emails.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from regulars.core.calendar import days, instant, local_date
from regulars.db.states import State
from regulars.db.types import MICROSECOND, from_micros, to_micros

REAL, BY_RULES, AGAINST = "sent", "rules", "against"
"""The runs: what was really sent, what these rules would have sent, and what others would have sent."""
_TABLES = """
CREATE TABLE days (begins INTEGER PRIMARY KEY, day TEXT NOT NULL);
CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE emails (
    run TEXT, campaign TEXT, step TEXT, client INTEGER, at INTEGER, day TEXT
);
CREATE TABLE outcomes (run TEXT, campaign TEXT, state TEXT, reason TEXT, number INTEGER);
CREATE TABLE capped (run TEXT, campaign TEXT, number INTEGER);
"""
_INDEX = "CREATE INDEX IF NOT EXISTS emails_client ON emails (run, client, at)"
_DAY_OF = "(SELECT day FROM days WHERE begins <= settled_at ORDER BY begins DESC LIMIT 1)"
_WENT = ", ".join(f"'{state}'" for state in (State.SENT, State.UNCERTAIN, State.BOUNCED))


@dataclass(frozen=True, slots=True)
class SentEmail:
    """One email of a run: the key of its campaign, its step, the client's outside id, when, and the local day."""

    run: str
    campaign: str
    step: str
    client: str
    at: datetime
    day: date


@dataclass(frozen=True, slots=True)
class BusyClient:
    """A client who gets many emails: all of them, and the most within any 7 and any 30 days."""

    client: str
    emails: int
    in_week: int
    in_month: int
    campaigns: Mapping[str, int]


class EmailStore:
    """Emails of several runs over the same days, in a file."""

    def __init__(self, path: Path, since: datetime, until: datetime, zone: str) -> None:
        self._since, self._until = to_micros(since), to_micros(until)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(_TABLES)
        for day in days(local_date(since, zone), local_date(until, zone)):
            begins = to_micros(instant(datetime.combine(day, time()), zone))
            self._connection.execute("INSERT INTO days VALUES (?, ?)", (begins, day.isoformat()))

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    # ---------------------------------------------------------------- in

    def add_real(self, scratch: Path) -> None:
        """The clients, and what the copied ledger says was sent in the span."""
        with self._attached(scratch):
            self._connection.execute("INSERT INTO clients SELECT id, external_id FROM scratch.past_customers")
            self._add_emails(REAL, "scratch.past_promises", _WENT)

    def add_run(self, run: str, scratch: Path) -> None:
        """What became of the promises of a simulation."""
        with self._attached(scratch):
            self._add_emails(run, "scratch.promises", f"'{State.SENT}'")
            self._connection.execute(
                "INSERT INTO outcomes SELECT ?, campaign, state, coalesce(reason, ''), count(*) FROM scratch.promises"
                f" WHERE state = '{State.HELD}' OR (state = '{State.SKIPPED}' AND settled_at >= ?) GROUP BY 2, 3, 4",
                (run, self._since),
            )
            self._connection.execute(
                "INSERT INTO capped SELECT ?, campaign, count(*) FROM scratch.cap_hits"
                " JOIN scratch.promises ON promises.id = promise_id GROUP BY 2",
                (run,),
            )

    def _attached(self, scratch: Path) -> _Attached:
        return _Attached(self._connection, scratch)

    def _add_emails(self, run: str, table: str, states: str) -> None:
        self._connection.execute(
            f"INSERT INTO emails SELECT ?, campaign, step, customer_id, settled_at, {_DAY_OF} FROM {table}"
            f" WHERE state IN ({states}) AND settled_at BETWEEN ? AND ?",
            (run, self._since, self._until),
        )
        self._connection.execute(_INDEX)

    # ---------------------------------------------------------------- out

    def rows(self, run: str) -> Iterator[SentEmail]:
        """Every email of a run, by time; read as it is used."""
        query = """
            SELECT campaign, step, name, at, day FROM emails JOIN clients ON clients.id = client
            WHERE run = ? ORDER BY at, campaign, step, client
        """
        for campaign, step, name, at, day in self._connection.execute(query, (run,)):
            yield SentEmail(run, campaign, step, name, from_micros(at), date.fromisoformat(day))

    def by_campaign(self, run: str) -> dict[str, tuple[int, int]]:
        """By campaign key: emails, and the clients who get them."""
        query = "SELECT campaign, count(*), count(DISTINCT client) FROM emails WHERE run = ? GROUP BY campaign"
        return {key: (number, clients) for key, number, clients in self._connection.execute(query, (run,))}

    def clients(self, run: str) -> int:
        """How many clients get any email."""
        return self._number("SELECT count(DISTINCT client) FROM emails WHERE run = ?", run)

    def by_day(self, run: str) -> dict[str, dict[date, int]]:
        """By campaign key and local day: emails."""
        found: dict[str, dict[date, int]] = {}
        query = "SELECT campaign, day, count(*) FROM emails WHERE run = ? GROUP BY 1, 2 ORDER BY 1, 2"
        for key, day, number in self._connection.execute(query, (run,)):
            found.setdefault(key, {})[date.fromisoformat(day)] = number
        return found

    def outcomes(self, run: str) -> dict[str, dict[str, dict[str, int]]]:
        """By campaign key and state (held at the end, skipped): how many by reason."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        query = "SELECT campaign, state, reason, number FROM outcomes WHERE run = ? ORDER BY 1, 2, 4 DESC, 3"
        for key, state, reason, number in self._connection.execute(query, (run,)):
            found.setdefault(key, {}).setdefault(state, {})[reason] = number
        return found

    def capped(self, run: str) -> dict[str, int]:
        """By campaign key: how many emails the cap has ever held back or stopped."""
        return dict(self._connection.execute("SELECT campaign, number FROM capped WHERE run = ?", (run,)))

    def fullest(self, run: str, span: timedelta) -> dict[int, int]:
        """How many clients have at most so many emails within any such span, by that number."""
        query = f"SELECT most, count(*) FROM ({self._most()}) GROUP BY most ORDER BY most"
        return dict(self._connection.execute(query, {"run": run, "span": span // MICROSECOND - 1}))

    def busiest(self, run: str, count: int) -> list[BusyClient]:
        """The clients with most emails within 30 days; ties go to those with most emails, then by name."""
        week, month = (timedelta(days=n) // MICROSECOND - 1 for n in (7, 30))
        query = f"""
            SELECT client, name, all_of_them, most FROM ({self._most()}) JOIN clients ON clients.id = client
            ORDER BY most DESC, all_of_them DESC, name LIMIT :count
        """
        rows = self._connection.execute(query, {"run": run, "span": month, "count": count}).fetchall()
        of_client = f"SELECT most FROM ({self._most('AND client = :client')})"
        parts = "SELECT campaign, count(*) FROM emails WHERE run = ? AND client = ? GROUP BY 1 ORDER BY 2 DESC, 1"
        return [
            BusyClient(
                name, number, self._number(of_client, run=run, span=week, client=client), most,
                dict(self._connection.execute(parts, (run, client))),
            )
            for client, name, number, most in rows
        ]  # fmt: skip

    def shifts(self, one: str, other: str) -> dict[str, tuple[int, int, int, int]]:
        """By campaign key: emails that `one` has more and that it lacks, and the clients who gain and who lose."""
        query = f"""
            SELECT campaign, sum(max(more, 0)), sum(max(-more, 0)),
                count(DISTINCT CASE WHEN more > 0 THEN client END), count(DISTINCT CASE WHEN more < 0 THEN client END)
            FROM ({_MORE}) GROUP BY campaign ORDER BY campaign
        """
        return {key: tuple(rest) for key, *rest in self._connection.execute(query, {"one": one, "other": other})}

    def shifted_clients(self, one: str, other: str, count: int) -> list[tuple[str, int, int]]:
        """Clients for whom most changes: outside id, emails gained, emails lost."""
        query = f"""
            SELECT name, sum(max(more, 0)) AS gained, sum(max(-more, 0)) AS lost
            FROM ({_MORE}) JOIN clients ON clients.id = client
            GROUP BY client ORDER BY gained + lost DESC, name LIMIT :count
        """
        return self._connection.execute(query, {"one": one, "other": other, "count": count}).fetchall()

    def _most(self, more: str = "") -> str:
        return f"""
            SELECT client, max(lately) AS most, count(*) AS all_of_them FROM (
                SELECT client, count(*) OVER (
                    PARTITION BY client ORDER BY at RANGE BETWEEN :span PRECEDING AND CURRENT ROW
                ) AS lately FROM emails WHERE run = :run {more}
            ) GROUP BY client
        """

    def _number(self, query: str, *values: object, **named: object) -> int:
        return int(self._connection.execute(query, values or named).fetchone()[0])


_MORE = """
    SELECT campaign, step, client, sum(CASE run WHEN :one THEN 1 ELSE -1 END) AS more
    FROM emails WHERE run IN (:one, :other) GROUP BY campaign, step, client HAVING more <> 0
"""


class _Attached:
    """Another database file beside the store, for the length of a `with`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path

    def __enter__(self) -> None:
        self._connection.execute("ATTACH ? AS scratch", (str(self._path),))

    def __exit__(self, *_: object) -> None:
        self._connection.execute("DETACH scratch")


def summed(numbers: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts added by name, the largest first."""
    found: dict[str, int] = {}
    for each in numbers:
        for name, number in each.items():
            found[name] = found.get(name, 0) + number
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
