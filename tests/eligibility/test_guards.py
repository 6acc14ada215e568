"""Guards stop by their numbers, say them, and count anew once somebody has resumed what they stopped."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from regulars.db import tables
from regulars.db.engine import dry_run, read, write
from regulars.db.tables import campaigns, notifications, promises
from regulars.eligibility.guards import guard_outcomes, guard_returns
from regulars.explain.explain import explain
from regulars.ledger import switches
from regulars.ledger.switches import Pause, Scope, Target
from regulars.ledger.tallies import Outcomes
from regulars.profile import facts
from regulars.simulation.plan_ahead import plan_now
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event
from tests.common.rules import rules

VISIT: dict[str, Any] = {"on": "visit.done", "email": "mail", "late": "30 days"}
NEWS = Target(Scope.CAMPAIGN, "news")
LANE = Target(Scope.LANE, "default", frozenset({"marketing"}))
NOW = at("2026-06-10T12:00")
KINDS = {"bounces": ["hard-bounce", "soft-bounce"], "complaints": ["complaint"]}


def _visits(bench: Bench, count: int, when: str) -> None:
    """So many new clients had a visit."""
    with write(bench.engine) as connection:
        for _ in range(count):
            add_event(connection, add_customer(connection), "visit.done", when)


def _pauses(bench: Bench) -> list[Pause]:
    with read(bench.engine) as connection:
        return list(switches.pauses(connection).found)


def _resume(bench: Bench, when: datetime, target: Target = NEWS) -> None:
    with write(bench.engine) as connection:
        assert switches.resume(connection, target, "anna", when)


def _counts(bench: Bench) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in bench.ledger():
        key = row["reason"] or row["state"]
        found[key] = found.get(key, 0) + 1
    return found


def test_more_than_usual_holds_all_before_any_goes(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT}, policy={"guard": {"volume": "3x usual"}})
    bench.plan("2026-06-10T09:00")
    _visits(bench, 100, "2026-06-10T09:30")
    assert bench.plan("2026-06-10T10:00").alarms == []
    _visits(bench, 51, "2026-06-10T10:30")
    (alarm,) = bench.plan("2026-06-10T11:00").alarms  # 151 on this day: the plans of a day count together
    assert alarm.target == NEWS
    assert alarm.why == "151 became due on one day; no Wednesday before had any; the limit is 3x usual, 150"
    assert _counts(bench) == {"planned": 100, "halted": 51}
    (pause,) = _pauses(bench)
    assert (pause.who, pause.by_guard, pause.why) == ("guard", True, alarm.why)
    assert {row["detail"] for row in bench.ledger("held")} == {f"a guard: {alarm.why}"}
    assert bench.plan("2026-06-10T11:01").alarms == []
    _resume(bench, at("2026-06-10T11:30"))
    assert bench.plan("2026-06-10T11:31").alarms == []  # not on the same numbers
    assert _counts(bench) == {"planned": 151}
    _visits(bench, 151, "2026-06-10T11:40")
    assert len(bench.plan("2026-06-10T11:41").alarms) == 1  # but on new ones


def test_a_letter_of_a_fixed_time_is_compared_with_its_audience_when_the_rule_came_into_force(bench: Bench) -> None:
    letter = {"at": "2026-06-10 10:00", "email": "mail", "audience": "customer.country == 'MD'"}
    with write(bench.engine) as connection:
        for number in range(200):
            add_customer(connection, f"c{number}", country="MD" if number < 160 else "RO")
    bench.rules = rules({"news": letter}, policy={"guard": {"volume": "3x usual"}})
    bench.plan("2026-06-10T06:00")
    assert bench.plan("2026-06-10T11:00").alarms == []
    assert _counts(bench) == {"planned": 160}
    bench.rules = rules({"late": {**letter, "at": "2026-06-11 10:00"}}, policy={"guard": {"volume": "2x usual"}})
    bench.plan("2026-06-10T12:00")
    with write(bench.engine) as connection:
        for number in range(200, 500):  # an import after the rule makes it another letter
            add_customer(connection, f"c{number}", country="MD")
    (alarm,) = bench.plan("2026-06-11T11:00").alarms
    assert alarm.why == (
        "460 became due on one day; the audience had 160 when the rule came into force; the limit is 2x usual, 320"
    )


def test_what_is_usual_is_the_median_of_equal_weekdays(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT})
    bench.plan("2026-05-01T09:00")
    for day, number in (("2026-05-20", 90), ("2026-05-27", 70), ("2026-06-03", 80), ("2026-06-09", 5)):
        _visits(bench, number, f"{day}T09:30")
        bench.plan(f"{day}T10:00")
    # The guard comes later: what was usual is in the ledger.
    bench.rules = rules({"news": VISIT | {"guard": {"volume": "2x usual"}}})
    _visits(bench, 160, "2026-06-10T09:30")
    assert bench.plan("2026-06-10T10:00").alarms == []
    _visits(bench, 1, "2026-06-10T10:30")
    (alarm,) = bench.plan("2026-06-10T11:00").alarms
    assert alarm.why == "161 became due on one day; usual on a Wednesday are 80; the limit is 2x usual, 160"


def test_a_campaign_can_be_left_out_and_a_simulation_fires_nothing(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | {"guard": {"volume": "none"}}}, policy={"guard": {"volume": "3x usual"}})
    bench.plan("2026-06-10T09:00")
    _visits(bench, 151, "2026-06-10T09:30")
    assert bench.plan("2026-06-10T10:00").alarms == []
    assert _counts(bench) == {"planned": 151}


def test_explain_names_the_guard_and_agrees_with_the_ledger(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT}, policy={"guard": {"volume": "3x usual"}})
    bench.plan("2026-06-10T09:00")
    _visits(bench, 151, "2026-06-10T09:30")
    bench.plan("2026-06-10T10:00")
    row = bench.ledger()[0]
    (view,) = explain(bench.engine, bench.rules, row["customer"], "news", at("2026-06-10T10:05")).campaigns
    assert [(one.state, one.reason, one.detail) for one in view.ledger] == [("held", "halted", row["detail"])]
    assert view.plan == []
    assert view.sentence == (
        "`mail` waits: `news` is paused since 2026-06-10 10:00 UTC by a guard: 151 became due on one day; no Wednesday"
        " before had any; the limit is 3x usual, 150; `regulars resume news` lets it go on, or skips it if it is too"
        " late by then."
    )
    assert not view.due


# ---------------------------------------------------------------- what came of them

GUARDED = rules(
    {"news": VISIT, "gift": VISIT},
    policy={
        "guard": {
            "failures": "20% of 50", "render_errors": "10% of 50", "bounces": "5% of 100", "complaints": "1% of 100",
            "lane": {"failures": "8% of 200"},
        }
    },
)  # fmt: skip


def _batch(bench: Bench, when: datetime = NOW, campaign: str = "news", **outcomes: int) -> list[str]:
    """What the guards say to one batch."""
    book = GUARDED.rulebook
    with write(bench.engine) as connection:
        found = guard_outcomes(
            connection, book.policy, LANE, {campaign: Outcomes(**outcomes)}, book.campaigns, when
        )  # fmt: skip
    return [f"{alarm.target.words()}: {alarm.why}" for alarm in found]


def test_failures_and_render_errors_stop_a_campaign(bench: Bench) -> None:
    assert _batch(bench, sent=40, failed=10) == []  # 20 % are not more than 20 %
    (said,) = _batch(bench, NOW + timedelta(minutes=1), failed=1)
    assert said == "`news`: 11 of the last 51 emails were refused by the server; the limit is 20% of 50"
    (said,) = _batch(
        bench, campaign="gift", render_errors=6
    )  # of 50 the others count as good: it need not wait for them
    assert said == "`gift`: 6 of the last 6 emails could not be rendered; the limit is 10% of 50"


def test_a_large_batch_is_judged_as_a_whole(bench: Bench) -> None:
    assert _batch(bench, sent=990, failed=60) == []


def test_a_lane_is_stopped_by_all_its_campaigns_together(bench: Bench) -> None:
    assert _batch(bench, sent=150, failed=15) == []
    (said,) = _batch(bench, NOW + timedelta(minutes=1), campaign="gift", sent=1, failed=5)
    assert said == "lane default: 20 of the last 171 emails were refused by the server; the limit is 8% of 200"
    (pause,) = _pauses(bench)
    assert pause.target == LANE


def test_a_resumed_campaign_is_judged_by_new_numbers(bench: Bench) -> None:
    assert len(_batch(bench, failed=11)) == 1
    assert _batch(bench, NOW + timedelta(minutes=1), failed=1) == []  # it is paused already
    _resume(bench, NOW + timedelta(minutes=2))
    assert not any("`news`" in one for one in _batch(bench, NOW + timedelta(minutes=3), failed=10))
    assert any("`news`" in one for one in _batch(bench, NOW + timedelta(minutes=4), failed=1))


def _sent(bench: Bench, count: int, when: datetime) -> list[int]:
    """Emails of `news` that a server took, in one batch."""
    with write(bench.engine) as connection:
        if connection.scalar(select(campaigns.c.key)) is None:
            connection.execute(
                insert(campaigns).values(key="news", name="news", rule="r", trigger="t", since=NOW, applied_at=NOW)
            )
        rows = [
            {
                "campaign": "news", "step": "mail", "customer_id": add_customer(connection), "occurrence": "1",
                "state": "sent", "kind": "marketing", "rule": "r", "due_at": when, "expires_at": when, "next_at": when,
                "created_at": when, "settled_at": when,
            }
            for _ in range(count)
        ]  # fmt: skip
        ids = list(connection.scalars(insert(promises).returning(promises.c.id), rows))
    assert _batch(bench, when, sent=count) == []
    return ids


def _came_back(bench: Bench, ids: list[int], when: datetime, kind: str) -> list[str]:
    """What the guards say after notifications about these emails."""
    with write(bench.engine) as connection:
        rows = [
            {
                "digest": f"{kind} {one}", "promise_id": one, "campaign": "news", "kind": kind, "reason": "",
                "source": "test", "at": when, "received_at": when,
            }
            for one in ids
        ]  # fmt: skip
        connection.execute(insert(notifications), rows)
        active = bench_active(connection)
        found = guard_returns(connection, GUARDED.rulebook, active, [LANE], KINDS, when)
    return [alarm.why for alarm in found]


def bench_active(connection: Any) -> Any:
    """The campaigns in force."""
    from regulars.context.active_campaign import load_active_campaigns

    return load_active_campaigns(connection, GUARDED.rulebook)


@pytest.mark.parametrize(
    ("kind", "most", "why"),
    [
        ("hard-bounce", 5, "6 of the last 100 emails came back; the limit is 5% of 100"),
        ("complaint", 1, "2 of the last 100 emails were reported as spam; the limit is 1% of 100"),
    ],
)
def test_what_comes_back_stops_a_campaign_until_it_is_resumed(bench: Bench, kind: str, most: int, why: str) -> None:
    ids = _sent(bench, 100, NOW)
    hour = timedelta(hours=1)
    assert _came_back(bench, ids[:most], NOW + hour, kind) == []
    assert _came_back(bench, ids[most : most + 1], NOW + 2 * hour, kind) == [why]
    _resume(bench, NOW + 3 * hour)
    assert _came_back(bench, ids[most + 1 : 50], NOW + 4 * hour, kind) == []  # about emails from before
    later = _sent(bench, 100, NOW + 5 * hour)
    assert _came_back(bench, later[: most + 1], NOW + 6 * hour, kind) == [why]


def test_without_guards_nothing_is_counted(bench: Bench) -> None:
    plain = rules({"news": VISIT})
    with dry_run(bench.engine) as connection:
        book = plain.rulebook
        found = guard_outcomes(connection, book.policy, LANE, {"news": Outcomes(failed=999)}, book.campaigns, NOW)
        assert found == []
        assert connection.execute(select(tables.switches)).all() == []


def test_a_plan_ahead_tells_what_a_guard_would_stop_and_stops_nothing(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT}, policy={"guard": {"volume": "3x usual"}})
    bench.plan("2026-06-10T09:00")
    _visits(bench, 151, "2026-06-10T09:30")
    with write(bench.engine) as connection:
        facts.refresh(connection)
    found = plan_now(bench.engine, bench.rules, at("2026-06-10T10:00"))
    assert found.stops == [
        "a guard would pause `news`: 151 became due on one day; no Wednesday before had any; the limit is 3x usual, 150"
    ]
    assert found.campaigns["news"].held == {"halted": 151}
    assert _pauses(bench) == []
