"""Explanations agree with the ledger and with the planner, and say why in words a person understands."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Text, cast, func, select

from regulars.core.errors import NotFound
from regulars.db.engine import dry_run, read, write
from regulars.db.tables import assignments, customers, promises
from regulars.explain.explain import Explanation, explain
from regulars.ledger.switches import Scope, Target, pause, resume
from regulars.planner.plan import plan
from tests.common import people
from tests.common.bench import Bench, at
from tests.common.crowd import DAYS, START, every_kind, gather
from tests.common.rules import rules

pytestmark = pytest.mark.slow

Verdicts = set[tuple[str, str, str, str, str | None]]


def _ledger(bench: Bench) -> dict[str, Verdicts]:
    return _by_customer(
        (r["customer"], r["campaign"], r["step"], r["occurrence"], r["state"], r["reason"]) for r in bench.ledger()
    )


def _planned(bench: Bench, now: str) -> dict[str, Verdicts]:
    """What a plan of everybody would leave in the ledger, undone."""
    assert bench.rules is not None
    columns = (promises.c.campaign, promises.c.step, promises.c.occurrence, promises.c.state, promises.c.reason)
    with dry_run(bench.engine) as connection:
        plan(connection, bench.rules, at(now))
        query = select(customers.c.external_id, *columns).join(customers, customers.c.id == promises.c.customer_id)
        return _by_customer(connection.execute(query).all())


def _groups(bench: Bench, now: str) -> dict[str, dict[str, str]]:
    """By client and campaign with variants, the group that is written once a plan of everybody is made."""
    assert bench.rules is not None
    query = select(customers.c.external_id, assignments.c.experiment, assignments.c.arm).join(
        assignments, assignments.c.mailbox == func.coalesce(customers.c.email_hash, cast(customers.c.id, Text))
    )
    found: dict[str, dict[str, str]] = {}
    with dry_run(bench.engine) as connection:
        plan(connection, bench.rules, at(now))
        for name, experiment, arm in connection.execute(query):
            if bench.rules.rulebook.campaigns[experiment].variants:
                found.setdefault(name, {})[experiment] = arm
    return found


def _foretold(told: Explanation) -> dict[str, str]:
    """The variants of those who are drawn, or would be by a plan now."""
    return {v.campaign: v.variant.arm for v in told.campaigns if v.variant is not None and v.variant.drawn_at}


def _by_customer(rows: object) -> dict[str, Verdicts]:
    found: dict[str, Verdicts] = {}
    for customer, *verdict in rows:  # type: ignore[attr-defined]
        found.setdefault(customer, set()).add(tuple(verdict))
    return found


def _switch(bench: Bench, day: int, now: datetime) -> None:
    """Pauses two campaigns for a while, one of them for good."""
    with write(bench.engine) as connection:
        for key in ("visit", "silent") if day == 30 else ():
            pause(connection, Target(Scope.CAMPAIGN, key), "anna", None, now)
        if day == 75:
            resume(connection, Target(Scope.CAMPAIGN, "visit"), "anna", now)


@pytest.mark.parametrize("seed", [2])
def test_explain_agrees_with_every_row_and_with_what_a_plan_of_all_would_do(bench: Bench, seed: int) -> None:
    dice = random.Random(seed)
    bench.rules = every_kind()
    names = gather(bench, seed)
    bench.plan("2026-01-01T00:00")
    explained = 0
    for day in range(0, DAYS, 15):
        now = (START + timedelta(days=day, hours=dice.randrange(24), minutes=dice.randrange(60))).isoformat()[:16]
        _switch(bench, day, at(now))
        ledger, planned, arms = _ledger(bench), _planned(bench, now), _groups(bench, now)
        for name in dice.sample(names, 3):
            told = explain(bench.engine, bench.rules, name, None, at(now))
            before = {(v.campaign, r.step, r.occurrence, r.state, r.reason) for v in told.campaigns for r in v.ledger}
            assert before == ledger.get(name, set())
            changed = {(v.campaign, r.step, r.occurrence, r.state, r.reason) for v in told.campaigns for r in v.plan}
            assert changed == planned.get(name, set()) - before
            assert _foretold(told) == arms.get(name, {})
            due = {v.campaign for v in told.campaigns if v.due}
            assert due == {row[0] for row in planned.get(name, set()) if row[3] == "planned"}
            assert all(v.sentence.endswith(".") for v in told.campaigns)
            explained += len(before)
        assert _ledger(bench) == ledger, "explaining leaves no trace"
        bench.send(now)
    assert explained > 20
    assert "halted" in {row["reason"] for row in bench.ledger("held", "skipped")}


@pytest.mark.parametrize("seed", [4])
def test_due_from_is_when_the_planner_finds_them_due(bench: Bench, seed: int) -> None:
    """For states and dates: not due a minute before, due then, if nothing else happens."""
    bench.rules = rules(
        {
            "silent": {"when": "days_since(customer.last_purchase_at) > 20 or customer.overdue >= 2", "email": "a"},
            "yearly": {"every": "year since customer.birthday", "email": "b"},
            "visit": {"on": "visit.done", "steps": [{"email": "c", "wait": "2 days"}]},
        },
        company={"timezone": "Europe/Chisinau"},
    )
    names = gather(bench, seed)
    bench.plan("2026-01-01T00:00")
    now = "2026-05-15T12:00"  # after all that happens
    bench.send(now)
    checked = 0
    for name in names:
        for view in explain(bench.engine, bench.rules, name, None, at(now)).campaigns:
            if view.due_from is not None and not view.forbidden:
                early = explain(bench.engine, bench.rules, name, view.campaign, view.due_from - timedelta(minutes=1))
                then = explain(bench.engine, bench.rules, name, view.campaign, view.due_from)
                assert [early.campaigns[0].due, then.campaigns[0].due] == [False, True], view.sentence
                checked += 1
    assert checked > 3


# ---------------------------------------------------------------- words

SILENT = {"when": "customer.overdue >= 2 or days_since(customer.last_purchase_at) > 90", "email": "miss-you"}


def _only(told: Explanation) -> str:
    assert len(told.campaigns) == 1
    return told.campaigns[0].sentence


def _ada(bench: Bench, *purchases: str, **fields: Any) -> int:
    with write(bench.engine) as connection:
        key = people.add_customer(connection, "ada", **fields)
        for day in purchases:
            people.add_purchase(connection, key, day)
    return key


def test_a_state_says_when_it_will_come(bench: Bench) -> None:
    bench.rules = rules({"back": SILENT})
    _ada(bench, "2026-03-01T10:00")
    bench.plan("2026-03-02T00:00")
    told = explain(bench.engine, bench.rules, "ada", "back", at("2026-05-01T12:00"))
    assert _only(told) == (
        "Not due: `customer.overdue` is unknown and last bought 61 days ago; becomes due on 2026-05-31"
        " if they do not buy."
    )
    assert told.campaigns[0].due_from == at("2026-05-31T10:00")


def test_those_past_it_when_the_rule_came_are_told_so(bench: Bench) -> None:
    bench.rules = rules({"back": SILENT})
    _ada(bench, "2025-03-01T10:00")
    bench.plan("2026-03-02T12:00")
    told = explain(bench.engine, bench.rules, "ada", "back", at("2026-03-05T12:00"))
    assert _only(told) == (
        "Not due: was past it when the rule came into force on 2026-03-02, and is left alone until it ends"
        " and begins again."
    )


def test_night_unsubscribing_and_the_sequence_are_told(bench: Bench) -> None:
    bench.rules = rules(
        {
            "thanks": {
                "on": "purchase", "steps": [{"email": "a"}, {"email": "b", "wait": "5 days"}], "until": "visit.done",
            }
        },
        policy={"quiet_hours": "20:00-09:00"},
    )  # fmt: skip
    ada = _ada(bench, "2026-03-01T21:00", consent=False)
    bench.plan("2026-02-01T00:00")
    night, morning = at("2026-03-01T21:30"), at("2026-03-02T09:00")
    assert _only(explain(bench.engine, bench.rules, "ada", "thanks", night)) == (
        "`a` waits until 2026-03-02 09:00: it is night for them."
    )
    assert _only(explain(bench.engine, bench.rules, "ada@client.example", None, morning)) == "Due now: `a` may go."
    bench.send("2026-03-02T09:00")
    assert _only(explain(bench.engine, bench.rules, "ada", None, at("2026-03-03T09:00"))) == (
        "`a` was sent on 2026-03-02 09:00. `b` follows on 2026-03-07 09:00, unless there is a `visit.done` before."
    )
    with write(bench.engine) as connection:
        people.add_consent(connection, ada, granted=False)
    told = explain(bench.engine, bench.rules, "ada", None, at("2026-03-07T10:00"))
    assert _only(told) == "`b` is due but will not go: they have unsubscribed."
    assert told.campaigns[0].forbidden == "unsubscribed"


def test_the_winner_of_the_cap_is_named(bench: Bench) -> None:
    bench.rules = rules(
        {
            "low": {"on": "purchase", "email": "a"},
            "high": {"on": "purchase", "email": "b", "priority": 9},
        },
        policy={"cap": "1 per 7 days", "late": "30 days"},
    )
    _ada(bench, "2026-03-01T12:00")
    bench.plan("2026-02-01T00:00")
    told = explain(bench.engine, bench.rules, "ada", "low", at("2026-03-01T13:00"))
    assert _only(told) == "`a` waits until 2026-03-08 13:00: the frequency cap is used up: `high` takes the place."


def test_an_event_that_never_was_or_came_before_the_rule(bench: Bench) -> None:
    bench.rules = rules({"visit": {"on": "visit.done", "email": "a"}})
    ada = _ada(bench)
    assert _only(explain(bench.engine, bench.rules, "ada", None, at("2026-03-01T12:00"))) == (
        "Not due: there was no `visit.done`."
    )
    with write(bench.engine) as connection:
        people.add_event(connection, ada, "visit.done", "2026-02-01T12:00")
    bench.plan("2026-03-01T12:00")
    assert _only(explain(bench.engine, bench.rules, "ada", None, at("2026-03-01T13:00"))) == (
        "Not due: the latest `visit.done` was on 2026-02-01 12:00, before the rule came into force on 2026-03-01."
    )


def test_dates_say_when_they_come_round(bench: Bench) -> None:
    bench.rules = rules(
        {
            "birthday": {"every": "year since customer.birthday", "email": "a"},
            "feast": {"at": "2026-12-24 09:00", "email": "b"},
            "past": {"at": "2025-12-24 09:00", "email": "c", "enabled": False},
        }
    )
    _ada(bench, birthday="1988-02-29", timezone="Europe/Tallinn")
    told = explain(bench.engine, bench.rules, "ada", None, at("2026-03-01T12:00"))
    assert [view.sentence for view in told.campaigns] == [
        "Not due: next on 2027-02-28 10:00.",
        "Not due: next on 2026-12-24 09:00.",
        "Not due: the campaign is switched off.",
    ]


def test_facts_are_sentences(bench: Bench) -> None:
    bench.rules = rules({"back": SILENT}, policy={"cap": "2 per 7 days"})
    with write(bench.engine) as connection:
        key = people.add_customer(connection, "ada")
        people.add_product(connection, "mower")
        people.add_product(connection, "saw")
        people.add_link(connection, "mower", "next", "saw", after_days=60)
        people.add_purchase(connection, key, "2026-01-01", "mower", amount=20)
        people.add_purchase(connection, key, "2026-01-31", amount=5)
    bench.plan("2026-02-10T00:00")
    told = {f.name: f.why for f in explain(bench.engine, bench.rules, "ada", None, at("2026-03-02T00:00")).facts}
    assert told["purchases"] == (
        "Bought 2 times for 25.00 EUR in all, last on 2026-01-31, 30 days ago; first on 2026-01-01."
    )
    assert told["rhythm"] == "2 purchases within 30 days: every 30 days on average."
    assert told["overdue"] == "Last bought 30 days ago, usually every 30 days: 1 times as long as usual."
    assert told["next_product"] == "Declared to follow `mower`, bought on 2026-01-01, after 60 days: due on 2026-03-02."
    assert told["consent.marketing"] == "Agreed to `marketing` emails: said so on 2025-01-01 (test)."
    assert told["cap"] == "0 places are used under the frequency cap of 2 per 1 week."


def test_json_holds_the_same(bench: Bench) -> None:
    bench.rules = rules({"back": SILENT})
    _ada(bench, "2026-03-01T10:00")
    bench.plan("2026-03-02T00:00")
    document = explain(bench.engine, bench.rules, "ada", None, at("2026-05-01T12:00")).to_json()
    assert document["facts"]["purchases"] == {
        "value": 1, "why": "Bought once, last on 2026-03-01, 61 days ago."
    }  # fmt: skip
    assert document["facts"]["last_purchase_at"]["value"] == "2026-03-01T10:00:00+00:00"
    view = document["campaigns"][0]
    assert (document["customer"], view["campaign"], view["due"]) == ("ada", "back", False)
    assert view["conditions"]["when"]["value"] is None  # no rhythm is known
    assert view["conditions"]["when"]["parts"][1]["reading"] == "61 > 90"


def test_instants_are_by_the_clients_clock(bench: Bench) -> None:
    bench.rules = rules({"back": SILENT})
    _ada(bench, "2026-03-01T23:30", timezone="Europe/Chisinau")
    bench.plan("2026-03-02T00:00")
    told = explain(bench.engine, bench.rules, "ada", None, at("2026-05-01T12:00"))
    lines = "\n".join(told.campaigns[0].clauses["when"].lines())
    assert "days_since(2026-03-02 01:30 EET)" in lines
    assert "last on 2026-03-02" in {fact.name: fact.why for fact in told.facts}["purchases"]


def test_what_is_not_there_is_named(bench: Bench) -> None:
    bench.rules = rules({"back": SILENT})
    _ada(bench)
    with pytest.raises(NotFound, match="did you mean `back`"):
        explain(bench.engine, bench.rules, "ada", "bak", START)
    with pytest.raises(NotFound, match="no customer `bob`"):
        explain(bench.engine, bench.rules, "bob", None, START)
    with read(bench.engine) as connection:
        assert connection.scalars(select(promises.c.id)).all() == []
