"""`backfill: since DAY` of states and values: the baseline is who was past the trigger before that day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from regulars.db.engine import read, write
from regulars.db.tables import customers, members
from regulars.explain.describe import describe
from regulars.explain.explain import explain
from regulars.profile import facts
from regulars.simulation.plan_ahead import forecast
from tests.common.bench import Bench, at
from tests.common.crowd import every_kind, gather
from tests.common.people import add_customer, add_event, add_purchase
from tests.common.rules import rules

SILENT = {"when": "days_since(customer.last_purchase_at) > 90", "email": "miss-you"}
SINCE_MAY = SILENT | {"backfill": "since 2026-05-01"}


def _client(bench: Bench, name: str, *purchases: str, **columns: Any) -> int:
    with write(bench.engine) as connection:
        key = add_customer(connection, name)
        for day in purchases:
            add_purchase(connection, key, day)
        known = {"created_at": at("2025-01-01")} | columns
        connection.execute(update(customers).where(customers.c.id == key).values(known))
    return key


def _entered(bench: Bench) -> dict[str, tuple[datetime, bool]]:
    """By client: since when they have been in the state, and whether they are left alone."""
    query = select(customers.c.external_id, members.c.entered_at, members.c.baseline).join(
        members, members.c.customer_id == customers.c.id
    )
    with read(bench.engine) as connection:
        return {row.external_id: (row.entered_at, row.baseline) for row in connection.execute(query)}


def test_who_entered_on_the_day_or_later_is_included_and_who_entered_before_is_not(bench: Bench) -> None:
    # More than 90 days is 91 whole days: 29 January 12:00 leads to 30 April, 30 January to 1 May, both at noon.
    _client(bench, "before", "2026-01-29T12:00")
    _client(bench, "on-the-day", "2026-01-30T12:00")
    _client(bench, "after", "2026-02-10T12:00")
    _client(bench, "not-yet", "2026-05-01T12:00")
    bench.rules = rules({"back": SINCE_MAY})
    assert bench.send("2026-06-01T12:00") == [("after", "back", "miss-you"), ("on-the-day", "back", "miss-you")]
    assert bench.send("2026-06-02T12:00") == []
    assert bench.send("2026-08-01T12:00") == [("not-yet", "back", "miss-you")]


def test_the_stay_counts_from_the_end_of_the_day_of_entering_on_the_companys_clock(bench: Bench) -> None:
    _client(bench, "after", "2026-02-10T12:00")
    _client(bench, "before", "2026-01-10T12:00")
    bench.rules = rules({"back": SINCE_MAY})
    bench.plan("2026-06-01T12:00")
    entered = _entered(bench)
    assert entered["after"] == (at("2026-05-12T23:59:59.999999"), False)
    assert entered["before"] == (at("2026-06-01T12:00"), True)
    assert [row["occurrence"] for row in bench.ledger()] == ["2026-05-12T23:59:59Z"]


def test_who_left_and_came_back_since_is_included(bench: Bench) -> None:
    """In the state on the eve of the day and now, but not all the time between."""
    _client(bench, "returned", "2025-06-01T12:00", "2025-12-20T12:00")
    _client(bench, "stayed", "2025-06-01T12:00")
    bench.rules = rules({"back": SILENT | {"backfill": "since 2025-12-01"}})
    assert bench.send("2026-04-01T12:00") == [("returned", "back", "miss-you")]


def test_the_wait_runs_from_entering(bench: Bench) -> None:
    _client(bench, "long-ago", "2026-02-10T12:00")  # entered on 12 May
    _client(bench, "lately", "2026-02-27T12:00")  # entered on 29 May
    rule = {"when": SILENT["when"], "steps": [{"wait": "10 days", "email": "miss-you"}], "backfill": "since 2026-05-01"}
    bench.rules = rules({"back": rule})
    assert bench.send("2026-06-01T12:00") == [("long-ago", "back", "miss-you")]
    assert bench.send("2026-06-09T12:00") == [("lately", "back", "miss-you")]


def test_events_of_the_past_are_seen_as_of_each_day(bench: Bench) -> None:
    early, late = (_client(bench, name) for name in ("early", "late"))
    with write(bench.engine) as connection:
        for key, day in ((early, "2026-04-20T12:00"), (late, "2026-05-05T12:00")):
            for _ in range(3):
                add_event(connection, key, "complaint.opened", day)
    bench.rules = rules(
        {"quoted": {"when": "count('complaint.opened') >= 3", "email": "a", "backfill": "since 2026-05-01"}}
    )
    assert bench.send("2026-06-01T12:00") == [("late", "quoted", "a")]


def test_who_was_not_known_before_the_day_entered_since(bench: Bench) -> None:
    _client(bench, "old", created_at=at("2026-03-01"))
    _client(bench, "new", created_at=at("2026-05-20"))
    _client(bench, "imported", "2026-01-10T12:00", created_at=at("2026-05-20"))  # had bought before the list came
    rule = {"when": "customer.points < 1000", "email": "hello", "backfill": "since 2026-05-01"}
    bench.rules = rules({"hello": rule})
    assert bench.send("2026-06-01T12:00") == [("new", "hello", "hello")]


@pytest.mark.parametrize("day", ["2026-06-02", "2027-01-01"])
def test_a_day_to_come_includes_nobody(bench: Bench, day: str) -> None:
    _client(bench, "after", "2026-02-10T12:00")
    bench.rules = rules({"back": SILENT | {"backfill": f"since {day}"}})
    assert bench.send("2026-06-01T12:00") == []


def test_a_second_plan_includes_nobody_more(bench: Bench) -> None:
    _client(bench, "before", "2026-01-10T12:00")
    bench.rules = rules({"back": SINCE_MAY})
    assert bench.send("2026-06-01T12:00") == []
    bench.rules = rules({"back": SINCE_MAY | {"priority": 5}})
    assert bench.send("2026-06-02T12:00") == []


def test_of_a_value_the_baseline_is_what_clients_had_when_the_day_began(bench: Bench) -> None:
    for name, days in {
        "old": ("2026-01-01", "2026-02-01", "2026-03-01"),
        "reached": ("2026-01-01", "2026-02-01", "2026-05-10"),
        "fewer": ("2026-04-01",),
        "first": ("2026-05-10",),
    }.items():
        _client(bench, name, *days)
    bench.rules = rules({"count": {"each": "customer.purchases", "email": "thanks", "backfill": "since 2026-05-01"}})
    assert bench.send("2026-06-01T12:00") == [("first", "count", "thanks"), ("reached", "count", "thanks")]
    assert [(row["customer"], row["occurrence"]) for row in bench.ledger()] == [("first", "1"), ("reached", "3")]
    assert bench.send("2026-06-02T12:00") == []


def test_of_a_value_those_outside_the_audience_are_left_alone(bench: Bench) -> None:
    _client(bench, "here", "2026-05-10", country="MD")
    _client(bench, "abroad", "2026-05-10", country="EE")
    rule = {"each": "customer.purchases", "audience": "customer.country == 'MD'", "email": "a"}
    bench.rules = rules({"count": rule | {"backfill": "since 2026-05-01"}})
    assert bench.send("2026-06-01T12:00") == [("here", "count", "a")]


def test_plan_explain_and_describe_say_the_same(bench: Bench) -> None:
    _client(bench, "before", "2026-01-10T12:00")
    _client(bench, "after", "2026-02-10T12:00")
    with write(bench.engine) as connection:
        facts.refresh(connection)
    bench.rules = rules({"back": SINCE_MAY})
    now = at("2026-06-01T12:00")
    found = forecast(bench.engine, bench.rules, now, 0)
    assert [(change.due, change.left_alone) for change in found.changes] == [(1, 1)]
    told = {name: explain(bench.engine, bench.rules, name, "back", now).campaigns[0] for name in ("before", "after")}
    assert told["after"].due
    assert told["before"].sentence == (
        "Not due: was past it already before 2026-05-01, and is left alone until it ends and begins again."
    )
    sentences = describe(bench.rules.rulebook.campaigns["back"], bench.rules)
    assert sentences.endswith("Those past it since 1 May 2026 are included, those past it before are left alone.")
    with read(bench.engine) as connection:
        assert connection.execute(select(members)).all() == [], "asking leaves no trace"


def test_facts_that_are_walked_back_are_those_of_that_day(bench: Bench) -> None:
    """Day by day only clients to whom something happened are recomputed; the result is the same as in one go."""
    bench.rules = every_kind()
    gather(bench, 7, count=12)
    now, moment = at("2026-04-20T12:00"), at("2026-02-03T00:00")
    with write(bench.engine) as connection:
        later = now
        everybody = select(customers.c.id)
        walked = facts.keep_for_walk(connection, facts.source(connection, now), everybody)
        while later > moment:
            earlier = max(later - timedelta(days=1), moment)
            facts.step_back(connection, later, earlier)
            later = earlier
        at_once = connection.execute(facts.as_of(moment).order_by(customers.c.id)).all()
        assert connection.execute(select(walked).order_by(walked.c.customer_id)).all() == at_once
