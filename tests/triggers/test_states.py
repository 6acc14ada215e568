"""`when` campaigns: entering a state is one occurrence; the past is left alone; nobody is mailed twice."""

from __future__ import annotations

from regulars.db.engine import write
from tests.common.bench import Bench
from tests.common.people import add_customer, add_purchase
from tests.common.rules import rules

SILENT = {"when": "days_since(customer.last_purchase_at) > 90", "email": "miss-you"}


def _client(bench: Bench, name: str, *purchases: str) -> int:
    with write(bench.engine) as connection:
        key = add_customer(connection, name)
        for day in purchases:
            add_purchase(connection, key, day)
    return key


def test_a_client_who_falls_silent_is_due_once(bench: Bench) -> None:
    _client(bench, "ada", "2026-03-01T12:00")
    bench.rules = rules({"back": SILENT})
    assert bench.send("2026-05-30T11:00") == []
    assert bench.send("2026-05-31T11:00") == []
    assert bench.send("2026-05-31T13:00") == [("ada", "back", "miss-you")]
    assert bench.send("2026-05-31T13:00") == []
    assert bench.send("2027-05-31T13:00") == []


def test_those_already_silent_when_the_rule_comes_are_left_alone(bench: Bench) -> None:
    _client(bench, "ada", "2025-03-01")
    bench.rules = rules({"back": SILENT})
    assert bench.send("2026-06-01T12:00") == []
    assert bench.send("2026-06-02T12:00") == []


def test_a_backfill_brings_them_in(bench: Bench) -> None:
    _client(bench, "ada", "2025-03-01")
    bench.rules = rules({"back": SILENT | {"backfill": "all"}})
    assert bench.send("2026-06-01T12:00") == [("ada", "back", "miss-you")]
    assert bench.send("2026-06-02T12:00") == []


def test_leaving_and_entering_again_is_a_new_occurrence_after_the_pause(bench: Bench) -> None:
    ada = _client(bench, "ada", "2026-01-01")
    bench.rules = rules({"back": SILENT | {"again": "after 200 days", "backfill": "all"}})
    assert bench.send("2026-05-01T12:00") == [("ada", "back", "miss-you")]
    with write(bench.engine) as connection:
        add_purchase(connection, ada, "2026-05-10")
    assert bench.send("2026-05-11T12:00") == []
    # Silent again from 9 August, but the pause ends on 17 November.
    assert bench.send("2026-08-20T12:00") == []
    assert bench.send("2026-11-17T11:00") == []
    assert bench.send("2026-11-17T13:00") == [("ada", "back", "miss-you")]


def test_without_again_a_second_silence_is_not_answered(bench: Bench) -> None:
    ada = _client(bench, "ada", "2026-01-01")
    bench.rules = rules({"back": SILENT | {"backfill": "all"}})
    assert bench.send("2026-05-01T12:00") != []
    with write(bench.engine) as connection:
        add_purchase(connection, ada, "2026-05-10")
    bench.plan("2026-05-11T12:00")
    assert bench.send("2026-09-20T12:00") == []


def test_a_wider_condition_does_not_mail_those_it_newly_covers(bench: Bench) -> None:
    _client(bench, "ada", "2026-04-01")
    bench.rules = rules({"back": SILENT})
    assert bench.send("2026-06-05T12:00") == []
    bench.rules = bench.rules.with_campaigns({"back": SILENT | {"when": "days_since(customer.last_purchase_at) > 60"}})
    assert bench.send("2026-06-06T12:00") == []
    assert bench.send("2026-07-06T12:00") == []


def test_the_email_is_withdrawn_when_the_client_returns_before_the_morning(bench: Bench) -> None:
    ada = _client(bench, "ada", "2026-03-01T12:00")
    bench.rules = rules({"back": SILENT}, policy={"quiet_hours": "20:00-09:00"})
    bench.plan("2026-05-31T10:00")
    assert bench.tally("2026-05-31T21:00")["back"].held == {"quiet-hours": 1}
    with write(bench.engine) as connection:
        add_purchase(connection, ada, "2026-06-01T07:00")
    assert bench.tally("2026-06-01T09:30")["back"].skipped == {"condition": 1}


def test_a_sequence_waits_and_ends_at_its_goal(bench: Bench) -> None:
    ada = _client(bench, "ada", "2026-03-01T12:00")
    _client(bench, "bo", "2026-03-01T12:00")
    sequence = {
        "when": "days_since(customer.last_purchase_at) > 90",
        "steps": [{"email": "first"}, {"email": "last-day", "wait": "10 days"}],
        "until": "purchase",
    }
    bench.rules = rules({"back": sequence})
    bench.plan("2026-05-31T10:00")
    assert [row[2] for row in bench.send("2026-05-31T13:00")] == ["first", "first"]
    assert bench.send("2026-06-10T12:00") == []
    with write(bench.engine) as connection:
        add_purchase(connection, ada, "2026-06-10T12:30")
    assert bench.send("2026-06-10T13:00") == [("bo", "back", "last-day")]
    skipped = [(r["customer"], r["step"], r["reason"]) for r in bench.ledger("skipped")]
    assert skipped == [("ada", "last-day", "goal-met")]
