"""Statements that a rehearsal keeps find at every instant what statements put together for it would find."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, select

from regulars.context.statement_cache import StatementCache
from regulars.db.engine import dry_run, read, write
from regulars.db.tables import customers, members, promises, values_seen
from regulars.planner.plan import plan
from regulars.simulation import dry_dispatch
from tests.common import people
from tests.common.bench import Bench, at
from tests.common.crowd import DAYS, START, every_kind, gather
from tests.common.rules import Rules

pytestmark = pytest.mark.slow

MORE: dict[str, dict[str, Any]] = {
    "dated": {"when": "today >= '2026-03-10' and customer.purchases > 0", "email": "p"},
    "past": {"on": "visit.done", "audience": "now > event.at", "email": "q", "backfill": "all"},
    "long": {"when": "days_since(customer.last_purchase_at) > 5", "email": "r", "backfill": "all", "late": "30 days"},
    "early": {
        "on": "visit.booked",
        "kind": "transactional",
        "steps": [{"email": "s", "at": "1 day before event.starts_at"}],
    },
}
AROUND = [at(f"2026-03-{moment}") for moment in ("09T02:00", "09T12:00", "09T21:30", "10T03:00", "10T12:00")]
"""The day of `dated` begins in Auckland, at home, and in New York."""


def crowd(engine: Engine, seed: int) -> Rules:
    """A crowd that has booked visits too, and rules of every kind and some more."""
    bench, book = Bench(engine), every_kind(more=MORE)
    gather(bench, seed, count=8)
    with write(engine) as connection:
        for number, key in enumerate(connection.scalars(select(customers.c.id)).all()):
            booked = START + timedelta(days=7 * number, hours=number)
            data = {"visit": "cut", "starts_at": (booked + timedelta(days=9)).isoformat()}
            people.add_event(connection, key, "visit.booked", booked, data)
    return book


def lived(engine: Engine, book: Rules, moments: Sequence[datetime], cache: StatementCache | None) -> list[Any]:
    """What the tables hold after each of these moments, planned and sent one after the other."""
    with dry_run(engine) as connection:
        found = []
        for now in moments:
            plan(connection, book, now, cache=cache)
            found.append([_rows(connection, table) for table in (promises, members, values_seen)])
            dry_dispatch.send(connection, book, now)
        return found


def _rows(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    columns = [column for column in table.c if column.name not in ("id", "claim_id")]
    return sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr)


def test_what_is_kept_finds_what_is_new_finds(engine: Engine) -> None:
    book, dice = crowd(engine, 1), random.Random(1)
    some = [START + timedelta(minutes=dice.randrange(60 * 24 * (DAYS + 10))) for _ in range(12)]
    moments = sorted([START, *AROUND, *some])
    new, kept = (lived(engine, book, moments, cache) for cache in (None, StatementCache()))
    assert kept == new
    assert {row[0] for row in new[-1][0]} >= {*MORE, "silent", "visit", "thanks", "launch", "count"}
    with read(engine) as connection:
        assert connection.execute(select(promises)).all() == []
