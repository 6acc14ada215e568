"""Editing, renaming, reordering, removing: nobody is mailed again, nobody is forgotten."""

from __future__ import annotations

import pytest

from regulars.db.engine import write
from tests.common.bench import Bench
from tests.common.people import add_customer, add_event, add_purchase
from tests.common.rules import rules

THANKS = {"on": "purchase", "email": "thanks"}


def _buyer(bench: Bench, name: str = "ada", at: str = "2026-06-10T12:00") -> int:
    with write(bench.engine) as connection:
        key = add_customer(connection, name)
        add_purchase(connection, key, at)
    return key


def test_an_event_is_answered_once(bench: Bench) -> None:
    bench.rules = rules({"thanks": THANKS})
    bench.plan("2026-06-10T11:00")
    _buyer(bench)
    assert bench.send("2026-06-10T12:01") == [("ada", "thanks", "thanks")]
    assert bench.send("2026-06-10T12:02") == []


def test_what_happened_before_the_rule_is_the_past(bench: Bench) -> None:
    _buyer(bench)
    bench.rules = rules({"thanks": THANKS})
    assert bench.send("2026-06-10T12:01") == []
    assert bench.ledger() == []


@pytest.mark.parametrize(
    "renamed",
    [{"welcome": THANKS}, {"welcome": THANKS | {"was": "thanks", "priority": 3, "backfill": "all"}}],
    ids=["by content", "by was"],
)
def test_a_renamed_campaign_keeps_its_promises(bench: Bench, renamed: dict[str, dict[str, object]]) -> None:
    bench.rules = rules({"thanks": THANKS})
    bench.plan("2026-06-10T11:00")
    _buyer(bench)
    assert bench.send("2026-06-10T12:01") != []
    bench.rules = bench.rules.with_campaigns(renamed)
    assert bench.plan("2026-06-10T13:00").changes[0].what == "renamed"
    assert bench.send("2026-06-10T13:00") == []
    _buyer(bench, "bo", "2026-06-10T14:00")
    assert bench.send("2026-06-10T14:01") == [("bo", "thanks", "thanks")]


def test_the_freed_name_starts_a_ledger_of_its_own(bench: Bench) -> None:
    bench.rules = rules({"thanks": THANKS})
    bench.plan("2026-06-10T11:00")
    bench.rules = bench.rules.with_campaigns({"welcome": THANKS})
    bench.plan("2026-06-10T11:20")
    bench.rules = bench.rules.with_campaigns({"welcome": THANKS, "thanks": THANKS | {"email": "other"}})
    bench.plan("2026-06-10T11:30")
    _buyer(bench)
    assert bench.send("2026-06-10T12:01") == [("ada", "thanks", "thanks"), ("ada", "thanks~2", "other")]


def test_a_removed_campaign_sends_nothing_more_and_coming_back_starts_anew(bench: Bench) -> None:
    bench.rules = rules({"thanks": THANKS}, policy={"quiet_hours": "20:00-09:00"})
    bench.plan("2026-06-10T11:00")
    _buyer(bench, at="2026-06-10T21:00")
    assert bench.tally("2026-06-10T21:01")["thanks"].held == {"quiet-hours": 1}
    bench.rules = bench.rules.with_campaigns({})
    assert bench.tally("2026-06-11T09:01")["thanks"].skipped == {"removed": 1}
    bench.rules = bench.rules.with_campaigns({"thanks": THANKS})
    assert bench.send("2026-06-11T10:00") == []
    _buyer(bench, "bo", "2026-06-11T11:00")
    assert bench.send("2026-06-11T11:01") == [("bo", "thanks", "thanks")]


def test_a_step_put_in_before_the_others_is_not_for_those_past_it(bench: Bench) -> None:
    steps = [{"email": "one"}, {"email": "two", "wait": "5 days"}]
    bench.rules = rules({"series": {"on": "purchase", "steps": steps}})
    bench.plan("2026-06-10T11:00")
    _buyer(bench)
    assert [s for _, _, s in bench.send("2026-06-10T12:01")] == ["one"]
    reordered = [{"email": "zero"}, {"email": "one", "wait": "1 day"}, {"email": "two", "wait": "5 days"}]
    bench.rules = bench.rules.with_campaigns({"series": {"on": "purchase", "steps": reordered}})
    assert bench.send("2026-06-11T13:00") == []
    assert [s for _, _, s in bench.send("2026-06-15T13:00")] == ["two"]


def test_a_paused_campaign_holds_and_then_goes_on(bench: Bench) -> None:
    bench.rules = rules({"thanks": THANKS}, policy={"quiet_hours": "20:00-09:00"})
    bench.plan("2026-06-10T11:00")
    _buyer(bench, at="2026-06-10T21:00")
    bench.plan("2026-06-10T21:01")
    bench.rules = bench.rules.with_campaigns({"thanks": THANKS | {"enabled": False}})
    assert bench.tally("2026-06-11T09:01")["thanks"].held == {"paused": 1}
    bench.rules = bench.rules.with_campaigns({"thanks": THANKS})
    assert bench.send("2026-06-11T10:00") == [("ada", "thanks", "thanks")]


def test_a_late_import_is_named_and_not_sent(bench: Bench) -> None:
    bench.rules = rules({"visit": {"on": "visit.done", "audience": "event.score < 5", "email": "sorry"}})
    bench.plan("2026-06-01T12:00")
    with write(bench.engine) as connection:
        ada = add_customer(connection, "ada")
        bo = add_customer(connection, "bo")
        add_event(connection, ada, "visit.done", "2026-06-05T12:00", {"score": 2}, received_at="2026-06-10T11:59")
        add_event(connection, bo, "visit.done", "2026-06-10T11:00", {"score": 2}, received_at="2026-06-10T11:59")
        add_event(connection, bo, "visit.done", "2026-06-10T11:30", {"score": 9}, received_at="2026-06-10T11:59")
    bench.plan("2026-06-10T11:58")
    assert bench.send("2026-06-10T12:00") == [("bo", "visit", "sorry")]
    assert [(r["customer"], r["reason"]) for r in bench.ledger("skipped")] == [("ada", "late")]
