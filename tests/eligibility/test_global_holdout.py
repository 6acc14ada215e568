"""The global holdout: no marketing at all, from the day it is drawn; whatever else, and measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from regulars.core import ids
from regulars.db.engine import read, write
from regulars.db.tables import assignments, customers, promises
from regulars.explain.describe import describe
from regulars.explain.explain import explain
from regulars.insights.campaign_report import report
from regulars.ledger.arms import GLOBAL
from regulars.rules.loader import load
from regulars.simulation.rule_tests import run_trials
from regulars.workspace.folder import open_workspace
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event, add_purchase
from tests.common.rules import rules
from tests.common.workspace import write_workspace

VISIT: dict[str, Any] = {"on": "visit.done", "email": "mail", "again": "always"}
POLICY = {"holdout": "50%"}


def _side(*, control: bool, count: int) -> list[str]:
    names = (f"c{number}" for number in range(1_000))
    fitting = [name for name in names if (ids.share(ids.bucket(name), GLOBAL) < 5000) is control]
    return fitting[:count]


OUT, IN = _side(control=True, count=3), _side(control=False, count=3)


def _visit(bench: Bench, names: Sequence[str], when: str) -> dict[str, int]:
    with write(bench.engine) as connection:
        known = {row.external_id: row.id for row in connection.execute(select(customers))}
        keys = {name: known.get(name) or add_customer(connection, name) for name in names}
        for key in keys.values():
            add_event(connection, key, "visit.done", when)
    return keys


def _verdicts(bench: Bench) -> dict[tuple[str, str, str], str | None]:
    return {(r["customer"], r["campaign"], r["step"]): r["reason"] or r["state"] for r in bench.ledger()}


def _drawn(bench: Bench, experiment: str) -> dict[str, str]:
    query = (
        select(customers.c.external_id, assignments.c.arm)
        .join(assignments, assignments.c.customer_id == customers.c.id)
        .where(assignments.c.experiment == experiment)
    )
    with read(bench.engine) as connection:
        return dict(connection.execute(query).all())


def test_no_marketing_but_services_and_the_groups_of_campaigns_are_among_the_others(bench: Bench) -> None:
    campaigns = {
        "top": VISIT | {"priority": 9, "variants": [{"name": "plain"}, {"name": "gift", "words": "gift"}]},
        "low": VISIT | {"holdout": "50%"},
        "bill": VISIT | {"kind": "transactional"},
        "boss": VISIT | {"to": "manager"},
    }
    bench.rules = rules(campaigns, policy=POLICY | {"cap": "1 per 7 days"})
    bench.plan("2026-06-10T11:00")
    _visit(bench, [*OUT, *IN], "2026-06-10T12:00")
    bench.plan("2026-06-10T12:01")
    found = _verdicts(bench)
    assert {found[name, each, "mail"] for name in OUT for each in ("top", "low")} == {"global-holdout"}
    assert {found[name, "bill", "mail"] for name in (*OUT, *IN)} == {"planned"}
    assert {found[name, "top", "mail"] for name in IN} == {"planned"}
    assert {found[name, "low", "mail"] for name in IN} <= {"cap", "holdout"}
    assert {found[name, "boss", "mail"] for name in (*OUT, *IN)} == {"no-manager"}
    assert _drawn(bench, GLOBAL) == {**dict.fromkeys(OUT, "control"), **dict.fromkeys(IN, "written")}
    assert set(_drawn(bench, "top")) == set(IN)
    assert set(_drawn(bench, "low")) <= set(IN)


def test_a_sequence_goes_on_until_the_mailbox_is_drawn_and_then_nothing_goes(bench: Bench) -> None:
    steps = [{"email": "a"}, {"email": "b", "wait": "1 day"}, {"email": "c", "wait": "1 day"}]
    sequence = {"news": {"on": "visit.done", "steps": steps}}
    bench.rules = rules(sequence)
    bench.plan("2026-06-10T11:00")
    keys = _visit(bench, OUT[:1], "2026-06-10T12:00")
    assert [step for _, _, step in bench.send("2026-06-10T12:01")] == ["a"]
    bench.rules = rules({**sequence, "other": {"on": "complaint.opened", "email": "d"}}, policy=POLICY)
    assert [step for _, _, step in bench.send("2026-06-11T12:02")] == ["b"]
    assert _drawn(bench, GLOBAL) == {}
    with write(bench.engine) as connection:
        add_event(connection, keys[OUT[0]], "complaint.opened", "2026-06-11T13:00")
    assert bench.send("2026-06-11T13:01") == []
    assert bench.send("2026-06-12T12:05") == []
    found = _verdicts(bench)
    assert (found[OUT[0], "news", "c"], found[OUT[0], "other", "d"]) == ("global-holdout", "global-holdout")
    bench.rules = rules(sequence)  # without the holdout everybody gets emails again
    _visit(bench, OUT[:1], "2026-06-20T12:00")
    assert [step for _, _, step in bench.send("2026-06-20T12:01")] == ["a"]


def test_it_is_kept_at_another_address_and_whatever_the_share_is_later(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT}, policy=POLICY)
    bench.plan("2026-06-10T11:00")
    keys = _visit(bench, [OUT[0], IN[0]], "2026-06-10T12:00")
    bench.send("2026-06-10T12:01")
    with write(bench.engine) as connection:
        row = {"email": "new@client.example", "email_hash": "another"}
        connection.execute(update(customers).where(customers.c.id == keys[OUT[0]]).values(row))
    for day, holdout in (("11", "1%"), ("12", "99%")):
        bench.rules = rules({"news": VISIT}, policy={"holdout": holdout})
        _visit(bench, [OUT[0], IN[0]], f"2026-06-{day}T12:00")
        assert [name for name, _, _ in bench.send(f"2026-06-{day}T12:01")] == [IN[0]]


def test_report_explain_and_describe_say_it(bench: Bench) -> None:
    policy = {"holdout": {"share": "50%", "goal": "purchase within 5 days"}}
    bench.rules = rules({"news": VISIT, "bill": VISIT | {"kind": "transactional"}}, policy=policy)
    bench.plan("2026-06-10T11:00")
    keys = _visit(bench, [*OUT, *IN], "2026-06-10T12:00")
    before = explain(bench.engine, bench.rules, OUT[0], "news", at("2026-06-10T12:00"))
    bench.send("2026-06-10T12:01")
    with write(bench.engine) as connection:
        for name in (*OUT[:1], *IN[:2]):
            add_purchase(connection, keys[name], "2026-06-12T12:00")
    with read(bench.engine) as connection:
        found = report(connection, bench.rules.rulebook, at("2026-06-20T12:00"))
    assert found.holdout is not None
    assert (found.holdout.written.clients, found.holdout.written.reached) == (3, 2)
    assert (found.holdout.control.clients, found.holdout.control.reached) == (3, 1)
    assert found.to_json()["holdout"]["goal"] == "purchase within 5 days"
    after = explain(bench.engine, bench.rules, OUT[0], "news", at("2026-06-10T13:00"))
    said = [next(fact.why for fact in one.facts if fact.name == "holdout") for one in (before, after)]
    assert said == [
        "Will be drawn at the first email: among the 50 % of mailboxes that get no marketing at all.",
        "Drawn on 2026-06-10: among the 50 % of mailboxes that get no marketing at all.",
    ]
    assert "they are in the group that gets no marketing at all" in after.campaigns[0].sentence
    book = bench.rules.rulebook.campaigns
    assert "50 % of all mailboxes get no marketing at all." in describe(book["news"], bench.rules)
    assert "no marketing at all" not in describe(book["bill"], bench.rules)


def test_a_rule_test_names_it(tmp_path: Path) -> None:
    root = write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}}, policy={"holdout": "5%"})
    (root / "campaigns" / "tests.yaml").write_text(
        "tests:\n"
        "  - {name: in, customer: {purchases: [2026-06-10]}, on: 2026-06-10, expect: {thanks: {subject: thanks*}}}\n"
        "  - name: out\n    customer: {purchases: [2026-06-10]}\n    on: 2026-06-10\n"
        "    expect: {thanks: {reason: global-holdout}}\n",
        encoding="utf-8",
    )
    assert [found.failures for found in run_trials(open_workspace(root))] == [[], []]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("5", "R003"), ("100%", "R003"), ("{share: 5%, gaol: x}", "R001"), ("{goal: purchase within 9 days}", "R002"),
        ("{share: 5%, goal: purchase}", "R003"), ("{share: 5%, goal: visited within 9 days}", "R013"),
        ("30%", "R124"), ("{share: 30%}", "R124"),
    ],
)  # fmt: skip
def test_likely_mistakes_get_the_right_diagnostic(written: str, code: str, tmp_path: Path) -> None:
    root = write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})
    path = root / "campaigns" / "policy.yaml"
    path.write_text(f"policy:\n  holdout: {written}\n", encoding="utf-8")
    found = load(root / "campaigns").diagnostics
    assert [fault.code for fault in found] == [code]
    assert found[0].span is not None
    assert found[0].span.path.endswith("policy.yaml")


def test_promises_that_were_planned_before_the_draw_are_examined_again(bench: Bench) -> None:
    """Of a mailbox that joins another, which is held out."""
    bench.rules = rules({"news": VISIT}, policy=POLICY)
    bench.plan("2026-06-10T11:00")
    keys = _visit(bench, [IN[0]], "2026-06-10T12:00")
    bench.plan("2026-06-10T12:01")
    with write(bench.engine) as connection:
        connection.execute(update(assignments).values(arm="control"))
        connection.execute(update(promises).values(state="held", reason="retry", next_at=at("2026-06-10T12:01")))
    bench.plan("2026-06-10T12:02")
    assert keys
    assert _verdicts(bench) == {(IN[0], "news", "mail"): "global-holdout"}
