"""Facts after what was said is taken back, given to another, forgotten, or said by two at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text

from regulars.consent import rights
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.importing.options import ImportOptions
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from regulars.profile import facts
from tests.common.bench import at
from tests.common.people import SECRET, add_customer, add_event, add_purchase

NOW = at("2026-06-10T12:00")


def _known(engine: Engine, *columns: str) -> list[tuple[Any, ...]]:
    """These facts of every client; that a recompute of everybody finds nothing to mend is part of it."""
    with write(engine) as connection:
        rows = connection.execute(select(*(tables.facts.c[c] for c in columns)).order_by(tables.facts.c.customer_id))
        found = [tuple(row) for row in rows]
        assert facts.refresh(connection) == 0
    return found


@pytest.fixture
def bring(engine: Engine, tmp_path: Path) -> Callable[[Kind, str], None]:
    with write(engine) as connection:
        for name in ("ann", "bob"):
            add_customer(connection, name)
        facts.refresh(connection)

    def bring(kind: Kind, content: str) -> None:
        path = tmp_path / "file.csv"
        path.write_text(content, encoding="utf-8")
        report = import_file(engine, kind, path, now=NOW, secret=SECRET, options=ImportOptions())
        assert report.refused == 0

    return bring


def test_an_event_given_to_another_client_leaves_the_first(engine: Engine, bring: Callable[[Kind, str], None]) -> None:
    header = "id,customer,name,occurred_at,data\n"
    bring(Kind.EVENTS, header + 'e-1,ann,points.granted,2026-06-01,"{""points"": 30}"\n')
    assert _known(engine, "points", "stage") == [(30, "visitor"), (0, "potential")]
    bring(Kind.EVENTS, header + 'e-1,bob,points.granted,2026-06-01,"{""points"": 30}"\n')
    assert _known(engine, "points", "stage") == [(0, "potential"), (30, "visitor")]


def test_an_event_that_gets_another_name_no_longer_counts(engine: Engine, bring: Callable[[Kind, str], None]) -> None:
    bring(Kind.EVENTS, "id,customer,name,occurred_at\ne-1,ann,price.requested,2026-06-01\n")
    assert _known(engine, "price_score")[0] == (pytest.approx(0.1),)
    bring(Kind.EVENTS, "id,customer,name,occurred_at\ne-1,ann,meeting.completed,2026-06-01\n")
    assert _known(engine, "price_score")[0] == (0,)


def test_a_purchase_given_to_another_client_leaves_the_first(
    engine: Engine, bring: Callable[[Kind, str], None]
) -> None:
    bring(Kind.PURCHASES, "id,customer,occurred_at,amount\np-1,ann,2026-06-01,10\n")
    bring(Kind.PURCHASES, "id,customer,occurred_at,amount\np-1,bob,2026-06-01,10\n")
    assert _known(engine, "purchases", "spent") == [(0, 0), (1, 10)]


def test_erasing_a_client_forgets_what_their_words_counted_for(engine: Engine) -> None:
    with write(engine) as connection:
        key = add_customer(connection, "ann")
        add_event(connection, key, "points.granted", "2026-06-01", {"points": 30})
        add_event(connection, key, "survey.answered", "2026-06-01", {"score": 9})
        add_purchase(connection, key, "2026-06-02")
        facts.refresh(connection, [key])
    assert _known(engine, "points", "sci") == [(30, 0.9)]
    with write(engine) as connection:
        rights.erase(connection, key, NOW)
    assert _known(engine, "points", "sci", "purchases") == [(0, None, 1)]


def test_two_who_add_to_one_client_at_once_both_count(postgres_engine: Engine) -> None:
    engine, waiting = postgres_engine, Event()
    with write(engine) as connection:
        key = add_customer(connection, "ann")
        facts.refresh(connection, [key])

    def add(connection: Connection) -> None:
        event = add_event(connection, key, "points.granted", "2026-06-01", {"points": 30})
        facts.refresh_after_events(connection, [event])

    def second() -> None:
        with write(engine) as connection:
            waiting.pid = connection.scalar(text("SELECT pg_backend_pid()"))  # type: ignore[attr-defined]
            waiting.set()
            add(connection)

    other = Thread(target=second)
    with write(engine) as connection:
        add(connection)
        other.start()
        assert waiting.wait(10)
        blocked = text("SELECT cardinality(pg_blocking_pids(:pid)) > 0")
        with read(engine) as looking:
            while not looking.scalar(blocked, {"pid": waiting.pid}):  # type: ignore[attr-defined]
                pass
    other.join(10)
    assert _known(engine, "points") == [(60,)]
