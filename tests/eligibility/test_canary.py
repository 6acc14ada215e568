"""Canaries: of a new or changed rule a random few go first, the rest waits and goes by itself, or is stopped."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from regulars.db import tables
from regulars.db.engine import write
from regulars.explain.explain import explain
from regulars.ledger import switches
from regulars.ledger.switches import GUARD, Scope, Target
from regulars.rules.guard_in_force import canary_of
from regulars.rules.model import Campaign, Policy
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event
from tests.common.rules import rules

VISIT: dict[str, Any] = {"on": "visit.done", "email": "mail"}
POLICY = {"canary": "5, then wait 30 minutes"}
LIMITED = {"holdout": "30%", "goal": "purchase within 14 days"}


def _visits(bench: Bench, count: int, when: str) -> None:
    with write(bench.engine) as connection:
        for _ in range(count):
            add_event(connection, add_customer(connection), "visit.done", when)


def _held(bench: Bench) -> int:
    return sum(row["reason"] == "canary" for row in bench.ledger("held"))


def test_a_few_go_first_and_the_rest_by_itself(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT}, policy=POLICY)
    bench.plan("2026-06-10T09:00")
    _visits(bench, 20, "2026-06-10T09:30")
    bench.plan("2026-06-10T10:00")
    assert len(bench.ledger("planned")) == 5
    assert _held(bench) == 15
    held = bench.ledger("held")
    assert {row["next_at"] for row in held} == {at("2026-06-10T10:30")}
    assert {row["detail"] for row in held} == {"5 go first, the rest 30 minutes after the last of them"}
    assert len(bench.send("2026-06-10T10:04")) == 5
    _visits(bench, 3, "2026-06-10T10:10")
    assert bench.send("2026-06-10T10:20") == []
    assert _held(bench) == 18
    assert bench.send("2026-06-10T10:33") == []  # the last of the few went at 10:04
    assert len(bench.send("2026-06-10T10:35")) == 18
    _visits(bench, 10, "2026-06-10T10:40")
    assert len(bench.send("2026-06-10T10:41")) == 10  # it is over


def test_the_sample_is_filled_as_they_become_due(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT}, policy=POLICY)
    bench.plan("2026-06-10T09:00")
    for minute, number, going in ((10, 3, 3), (12, 4, 2), (13, 1, 0)):
        _visits(bench, number, f"2026-06-10T09:{minute}")
        assert len(bench.send(f"2026-06-10T09:{minute + 1}")) == going
    assert _held(bench) == 3


def test_who_cannot_go_takes_no_place_in_the_sample(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT, "first": VISIT | {"priority": 9, "canary": "none"}},
                        policy=POLICY | {"cap": "1 per 7 days"})  # fmt: skip
    bench.plan("2026-06-10T09:00")
    _visits(bench, 8, "2026-06-10T09:10")  # for all of these the other campaign goes
    assert {campaign for _, campaign, _ in bench.send("2026-06-10T09:11")} == {"first"}
    bench.rules = rules({"news": VISIT}, policy=POLICY | {"cap": "1 per 7 days"})
    _visits(bench, 8, "2026-06-10T09:20")
    # A place that went to somebody whom another check then held is given to the next one at the next plan.
    assert sum(len(bench.send(f"2026-06-10T09:{minute}")) for minute in range(21, 26)) == 5


def test_the_held_out_wait_with_the_others(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | LIMITED}, policy=POLICY)
    bench.plan("2026-06-10T09:00")
    _visits(bench, 40, "2026-06-10T09:30")
    assert len(bench.send("2026-06-10T10:00")) == 5
    assert _held(bench) > 25
    bench.send("2026-06-10T10:30")
    assert _held(bench) == 0
    assert len(bench.ledger("sent")) + len(bench.ledger("skipped")) == 40


def test_a_change_begins_one_and_words_or_guards_do_not(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT})
    bench.plan("2026-06-10T09:00")
    bench.rules = rules({"news": VISIT | {"about": "news", "guard": {"volume": "9x usual"}}}, policy=POLICY)
    assert bench.plan("2026-06-10T09:10").changes == []
    _visits(bench, 8, "2026-06-10T09:20")
    assert len(bench.send("2026-06-10T09:21")) == 8
    bench.rules = rules({"news": VISIT | {"audience": "customer.country != 'XX'"}}, policy=POLICY)
    bench.plan("2026-06-10T09:30")
    _visits(bench, 8, "2026-06-10T09:40")
    assert len(bench.send("2026-06-10T09:41")) == 0  # whose country is not known is not in the audience
    bench.rules = rules({"news": VISIT | {"priority": 3}}, policy=POLICY)
    bench.plan("2026-06-10T09:50")
    _visits(bench, 8, "2026-06-10T10:00")
    assert len(bench.send("2026-06-10T10:01")) == 5


def test_a_guard_that_fires_stops_the_rest(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT}, policy=POLICY)
    bench.plan("2026-06-10T09:00")
    _visits(bench, 20, "2026-06-10T09:30")
    assert len(bench.send("2026-06-10T10:00")) == 5
    news = Target(Scope.CAMPAIGN, "news")
    with write(bench.engine) as connection:
        switches.pause(connection, news, GUARD, "all came back", at("2026-06-10T10:05"), by_guard=True)
    assert bench.send("2026-06-10T10:40") == []
    assert {row["reason"] for row in bench.ledger("held")} == {"halted"}
    with write(bench.engine) as connection:
        switches.resume(connection, news, "anna", at("2026-06-10T11:00"))
    assert len(bench.send("2026-06-10T11:01")) == 15


def test_a_rule_changed_by_mistake_reaches_no_more_than_the_canary(bench: Bench) -> None:
    """1,200 clients instead of 40: those whose score is above 0 instead of above 8."""
    policy = {"canary": "50, then wait 30 minutes", "late": "30 days"}
    bench.rules = rules({"news": VISIT | {"audience": "event.score > 8"}}, policy=policy)
    bench.plan("2026-06-10T08:00")
    bench.rules = rules({"news": VISIT | {"audience": "event.score > 0"}}, policy=policy)
    bench.plan("2026-06-10T08:30")
    with write(bench.engine) as connection:
        for number in range(1_200):
            key = add_customer(connection)
            add_event(connection, key, "visit.done", "2026-06-10T09:00", {"score": 9 if number < 40 else 5})
    assert len(bench.send("2026-06-10T09:30")) == 50
    assert _held(bench) == 1_150


def test_explain_says_why_they_wait(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT}, policy=POLICY)
    bench.plan("2026-06-10T09:00")
    _visits(bench, 20, "2026-06-10T09:30")
    bench.send("2026-06-10T10:00")
    row = bench.ledger("held")[0]
    (view,) = explain(bench.engine, bench.rules, row["customer"], "news", at("2026-06-10T10:05")).campaigns
    assert view.sentence == (
        "`mail` waits until 2026-06-10 10:30: a few go first, for the rule is new or changed"
        " (5 go first, the rest 30 minutes after the last of them)."
    )
    assert (view.due, view.plan) == (False, [])


@pytest.mark.parametrize(
    ("keys", "holds"),
    [
        ({}, True),
        ({"kind": "transactional"}, False),
        ({"send": "within 2 hours"}, False),
        ({"late": "20 minutes"}, False),
        ({"kind": "transactional", "canary": "5, then wait 1 hour"}, True),
        ({"canary": "none"}, False),
    ],
)
def test_time_bound_and_transactional_emails_are_exempt_unless_they_say_so(keys: dict[str, Any], holds: bool) -> None:
    campaign = Campaign.model_validate(VISIT | keys)
    assert (canary_of(campaign, Policy.model_validate(POLICY)) is not None) is holds


def test_without_the_word_there_is_none(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT})
    bench.plan("2026-06-10T09:00")
    _visits(bench, 8, "2026-06-10T09:20")
    assert len(bench.send("2026-06-10T09:21")) == 8
    with write(bench.engine) as connection:
        assert connection.execute(select(tables.switches)).all() == []
