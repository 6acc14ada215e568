"""Forecasts: what they foresee is what happens, they leave no trace, and a change of the rules shows who gains."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from regulars.db.engine import read, write
from regulars.db.tables import campaigns, metadata
from regulars.planner.plan import tallies
from regulars.profile import facts
from regulars.simulation import dry_dispatch
from regulars.simulation.plan_ahead import forecast, plan_now
from tests.common import people
from tests.common.bench import Bench, at
from tests.common.crowd import every_kind, gather
from tests.common.rules import rules

pytestmark = pytest.mark.slow


def _everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with read(engine) as connection:
        tables = metadata.sorted_tables
        return {table.name: [tuple(row) for row in connection.execute(select(table))] for table in tables}


def test_plan_now_is_what_the_plan_does_and_leaves_no_trace(bench: Bench) -> None:
    bench.rules = every_kind()
    gather(bench, 7)
    for now in ("2026-01-01T00:00", "2026-02-20T12:00", "2026-02-27T03:00"):
        before = _everything(bench.engine)
        foreseen = plan_now(bench.engine, bench.rules, at(now))
        assert _everything(bench.engine) == before
        made = bench.plan(now)
        with read(bench.engine) as connection:
            assert dict(foreseen.campaigns) == tallies(connection, made.active_campaigns, at(now))
        assert [blast.change for blast in foreseen.changes] == list(made.changes)


def test_the_published_shape(bench: Bench) -> None:
    bench.rules = rules({"thanks": {"on": "purchase", "email": "a", "backfill": "all"}}, policy={"consent": "opt-in"})
    with write(bench.engine) as connection:
        people.add_purchase(connection, people.add_customer(connection, "ada", first_name="Ada"), "2026-03-01T12:00")
        people.add_purchase(connection, people.add_customer(connection, "bo", consent=False), "2026-03-01T12:00")
    bench.plan("2026-02-01T00:00")
    found = plan_now(bench.engine, bench.rules, at("2026-03-01T13:00"))
    assert found.to_json() == {
        "now": "2026-03-01T13:00:00+00:00",
        "campaigns": {"thanks": {"due": 1, "held": {}, "skipped": {"no-consent": 1}}},
        "changes": [],
    }
    assert found.due == 1
    assert {(s.outcome, s.customer, s.name, s.email, s.reason) for s in found.samples["thanks"]} == {
        ("due", "ada", "Ada", "ada@client.example", None),
        ("skipped", "bo", None, "bo@client.example", "no-consent"),
    }


def test_samples_are_as_many_as_asked_for_each_outcome(bench: Bench) -> None:
    bench.rules = rules({"thanks": {"on": "purchase", "email": "a"}}, policy={"cap": "1 per 7 days"})
    with write(bench.engine) as connection:
        for number in range(7):
            key = people.add_customer(connection, f"c-{number}")
            people.add_purchase(connection, key, f"2026-03-01T12:0{number}")
            people.add_purchase(connection, key, f"2026-03-01T12:1{number}")
    bench.plan("2026-02-01T00:00")
    found = plan_now(bench.engine, bench.rules, at("2026-03-01T13:00"), samples=3)
    assert Counter((s.outcome, s.reason, s.detail) for s in found.samples["thanks"]) == {
        ("due", None, None): 3, ("skipped", "cap", "thanks"): 3,
    }  # fmt: skip
    assert [s.customer for s in found.samples["thanks"] if s.outcome == "due"] == ["c-0", "c-1", "c-2"]


def test_a_new_rule_shows_its_blast(bench: Bench) -> None:
    bench.rules = rules({"back": {"when": "customer.purchases > 0", "email": "a"}})
    with write(bench.engine) as connection:
        for name in ("ada", "bo", "cy"):
            key = people.add_customer(connection, name)
            if name != "cy":
                people.add_purchase(connection, key, "2026-01-01")
        facts.refresh(connection)
    quiet = plan_now(bench.engine, bench.rules, at("2026-03-01T13:00"))
    assert quiet.to_json()["changes"] == [{"campaign": "back", "what": "new", "due": 0, "left_alone": 2}]
    loud = bench.rules.with_campaigns({"back": {"when": "customer.purchases > 0", "email": "a", "backfill": "all"}})
    found = plan_now(bench.engine, loud, at("2026-03-01T13:00"))
    assert found.to_json()["changes"] == [{"campaign": "back", "what": "new", "due": 2, "left_alone": 0}]
    assert found.difference is None, "there were no rules to compare with"


def test_days_foreseen_are_the_days_lived(sqlite_engine: Engine) -> None:
    """Against living through the same days quarter of an hour by quarter of an hour, each plan committed."""
    bench = Bench(sqlite_engine, every_kind("days_since(customer.last_purchase_at) > 20"))
    assert bench.rules is not None
    gather(bench, 11, count=25, minutes=60)
    bench.plan("2026-01-01T00:00")
    start = at("2026-02-13T20:00")
    bench.send(start.isoformat()[:16])
    before = len(bench.ledger("sent"))
    foreseen = forecast(bench.engine, bench.rules, start + timedelta(minutes=15), 2)
    assert [day.day.isoformat() for day in foreseen.days] == ["2026-02-13", "2026-02-14"]

    lived: Counter[tuple[str, str]] = Counter()
    moment = start + timedelta(minutes=15)
    while moment < at("2026-02-14T22:00"):  # midnight in Chișinău
        bench.plan(moment.isoformat()[:16])
        with write(bench.engine) as connection:
            dry_dispatch.send(connection, bench.rules, moment)
        moment += timedelta(minutes=15)
    for row in bench.ledger("sent"):
        if row["settled_at"] > start:
            lived[_day(row["settled_at"]), row["campaign"]] += 1
    assert {(d.day.isoformat(), name): n for d in foreseen.days for name, n in d.sent.items() if n} == dict(lived)
    assert len(bench.ledger("sent")) - before == lived.total() > 3


def _day(moment: datetime) -> str:
    return (moment + timedelta(hours=2)).date().isoformat()


def test_a_day_says_what_waits_and_what_was_dropped(bench: Bench) -> None:
    bench.rules = rules(
        {"visit": {"on": "visit.done", "steps": [{"email": "a"}, {"email": "b", "wait": "1 day"}]}},
        policy={"quiet_hours": "20:00-09:00"},
    )
    with write(bench.engine) as connection:
        ada, bo = people.add_customer(connection, "ada"), people.add_customer(connection, "bo", email=None)
        people.add_event(connection, ada, "visit.done", "2026-03-01T21:00")
        people.add_event(connection, bo, "visit.done", "2026-03-01T21:00")
    bench.plan("2026-02-01T00:00")
    found = forecast(bench.engine, bench.rules, at("2026-03-01T21:30"), 4)
    assert [day.to_json() for day in found.days] == [
        {
            "day": "2026-03-01",
            "campaigns": {"visit": {"sent": 0, "held": {"quiet-hours": 1}, "skipped": {"no-address": 1}}},
        },
        {"day": "2026-03-02", "campaigns": {"visit": {"sent": 1, "held": {}, "skipped": {}}}},
        {"day": "2026-03-03", "campaigns": {"visit": {"sent": 1, "held": {}, "skipped": {}}}},
        {"day": "2026-03-04", "campaigns": {}},
    ]


def test_a_changed_line_shows_who_gains_and_who_loses(bench: Bench) -> None:
    old = {"back": {"when": "days_since(customer.last_purchase_at) > 90", "email": "a"}}
    bench.rules = rules(old)
    with write(bench.engine) as connection:
        for name, day in {"soon": "2026-03-01T12:00", "now": "2025-12-02T12:00", "late": "2026-03-02T12:30"}.items():
            people.add_purchase(connection, people.add_customer(connection, name), day)
    bench.plan("2026-03-01T13:00")
    sooner = bench.rules.with_campaigns({"back": {"when": "days_since(customer.last_purchase_at) > 1", "email": "a"}})
    found = forecast(bench.engine, sooner, at("2026-03-02T13:00"), 3)
    assert [(b.change.campaign, b.change.what, b.left_alone) for b in found.changes] == [("back", "changed", 1)]
    assert found.difference is not None
    # In these days the old rule would have missed `now`, who is past the new one already and so is left alone.
    assert found.difference.to_json() == {
        "back": {"gains": 2, "losses": 1, "gaining": ["late", "soon"], "losing": ["now"]}
    }
    with read(bench.engine) as connection:
        assert connection.scalar(select(campaigns.c.rule)) == bench.rules.rulebook.campaigns["back"].digest


def test_a_moved_day_of_the_calendar_shows_who_gains_and_who_loses(bench: Bench) -> None:
    greet = {"greet": {"every": "year on easter", "email": "a"}}
    bench.rules = rules(greet, calendars={"easter": {"default": "easter", "EE": "easter"}})
    with write(bench.engine) as connection:
        for name, land in (("ada", "MD"), ("bo", "EE")):
            people.add_customer(connection, name, country=land)
    bench.plan("2026-03-30T12:00")
    moved = rules(greet, calendars={"easter": {"default": "orthodox easter", "EE": "easter"}})
    found = forecast(bench.engine, moved, at("2026-03-30T13:00"), 8)  # western: 5 April, orthodox: the 12th
    assert [(b.change.campaign, b.change.what, b.due) for b in found.changes] == [("greet", "changed", 0)]
    assert found.difference is not None
    assert found.difference.to_json() == {"greet": {"gains": 0, "losses": 1, "gaining": [], "losing": ["ada"]}}
    found = forecast(bench.engine, moved, at("2026-04-08T13:00"), 8)
    assert found.difference is not None
    assert found.difference.campaigns["greet"].gaining == ["ada"]


def test_a_removed_rule_takes_its_emails_away(bench: Bench) -> None:
    bench.rules = rules({"visit": {"on": "visit.done", "email": "a"}, "thanks": {"on": "purchase", "email": "b"}})
    with write(bench.engine) as connection:
        people.add_event(connection, people.add_customer(connection, "ada"), "visit.done", "2026-03-01T12:00")
    bench.plan("2026-03-01T11:00")
    fewer = bench.rules.with_campaigns({"thanks": {"on": "purchase", "email": "b"}})
    found = plan_now(bench.engine, fewer, at("2026-03-01T13:00"))
    assert [(b.change.campaign, b.change.what) for b in found.changes] == [("visit", "removed")]
    assert found.difference is not None
    assert found.difference.campaigns["visit"].losing == ["ada"]
    assert found.to_json()["difference"]["visit"]["losses"] == 1


def test_a_renamed_rule_changes_nothing_for_anybody(bench: Bench) -> None:
    rule = {"on": "visit.done", "email": "a"}
    bench.rules = rules({"visit": rule})
    with write(bench.engine) as connection:
        people.add_event(connection, people.add_customer(connection, "ada"), "visit.done", "2026-03-01T12:00")
    bench.plan("2026-03-01T11:00")
    found = plan_now(bench.engine, bench.rules.with_campaigns({"after-visit": rule}), at("2026-03-01T13:00"))
    assert [(b.change.campaign, b.change.what, b.due) for b in found.changes] == [("after-visit", "renamed", 1)]
    assert found.difference is not None
    assert found.difference.campaigns == {}
