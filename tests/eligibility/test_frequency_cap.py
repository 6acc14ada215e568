"""The frequency cap: the most important goes first, losers name the winner, waiting beats skipping."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from regulars.db.engine import write
from regulars.db.tables import metadata
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event, add_manager
from tests.common.rules import rules


def _campaign(priority: int, **more: Any) -> dict[str, Any]:
    return {"on": "visit.done", "email": "mail", "priority": priority, **more}


def _visit(bench: Bench, name: str, *times: str) -> None:
    with write(bench.engine) as connection:
        key = add_customer(connection, name)
        for time in times:
            add_event(connection, key, "visit.done", time)


def test_the_most_important_win_and_the_loser_names_them(bench: Bench) -> None:
    bench.rules = rules({"low": _campaign(1), "mid": _campaign(2), "top": _campaign(3)}, policy={"cap": "2 per 7 days"})
    bench.plan("2026-06-10T11:00")
    _visit(bench, "ada", "2026-06-10T12:00")
    assert [c for _, c, _ in bench.send("2026-06-10T12:01")] == ["mid", "top"]
    (loser,) = bench.ledger("skipped")
    assert (loser["campaign"], loser["reason"], loser["detail"]) == ("low", "cap", "top")


def test_a_loser_that_can_wait_waits_for_the_next_free_place(bench: Bench) -> None:
    patient = _campaign(1, late="10 days")
    bench.rules = rules({"low": patient, "top": _campaign(3)}, policy={"cap": "1 per 7 days"})
    bench.plan("2026-06-10T11:00")
    _visit(bench, "ada", "2026-06-10T12:00")
    assert [c for _, c, _ in bench.send("2026-06-10T12:01")] == ["top"]
    (loser,) = bench.ledger("held")
    assert (loser["reason"], loser["detail"], loser["next_at"]) == ("cap", "top", at("2026-06-17T12:01"))
    assert bench.send("2026-06-17T12:00") == []
    assert [c for _, c, _ in bench.send("2026-06-17T12:01")] == ["low"]


def test_transactional_emails_are_not_counted_and_not_capped(bench: Bench) -> None:
    bench.rules = rules(
        {"receipt": _campaign(0, kind="transactional"), "news": _campaign(0)}, policy={"cap": "1 per 7 days"}
    )
    bench.plan("2026-06-10T11:00")
    _visit(bench, "ada", "2026-06-10T12:00", "2026-06-10T12:05")
    assert sorted(c for _, c, _ in bench.send("2026-06-10T12:06")) == ["news", "receipt", "receipt"]


def test_emails_to_managers_take_no_place(bench: Bench) -> None:
    with write(bench.engine) as connection:
        add_manager(connection)
        add_customer(connection, "ada", manager="m-1")
        add_event(connection, 1, "visit.done", "2026-06-10T12:00")
    bench.rules = rules({"alert": _campaign(9, to="manager"), "news": _campaign(0)}, policy={"cap": "1 per 7 days"})
    bench.rules = bench.rules.with_campaigns(
        {"alert": _campaign(9, to="manager", backfill="all"), "news": _campaign(0, backfill="all")}
    )
    assert sorted(c for _, c, _ in bench.send("2026-06-10T12:06")) == ["alert", "news"]


@pytest.mark.slow
@settings(max_examples=8)  # each plans for three weeks, day by day
@given(
    priorities=st.lists(st.integers(-2, 2), min_size=1, max_size=5),
    visits=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=12),
    count=st.integers(1, 3),
    days=st.integers(1, 5),
    late=st.integers(1, 9),
)
@pytest.mark.parametrize("dialect", ["sqlite_engine", "postgres_engine"])
def test_no_client_ever_gets_more_than_the_cap(
    request: pytest.FixtureRequest, dialect: str, priorities: list[int], visits: list[tuple[int, int]],
    count: int, days: int, late: int,
) -> None:  # fmt: skip
    engine: Engine = request.getfixturevalue(dialect)
    _empty(engine)
    bench = Bench(engine)
    bench.rules = rules(
        {f"c{n}": _campaign(p) for n, p in enumerate(priorities)},
        policy={"cap": f"{count} per {days} days", "late": f"{late} days"},
    )
    bench.plan("2026-06-01T00:00")
    with write(engine) as connection:
        keys = [add_customer(connection, f"p{n}") for n in range(3)]
        for who, half_day in visits:
            day, half = divmod(half_day, 2)
            add_event(connection, keys[who], "visit.done", f"2026-06-{day + 2:02}T{half * 12:02}:00")
    for day in range(2, 23):
        bench.send(f"2026-06-{day:02}T13:00")
    ledger = bench.ledger()
    assert len(ledger) == len(visits) * len(priorities)
    for name in ("p0", "p1", "p2"):
        times = sorted(row["settled_at"] for row in ledger if row["customer"] == name and row["state"] == "sent")
        for index, first in enumerate(times[count:], start=count):
            assert (first - times[index - count]).days >= days
    for row in ledger:
        if row["reason"] == "cap":
            assert row["detail"] in {f"c{n}" for n in range(len(priorities))}


def _empty(engine: Engine) -> None:
    with write(engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
