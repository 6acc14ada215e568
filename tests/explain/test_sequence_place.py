"""A sequence with branches in words: what it does, where a client stands, who is in flight and who is moved."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from regulars.cli.version_output import print_in_flight
from regulars.consent import rights
from regulars.consent.data_export import export
from regulars.consent.merge import merge_clients
from regulars.db.engine import read, write
from regulars.db.tables import customers, decisions
from regulars.explain.describe import describe
from regulars.explain.explain import explain
from regulars.simulation.plan_ahead import forecast, plan_now
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event, add_purchase
from tests.common.rules import rules

WAIT = {"id": "bought", "wait_for": "purchase within 7 days", "then": [{"email": "thanks"}, "exit"], "else": [
    {"id": "worth", "wait": "1 day", "choose": [
        {"if": "customer.purchases > 1", "steps": [{"email": "rich", "wait": "2 days"}]},
        {"id": "others", "steps": [{"start": "care"}]},
    ]},
]}  # fmt: skip
SEQ: dict[str, Any] = {
    "seq": {"on": "visit.done", "until": "complaint.opened", "steps": [{"email": "a"}, WAIT, {"email": "end"}]},
    "care": {"when": "customer.purchases > 9", "email": "care"},
}


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """Four clients on 1 June: one rich, one who buys on the 3rd, two who do nothing."""
    bench.rules = rules(SEQ)
    bench.plan("2026-06-01T00:00")
    with write(bench.engine) as connection:
        for name in ("ada", "bo", "cy", "di"):
            key = add_customer(connection, name)
            for day in range(2 if name == "ada" else 0):
                add_purchase(connection, key, f"2026-05-0{day + 1}T10:00")
            add_event(connection, key, "visit.done", "2026-06-01T10:00", {"score": 5})
    bench.send("2026-06-01T10:00")
    bench.plan("2026-06-01T10:01")
    return bench


def _said(bench: Bench, name: str, now: str, campaign: str = "seq") -> str:
    assert bench.rules is not None
    return explain(bench.engine, bench.rules, name, campaign, at(now)).campaigns[0].sentence


def test_it_is_described_without_code() -> None:
    found = rules(SEQ)
    text = describe(found.rulebook.campaigns["seq"], found)
    for phrase in (
        "then wait up to 1 week for", "if it comes: at once “thanks”, then end; else: 1 day later decide once",
        "2 days later “rich”", "for all others: start “care” for them", "then at once “end”", "until they have",
    ):  # fmt: skip
        assert phrase in text, text


def test_explain_says_where_a_client_stands(shop: Bench) -> None:
    assert _said(shop, "bo", "2026-06-02T10:00").startswith("Waits at `bought` for a `purchase` until 2026-06-08 10:00")
    with write(shop.engine) as connection:
        bo = connection.scalar(select(customers.c.id).where(customers.c.external_id == "bo"))
        assert bo is not None
        add_purchase(connection, bo, "2026-06-03T09:00")
        add_event(connection, bo + 2, "complaint.opened", "2026-06-04T09:00", {"about": "x", "score": 1})
    assert shop.send("2026-06-03T09:00") == [("bo", "seq", "thanks")]
    assert _said(shop, "bo", "2026-06-03T10:00").startswith("`thanks` was sent")
    shop.plan("2026-06-04T09:00")
    assert _said(shop, "di", "2026-06-04T10:00").startswith("The sequence ended at `bought`")
    shop.plan("2026-06-08T10:00")
    assert _said(shop, "ada", "2026-06-08T10:00").startswith("Waits at `worth`, which is decided on 2026-06-09 10:00")
    shop.plan("2026-06-09T10:00")
    words = _said(shop, "ada", "2026-06-09T10:01")
    assert "branch `rich`, since `customer.purchases > 1`. `rich` follows on 2026-06-11 10:00" in words
    assert {row["campaign"] for row in shop.ledger("planned") if row["customer"] == "cy"} == {"care", "seq"}
    view = explain(shop.engine, shop.rules, "cy", "seq", at("2026-06-09T10:01")).campaigns[0]  # type: ignore[arg-type]
    assert [row["step"] for row in view.to_json()["decisions"]] == ["bought", "worth", "start-care"]


def test_plan_counts_who_is_in_flight_and_who_is_moved(shop: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.rules is not None
    now = at("2026-06-02T10:00")
    assert plan_now(shop.engine, shop.rules, now).in_flight == {"seq": {"bought": 4}}
    edited = shop.rules.with_campaigns({**SEQ, "seq": {**SEQ["seq"], "steps": [{"email": "a"}, {"email": "end"}]}})
    found = forecast(shop.engine, edited, now, 0).to_json()
    assert found["changes"][0]["moves"] == [{"step": "bought", "to": "end", "clients": 4}]
    assert plan_now(shop.engine, edited, now).changes[0].change.moves[0].words == (
        "4 clients in flight at `bought` go on with `end`"
    )
    print_in_flight({"seq": {"bought": 4}})
    assert "bought" in capsys.readouterr().out
    days = forecast(shop.engine, shop.rules, now, 10).days
    assert sum(day.sent.get("seq", 0) for day in days) == 5  # `rich` once, `end` to all four
    assert sum(day.sent.get("care", 0) for day in days) == 3


def test_a_merged_client_has_each_decision_once_and_an_erased_one_none_open(shop: Bench) -> None:
    with write(shop.engine) as connection:
        keys = dict(connection.execute(select(customers.c.external_id, customers.c.id)).all())
        before = len(connection.execute(select(decisions)).all())
        merge_clients(connection, keys["bo"], keys["cy"], now=at("2026-06-02T10:00"), by="test")
        rights.erase(connection, keys["di"], at("2026-06-02T11:00"))
        assert len(export(connection, keys["bo"])["decisions"]) == 2
    with read(shop.engine) as connection:
        rows = connection.execute(select(decisions)).all()
    assert len(rows) == before
    assert {row.branch for row in rows if row.customer_id == keys["di"]} == {"~ended"}
    assert {row.customer_id for row in rows} == {keys["ada"], keys["bo"], keys["di"]}
    assert shop.send("2026-06-02T12:00") == []
