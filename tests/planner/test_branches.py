"""Sequences that wait for events and branch: decisions, edits of the rule, starts of other campaigns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from regulars.db.engine import read, write
from regulars.db.tables import decisions
from tests.common.bench import Bench
from tests.common.people import add_customer, add_event, add_purchase
from tests.common.rules import rules

BOUGHT: dict[str, Any] = {
    "on": "visit.done",
    "steps": [
        {"email": "a"},
        {
            "id": "bought",
            "wait_for": "purchase within 7 days",
            "then": [{"email": "thanks"}],
            "else": [
                {
                    "id": "worth",
                    "choose": [
                        {"if": "customer.purchases > 1", "steps": [{"email": "rich"}, "exit"]},
                        {"steps": [{"email": "poor", "wait": "1 day"}]},
                    ],
                }
            ],
        },
        {"email": "end", "wait": "2 days"},
    ],
}


def _visit(bench: Bench, name: str, at: str, purchases: int = 0) -> int:
    with write(bench.engine) as connection:
        key = add_customer(connection, name)
        for number in range(purchases):
            add_purchase(connection, key, f"2026-05-0{number + 1}T12:00")
        add_event(connection, key, "visit.done", at, {"score": 5})
    return key


def _decided(bench: Bench) -> dict[tuple[str, str], str | None]:
    with read(bench.engine) as connection:
        return {(row.step, row.occurrence): row.branch for row in connection.execute(select(decisions))}


def _start(bench: Bench, campaigns: dict[str, Any], at: str = "2026-06-01T00:00") -> None:
    bench.rules = rules(campaigns)
    bench.plan(at)


def test_every_branch_is_walked_and_they_converge(bench: Bench) -> None:
    _start(bench, {"seq": BOUGHT})
    keys = {name: _visit(bench, name, "2026-06-01T10:00", n) for name, n in (("buyer", 0), ("rich", 2), ("poor", 0))}
    assert [row[2] for row in bench.send("2026-06-01T10:01")] == ["a", "a", "a"]
    assert bench.send("2026-06-02T10:00") == []
    with write(bench.engine) as connection:
        add_purchase(connection, keys["buyer"], "2026-06-03T09:00")
    assert bench.send("2026-06-03T09:01") == [("buyer", "seq", "thanks")]
    assert bench.send("2026-06-05T09:01") == [("buyer", "seq", "end")]
    assert bench.send("2026-06-08T10:00") == []  # seven days after `a` was sent, not after the visit
    assert bench.send("2026-06-08T10:01") == [("rich", "seq", "rich")]
    assert bench.send("2026-06-09T10:01") == [("poor", "seq", "poor")]
    assert bench.send("2026-06-11T10:01") == [("poor", "seq", "end")]
    assert bench.send("2026-07-11T10:01") == []
    with read(bench.engine) as connection:
        causes = {row.cause for row in connection.execute(select(decisions))}
    assert {cause.partition(":")[0] for cause in causes} == {"event", "time", "customer.purchases > 1", "all others"}


def test_a_decision_comes_first_and_the_audience_is_asked_on_entering(bench: Bench) -> None:
    _start(bench, {"seq": {**BOUGHT, "audience": "customer.purchases < 3", "steps": BOUGHT["steps"][1:]}})
    _visit(bench, "ada", "2026-06-01T10:00")
    _visit(bench, "cy", "2026-06-01T10:00", 3)
    assert bench.send("2026-06-01T10:01") == []
    assert len(_decided(bench)) == 1
    assert bench.send("2026-06-08T10:00") == []
    assert bench.send("2026-06-09T10:00") == [("ada", "seq", "poor")]


def test_an_event_at_the_instant_counts_at_the_end_of_a_wait_only(bench: Bench) -> None:
    steps = [{"id": "one", "wait_for": "purchase within 1 day", "then": [
        {"id": "two", "wait_for": "purchase within 1 day", "then": [{"email": "twice"}], "else": [{"email": "once"}]},
    ]}]  # fmt: skip
    _start(bench, {"seq": {"on": "visit.done", "steps": steps}})
    key = _visit(bench, "ada", "2026-06-01T10:00")
    with write(bench.engine) as connection:
        add_purchase(connection, key, "2026-06-01T10:00")  # when the wait begins: does not count
        add_purchase(connection, key, "2026-06-02T10:00")  # when it ends: counts, and for one wait only
    assert bench.send("2026-06-02T10:00") == []
    assert bench.send("2026-06-03T10:00") == [("ada", "seq", "once")]


def test_a_condition_on_the_event_awaited(bench: Bench) -> None:
    steps = [
        {"id": "again", "wait_for": "visit.done within 7 days", "if": "event.score >= 9",
         "then": [{"email": "glad"}], "else": [{"email": "sad"}]},
    ]  # fmt: skip
    _start(bench, {"seq": {"on": "complaint.opened", "steps": steps}})
    with write(bench.engine) as connection:
        for name, score in (("ada", 9), ("bo", 8)):
            key = add_customer(connection, name)
            add_event(connection, key, "complaint.opened", "2026-06-01T10:00", {"about": "x", "score": 1})
            add_event(connection, key, "visit.done", "2026-06-02T10:00", {"score": score})
    assert bench.send("2026-06-02T10:00") == [("ada", "seq", "glad")]
    assert bench.send("2026-06-08T10:00") == [("bo", "seq", "sad")]


def test_with_same_a_field(bench: Bench) -> None:
    steps = [{"id": "again", "wait_for": "visit.done with same score within 7 days", "then": [{"email": "same"}]},
             {"email": "end", "wait": "1 hour"}]  # fmt: skip
    _start(bench, {"seq": {"on": "complaint.opened", "steps": steps}})
    with write(bench.engine) as connection:
        for name, score in (("ada", 1), ("bo", 2)):
            key = add_customer(connection, name)
            add_event(connection, key, "complaint.opened", "2026-06-01T10:00", {"about": "x", "score": 1})
            add_event(connection, key, "visit.done", "2026-06-02T10:00", {"score": score})
    assert bench.send("2026-06-02T10:00") == [("ada", "seq", "same")]
    assert bench.send("2026-06-08T11:00") == [("bo", "seq", "end")]


def test_another_campaign_is_started_once_with_its_own_audience(bench: Bench) -> None:
    campaigns = {
        "seq": {"on": "visit.done", "steps": [{"email": "a"}, {"start": "care"}, {"email": "b", "wait": "1 day"}]},
        "care": {"when": "customer.purchases > 5", "audience": "customer.purchases < 1", "steps": [
            {"email": "c", "wait": "1 hour"}, {"email": "d", "wait": "1 hour"},
        ]},
    }  # fmt: skip
    _start(bench, campaigns)
    _visit(bench, "ada", "2026-06-01T10:00")
    _visit(bench, "bo", "2026-06-01T10:00", 1)
    assert len(bench.send("2026-06-01T10:01")) == 2
    bench.plan("2026-06-01T10:05")
    assert bench.send("2026-06-01T11:01") == [("ada", "care", "c")]
    assert bench.send("2026-06-01T12:01") == [("ada", "care", "d")]
    assert [row[2] for row in bench.send("2026-06-02T12:01")] == ["b", "b"]
    assert {row["occurrence"].partition(":")[0] for row in bench.ledger() if row["campaign"] == "care"} == {
        "started-by"
    }


def test_until_ends_a_wait(bench: Bench) -> None:
    _start(bench, {"seq": {**BOUGHT, "steps": BOUGHT["steps"][1:], "until": "complaint.opened"}})
    key = _visit(bench, "ada", "2026-06-01T10:00")
    bench.plan("2026-06-01T10:01")
    with write(bench.engine) as connection:
        add_event(connection, key, "complaint.opened", "2026-06-02T10:00", {"about": "x", "score": 1})
    assert bench.send("2026-06-20T10:00") == []
    assert list(_decided(bench).values()) == ["~ended"]


def test_a_removed_wait_lets_people_go_on_after_it(bench: Bench) -> None:
    _start(bench, {"seq": BOUGHT})
    _visit(bench, "ada", "2026-06-01T10:00")
    bench.send("2026-06-01T10:01")
    bench.plan("2026-06-01T10:02")
    assert bench.rules is not None
    bench.rules = bench.rules.with_campaigns({"seq": {**BOUGHT, "steps": [{"email": "a"}, {"email": "end"}]}})
    change = bench.plan("2026-06-03T10:00").changes[0]
    assert [(move.step, move.to, move.clients) for move in change.moves] == [("bought", "end", 1)]
    assert bench.send("2026-06-03T10:00") == [("ada", "seq", "end")]


def test_a_removed_email_and_a_removed_branch(bench: Bench) -> None:
    _start(bench, {"seq": BOUGHT})
    for name in ("ada", "bo"):
        _visit(bench, name, "2026-06-01T10:00", 2 if name == "bo" else 0)
    bench.send("2026-06-01T10:01")
    bench.send("2026-06-08T10:02")  # bo got `rich`; ada waits a day for `poor`
    assert bench.rules is not None
    steps = [BOUGHT["steps"][0], {**BOUGHT["steps"][1], "else": [
        {"id": "worth", "choose": [{"if": "customer.purchases > 1", "steps": [{"email": "rich"}, "exit"]}]},
    ]}, BOUGHT["steps"][2]]  # fmt: skip
    bench.rules = bench.rules.with_campaigns({"seq": {**BOUGHT, "steps": steps}})
    change = bench.plan("2026-06-08T11:00").changes[0]
    assert [(move.step, move.to, move.clients) for move in change.moves] == [("worth", "end", 1)]
    assert bench.send("2026-06-10T10:02") == [("ada", "seq", "end")]
    assert bench.send("2026-06-20T10:00") == []


def test_a_renamed_decision_keeps_its_clients(bench: Bench) -> None:
    _start(bench, {"seq": BOUGHT})
    key = _visit(bench, "ada", "2026-06-01T10:00")
    bench.send("2026-06-01T10:01")
    bench.plan("2026-06-01T10:02")
    assert bench.rules is not None
    steps = [BOUGHT["steps"][0], {**BOUGHT["steps"][1], "id": "paid", "was": "bought"}, BOUGHT["steps"][2]]
    bench.rules = bench.rules.with_campaigns({"seq": {**BOUGHT, "steps": steps}})
    assert bench.plan("2026-06-03T10:00").changes[0].moves == ()
    with write(bench.engine) as connection:
        add_purchase(connection, key, "2026-06-03T11:00")
    assert bench.send("2026-06-03T11:00") == [("ada", "seq", "thanks")]
