"""Past days lived again are what a planner that runs every hour did when they were the present."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, update

from regulars.context.statement_cache import StatementCache
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.planner.plan import Plan, plan
from regulars.profile import facts
from regulars.simulation import dry_dispatch
from regulars.simulation.instants import hours
from regulars.simulation.replay.known_history import copy_history
from regulars.simulation.replay.past_days import PastDays
from regulars.simulation.replay.scratch_file import scratch_engine
from tests.common import people
from tests.common.bench import at
from tests.common.crowd import SILENT, every_kind
from tests.common.rules import Rules, rules

pytestmark = pytest.mark.slow

SINCE, DAYS = at("2026-03-06T00:00"), 3
"""The clocks of New York change in the night of the third day."""
UNTIL = SINCE + timedelta(days=DAYS) - timedelta(microseconds=1)
ZONES = (None, "Pacific/Auckland", "America/New_York")
"""Where the hours are full when they are full here: the planner to compare with runs on full hours."""
BY_DAYS = "days_since(customer.last_purchase_at) > 3 and not did('visit.done', within='2 days')"
AT_ANY_HOUR = "days_since(customer.last_purchase_at) > 3 or customer.overdue >= 2"
_HAPPENED = (tables.customers, tables.consents, tables.purchases, tables.events)
Ledger = Counter[tuple[Any, ...]]


def _moment(dice: random.Random) -> datetime:
    """Around the span, from four weeks before it."""
    return SINCE + timedelta(minutes=dice.randrange(-28 * 24 * 60, DAYS * 24 * 60))


def _gather(engine: Engine, seed: int) -> None:
    """Clients, some of whom come or say no in the middle, and what they did."""
    dice = random.Random(seed)
    with write(engine) as connection:
        people.add_manager(connection, "m-1")
        for number in range(3):
            people.add_product(connection, f"p-{number}", price=Decimal(20), launched_at=_moment(dice))
        for number in range(9):
            created = dice.choice([SINCE - timedelta(days=30), _moment(dice)])
            born = SINCE.date() + timedelta(days=dice.randrange(DAYS + 4)) - timedelta(days=365 * 30 + 8)
            key = people.add_customer(
                connection, f"c-{number}", timezone=dice.choice(ZONES), country=dice.choice(["MD", "RO", None]),
                birthday=dice.choice([None, born]), manager=dice.choice([None, "m-1"]), created_at=created,
            )  # fmt: skip
            if number % 4 == 0:
                no = {"topic": "marketing", "granted": False, "source": "preferences"}
                logged = [{**no, "granted": True, "at": created}, {**no, "at": max(created, _moment(dice))}]
                connection.execute(insert(tables.consent_log), [{"customer_id": key, **one} for one in logged])
                connection.execute(
                    update(tables.consents).where(tables.consents.c.customer_id == key).values(logged[1])
                )
            for _ in range(dice.randrange(6)):
                happened = max(created, _moment(dice))
                people.add_purchase(connection, key, happened, amount=dice.randrange(10, 90))
            for event in ("visit.done", "complaint.opened"):
                for _ in range(dice.randrange(3)):
                    happened, late = max(created, _moment(dice)), timedelta(minutes=dice.choice([0, 0, 200]))
                    data = {"score": dice.randrange(10)}
                    people.add_event(connection, key, event, happened, data, received_at=happened + late)
        facts.refresh(connection)


def _ledger(engine: Engine) -> Ledger:
    one = tables.promises.c
    query = select(
        one.campaign, one.step, tables.customers.c.external_id, one.occurrence, one.state, one.reason, one.due_at,
        one.settled_at,
    ).join(tables.customers, tables.customers.c.id == one.customer_id)  # fmt: skip
    with read(engine) as connection:
        return Counter(tuple(row) for row in connection.execute(query))


@contextmanager
def _simulated(engine: Engine, book: Rules, path: Path) -> Iterator[tuple[PastDays, Ledger]]:
    with scratch_engine(path) as scratch:
        copy_history(engine, scratch, SINCE)
        days = PastDays(scratch, book, SINCE, UNTIL)
        days.run()
        yield days, _ledger(scratch)


class _Present:
    """The same days as they come: rows are put in when they are known, and a planner runs every hour."""

    def __init__(self, engine: Engine, book: Rules) -> None:
        self.engine, self.book, self._cache = engine, book, StatementCache()
        self._made: Plan | None = None
        self._log = tables.consent_log
        with write(engine) as connection:
            self._rows = {t: [dict(r) for r in connection.execute(select(t)).mappings()] for t in _HAPPENED}
            self._said = [dict(row) for row in connection.execute(select(self._log)).mappings()]
            for table in (tables.facts, *reversed(_HAPPENED)):
                connection.execute(delete(table))
        self._created = {row["id"]: row["created_at"] for row in self._rows[tables.customers]}

    def live(self) -> Ledger:
        before = at("1970-01-01")
        for now in (SINCE, *hours(SINCE, UNTIL)):
            with write(self.engine) as connection:
                self._come_in(connection, before, now)
                self._made = self._plan(connection, now)
                dry_dispatch.send(connection, self.book, now)
            before = now
        return _ledger(self.engine)

    def _plan(self, connection: Connection, now: datetime) -> Plan:
        return plan(connection, self.book, now, cache=self._cache, resumed=self._made)

    def _come_in(self, connection: Connection, before: datetime, now: datetime) -> None:
        new = {
            table: [row for row in rows if before < self._known(table, row) <= now]
            for table, rows in self._rows.items()
        }
        logged = {row["customer_id"] for row in self._said}
        for table, rows in new.items():
            chosen = [row for row in rows if table is not tables.consents or row["customer_id"] not in logged]
            if chosen:
                connection.execute(insert(table), chosen)
        for row in self._said:
            if before < row["at"] <= now:
                mine = tables.consents.c.customer_id == row["customer_id"]
                connection.execute(delete(tables.consents).where(mine))
                said = {name: row[name] for name in ("customer_id", "topic", "granted", "at", "source")}
                connection.execute(insert(tables.consents).values(said))
        whom = {
            row.get("customer_id", row["id"])
            for table, rows in new.items()
            if table is not tables.consents
            for row in rows
        }
        if whom:
            facts.refresh(connection, whom)

    def _known(self, table: object, row: dict[str, Any]) -> datetime:
        if table is tables.customers:
            found = row["created_at"]
        elif table is tables.consents:
            found = max(self._created[row["customer_id"]], row["at"])
        else:
            found = row["received_at"]
        assert isinstance(found, datetime)
        return found


def _agree(engine: Engine, book: Rules, seed: int, path: Path) -> tuple[Ledger, PastDays]:
    _gather(engine, seed)
    with _simulated(engine, book, path) as (days, simulated):
        assert _ledger(engine) == Counter()  # no trace
    lived = _Present(engine, book).live()
    assert (simulated - lived, lived - simulated) == (Counter(), Counter())
    return lived, days


def test_simulated_days_are_what_an_hourly_planner_did(engine: Engine, tmp_path: Path) -> None:
    lived, days = _agree(engine, every_kind(BY_DAYS), 3, tmp_path / "scratch.sqlite")
    sent = Counter(row[0] for row in lived if row[4] == "sent")
    assert len(sent) >= 6, sent
    assert {row[5] for row in lived if row[4] == "skipped"} >= {"cap", "unsubscribed"}
    assert days.lived.plans < 24 * DAYS


def test_what_flows_with_time_is_looked_at_every_hour(sqlite_engine: Engine, tmp_path: Path) -> None:
    book = rules({"silent": {**SILENT, "when": AT_ANY_HOUR}, "new": {"when": "customer.purchases == 1", "email": "c"}})
    _, days = _agree(sqlite_engine, book, 8, tmp_path / "scratch.sqlite")
    assert days.lived.plans >= 24 * DAYS
