"""Entering and leaving segments, and what an edit of a segment does to the campaigns that use it."""

from __future__ import annotations

from sqlalchemy import select

from regulars.audience import segment_members
from regulars.db.engine import read, write
from regulars.db.tables import members
from regulars.simulation.rules_in_force import rules_in_force
from tests.common.bench import Bench
from tests.common.people import add_customer, add_purchase
from tests.common.rules import Rules, rules

RECENT = {"recent": "days_since(customer.last_purchase_at) < 90"}
FAREWELL = {"farewell": {"when": "left_segment('recent')", "email": "miss-you", "again": "always"}}


def _client(bench: Bench, name: str, *purchases: str) -> int:
    with write(bench.engine) as connection:
        key = add_customer(connection, name)
        for day in purchases:
            add_purchase(connection, key, day)
    return key


def _buys(bench: Bench, client: int, day: str) -> None:
    with write(bench.engine) as connection:
        add_purchase(connection, client, day)


def _farewell(**segments: str) -> Rules:
    return rules(FAREWELL, segments=RECENT | segments)


def test_entering_a_segment_is_a_state_like_any_other(bench: Bench) -> None:
    _client(bench, "ada", "2026-03-01T12:00")
    bench.rules = rules(
        {"back": {"when": "in_segment('gone')", "email": "miss-you"}},
        segments=RECENT | {"gone": "customer.purchases > 0 and not in_segment('recent')"},
    )
    assert bench.send("2026-05-30T11:00") == []
    assert bench.send("2026-05-30T13:00") == [("ada", "back", "miss-you")]
    assert bench.send("2026-06-30T13:00") == []


def test_only_those_who_were_in_it_have_left_it(bench: Bench) -> None:
    _client(bench, "ada", "2026-03-01T12:00")
    _client(bench, "bea")
    _client(bench, "cyd", "2025-03-01T12:00")
    bench.rules = _farewell()
    assert bench.send("2026-05-01T12:00") == []
    assert bench.send("2026-05-30T13:00") == [("ada", "farewell", "miss-you")]
    assert bench.send("2026-06-30T13:00") == []


def test_leaving_again_after_having_come_back_counts_again(bench: Bench) -> None:
    ada = _client(bench, "ada", "2026-03-01T12:00")
    bench.rules = _farewell()
    assert bench.send("2026-05-01T12:00") == []
    assert bench.send("2026-06-01T12:00") == [("ada", "farewell", "miss-you")]
    _buys(bench, ada, "2026-06-10T12:00")
    assert bench.send("2026-06-11T12:00") == []
    assert bench.send("2026-10-01T12:00") == [("ada", "farewell", "miss-you")]


def test_who_left_before_the_rule_came_is_left_alone(bench: Bench) -> None:
    _client(bench, "ada", "2026-03-01T12:00")
    bench.rules = _farewell()
    assert bench.send("2026-05-01T12:00") == []
    bench.rules = rules({}, segments=RECENT)
    assert bench.send("2026-06-01T12:00") == []
    bench.rules = _farewell()
    assert bench.send("2026-06-02T12:00") == []
    assert bench.send("2026-06-03T12:00") == []


def test_an_edit_of_the_segment_mails_nobody(bench: Bench) -> None:
    _client(bench, "ada", "2026-03-01T12:00")
    bench.rules = _farewell()
    assert bench.send("2026-05-01T12:00") == []
    narrower = {"recent": "days_since(customer.last_purchase_at) < 30"}
    bench.rules = rules(FAREWELL, segments=narrower)
    assert bench.send("2026-05-02T12:00") == []
    assert bench.send("2026-08-01T12:00") == []


def test_an_edit_deep_in_a_segment_makes_another_trigger_and_an_unused_one_does_not() -> None:
    def trigger(**segments: str) -> str:
        book = _farewell(**segments).rulebook
        return book.trigger_digest(book.campaigns["farewell"])

    plain = rules(FAREWELL | {"other": {"when": "customer.purchases > 1", "email": "x"}}, segments=RECENT).rulebook
    other = plain.campaigns["other"]
    assert plain.digest(other) == other.digest  # what used no segment before has the same hash
    assert trigger() == trigger(unused="customer.purchases > 3")
    nested = "in_segment('deep')"
    assert trigger(recent=nested, deep="customer.purchases > 1") != trigger(
        recent=nested, deep="customer.purchases > 2"
    )


def test_the_rules_in_force_are_read_again_with_their_segments(bench: Bench) -> None:
    bench.rules = _farewell(recent="in_segment('deep')", deep="customer.purchases > 1")
    bench.plan("2026-05-01T12:00")
    with read(bench.engine) as connection:
        found = rules_in_force(connection, rules({}, segments={"deep": "customer.purchases > 99"}))
    assert found is not None
    before, after = (book.campaigns["farewell"] for book in (bench.rules.rulebook, found.rulebook))
    assert found.rulebook.digest(after) == bench.rules.rulebook.digest(before)
    assert found.conditions["campaigns", "farewell", "when"].segments == {"recent", "deep"}


def test_stays_are_kept_only_where_a_rule_asks_who_left(bench: Bench) -> None:
    _client(bench, "ada", "2026-03-01T12:00")
    bench.rules = rules({"back": {"when": "in_segment('recent')", "email": "miss-you"}}, segments=RECENT)
    assert bench.send("2026-05-01T12:00") == []
    stays = select(members.c.left_at).where(members.c.campaign == segment_members.key("recent"))
    with read(bench.engine) as connection:
        assert connection.execute(stays).all() == []
    bench.rules = _farewell()
    assert bench.send("2026-05-01T13:00") == []
    with read(bench.engine) as connection:
        assert connection.execute(stays).all() == [(None,)]
    assert bench.send("2026-06-01T12:00") == [("ada", "farewell", "miss-you")]
    with read(bench.engine) as connection:
        assert [left is not None for (left,) in connection.execute(stays)] == [True]
