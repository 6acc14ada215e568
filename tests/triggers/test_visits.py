"""Emails told from an instant of the event: a day and two hours before a visit, also when it is moved or cancelled."""

from __future__ import annotations

import pytest

from regulars.db.engine import write
from tests.common.bench import Bench
from tests.common.people import add_customer, add_event
from tests.common.rules import Rules, rules

REMINDER = {
    "on": "visit.booked",
    "kind": "transactional",
    "late": "12 hours",
    "steps": [
        {"email": "day-before", "at": "1 day before event.starts_at"},
        {"email": "soon", "at": "2 hours before event.starts_at"},
    ],
}
THURSDAY = "2026-06-11T10:00:00+00:00"


def reminders(**changes: object) -> Rules:
    return rules({"reminder": REMINDER | changes})


def client(bench: Bench) -> int:
    with write(bench.engine) as connection:
        return add_customer(connection, "ada")


def tell(bench: Bench, key: int, name: str, at: str, **data: object) -> None:
    with write(bench.engine) as connection:
        add_event(connection, key, name, at, data)


def book(bench: Bench, key: int, at: str, starts_at: str, visit: str = "v-1") -> None:
    tell(bench, key, "visit.booked", at, visit=visit, starts_at=starts_at)


def test_a_day_and_two_hours_before_each_once(bench: Bench) -> None:
    bench.rules = reminders()
    bench.plan("2026-06-01T08:00")
    book(bench, client(bench), "2026-06-01T09:00", THURSDAY)
    assert bench.send("2026-06-10T09:59") == []
    assert bench.send("2026-06-10T10:00") == [("ada", "reminder", "day-before")]
    assert bench.send("2026-06-10T10:01") == []
    assert bench.send("2026-06-11T07:59") == []
    assert bench.send("2026-06-11T08:00") == [("ada", "reminder", "soon")]
    assert bench.send("2026-06-11T12:00") == []


def test_a_visit_booked_before_the_rule_is_reminded_of_all_the_same(bench: Bench) -> None:
    book(bench, client(bench), "2026-05-01T09:00", THURSDAY)
    bench.rules = reminders()
    assert bench.send("2026-06-10T12:00") == []
    assert bench.send("2026-06-11T08:00") == [("ada", "reminder", "soon")]


def test_booked_in_the_last_hours_only_what_is_still_of_use_goes(bench: Bench) -> None:
    bench.rules = reminders()
    bench.plan("2026-06-01T08:00")
    book(bench, client(bench), "2026-06-11T04:00", THURSDAY)
    assert bench.send("2026-06-11T04:01") == []
    assert [(r["step"], r["reason"]) for r in bench.ledger("skipped")] == [("day-before", "late")]
    assert bench.send("2026-06-11T08:00") == [("ada", "reminder", "soon")]


def test_a_moved_visit_is_a_new_promise_and_the_old_one_is_named(bench: Bench) -> None:
    bench.rules = reminders()
    bench.plan("2026-06-01T08:00")
    ada = client(bench)
    book(bench, ada, "2026-06-01T09:00", THURSDAY)
    assert bench.send("2026-06-10T10:00") == [("ada", "reminder", "day-before")]
    book(bench, ada, "2026-06-10T15:00", "2026-06-15T16:30:00+00:00")
    assert bench.send("2026-06-11T08:00") == []
    assert [(r["step"], r["reason"]) for r in bench.ledger("skipped")] == [("soon", "moved")]
    assert bench.send("2026-06-14T16:30") == [("ada", "reminder", "day-before")]
    assert bench.send("2026-06-15T14:30") == [("ada", "reminder", "soon")]


def test_a_cancelled_visit_is_not_reminded_of_and_one_booked_again_is(bench: Bench) -> None:
    bench.rules = reminders()
    bench.plan("2026-06-01T08:00")
    ada = client(bench)
    book(bench, ada, "2026-06-01T09:00", THURSDAY)
    book(bench, ada, "2026-06-01T09:00", "2026-06-11T15:00:00+00:00", "v-2")
    tell(bench, ada, "visit.cancelled", "2026-06-09T12:00", visit="v-1")
    assert bench.send("2026-06-10T10:00") == []
    assert [(r["step"], r["reason"]) for r in bench.ledger("skipped")] == [("day-before", "cancelled")]
    assert bench.send("2026-06-10T15:00") == [("ada", "reminder", "day-before")]
    book(bench, ada, "2026-06-10T16:00", THURSDAY)
    assert bench.send("2026-06-10T16:00") == [("ada", "reminder", "day-before")]
    assert bench.send("2026-06-11T08:00") == [("ada", "reminder", "soon")]


def test_what_a_night_keeps_waiting_does_not_go_once_the_visit_has_begun(bench: Bench) -> None:
    bench.rules = rules({"reminder": REMINDER | {"quiet_hours": "keep"}}, policy={"quiet_hours": "20:00-09:00"})
    bench.plan("2026-06-01T08:00")
    book(bench, client(bench), "2026-06-01T09:00", "2026-06-11T08:30:00+00:00")
    assert bench.send("2026-06-10T09:00") == [("ada", "reminder", "day-before")]
    assert bench.send("2026-06-11T06:30") == []
    assert bench.send("2026-06-11T09:01") == []
    assert [(r["step"], r["reason"]) for r in bench.ledger("skipped")] == [("soon", "late")]


def test_a_planner_that_was_away_catches_up_with_what_is_still_of_use(bench: Bench) -> None:
    bench.rules = reminders()
    bench.plan("2026-06-01T08:00")
    book(bench, client(bench), "2026-06-01T09:00", THURSDAY)
    assert bench.send("2026-06-10T20:00") == [("ada", "reminder", "day-before")]
    assert bench.send("2026-06-11T10:01") == []
    assert [(r["step"], r["reason"]) for r in bench.ledger("skipped")] == [("soon", "late")]


@pytest.mark.parametrize("data", [{}, {"starts_at": None}, {"starts_at": "Thursday"}, {"starts_at": 7}])
def test_a_booking_without_a_time_sets_nothing_off(bench: Bench, data: dict[str, object]) -> None:
    bench.rules = reminders()
    bench.plan("2026-06-01T08:00")
    tell(bench, client(bench), "visit.booked", "2026-06-01T09:00", **data)
    assert bench.send("2026-06-10T10:00") == []
    assert bench.ledger() == []


def test_waits_beside_it_go_their_own_way(bench: Bench) -> None:
    steps = [
        {"email": "booked"},
        {"email": "prepare", "wait": "3 hours"},
        {"email": "soon", "at": "2 hours before event.starts_at"},
        {"email": "after", "at": "1 day after event.starts_at"},
    ]
    bench.rules = reminders(steps=steps)
    bench.plan("2026-06-01T08:00")
    book(bench, client(bench), "2026-06-11T08:30", THURSDAY)
    assert {step for _, _, step in bench.send("2026-06-11T08:31")} == {"booked", "soon"}
    assert [step for _, _, step in bench.send("2026-06-11T11:32")] == ["prepare"]
    assert [step for _, _, step in bench.send("2026-06-12T10:00")] == ["after"]


def test_a_booking_put_off_in_place_takes_back_what_was_planned(bench: Bench) -> None:
    bench.rules = rules({"reminder": REMINDER | {"quiet_hours": "keep"}}, policy={"quiet_hours": "12:00-13:00"})
    bench.plan("2026-06-01T08:00")
    ada = client(bench)
    with write(bench.engine) as connection:
        key = add_event(connection, ada, "visit.booked", "2026-06-01T09:00", {"starts_at": "2026-06-11T12:10:00Z"})
    bench.plan("2026-06-10T12:10")
    assert [r["reason"] for r in bench.ledger("held")] == ["quiet-hours"]
    with write(bench.engine) as connection:
        from sqlalchemy import update

        from regulars.db.tables import events

        connection.execute(update(events).where(events.c.id == key).values(data={"starts_at": "2026-06-20T12:00:00Z"}))
    assert bench.send("2026-06-10T13:00") == []
    assert [(r["step"], r["reason"]) for r in bench.ledger("skipped")] == [("day-before", "moved")]
