"""New products, waves and new values in rule tests, previews and explanations, as authors meet them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from regulars.core.settings import load
from regulars.db.engine import open_engine, write
from regulars.db.tables import metadata
from regulars.explain.explain import explain
from regulars.preview.preview import preview
from regulars.profile import facts
from regulars.workspace.folder import open_workspace
from tests.common.bench import at
from tests.common.people import add_customer, add_product, moment
from tests.common.scratch import run_trials
from tests.common.workspace import write_workspace
from tests.simulation.test_rule_tests import trial

pytestmark = pytest.mark.slow

NEWS: dict[str, Any] = {
    "news": {
        "new": "product",
        "audience": "product.category == 'saws'",
        "waves": [
            {"to": "customer.country == 'EE'", "email": "first"},
            {"wait": "2 working days", "email": "rest"},
        ],
    },
    "tier": {"each": "customer.purchases", "email": "reward"},
}
LINES = {"first": "Come and see {{ product.name }} at {{ product.price | money }}.", "rest": "{{ product.name }}"}
SAW = {"sku": "saw", "name": "Saw 3", "category": "saws", "price": 120, "launched_at": "2026-06-11 15:00"}


def test_a_launch_in_rule_tests(tmp_path: Path) -> None:
    seen = [{**SAW, "category": "gloves"}]
    tests: list[dict[str, Any]] = [
        {"catalogue": [SAW], "customer": {"country": "EE"}, "on": "2026-06-11 15:00",
         "expect": {"news": {"step": "first", "contains": "Saw 3 at €120"}}},
        {"catalogue": [SAW], "customer": {"country": "EE"}, "on": "2026-06-11 14:59", "expect": {"news": "nothing"}},
        {"catalogue": [SAW], "on": "2026-06-15 14:59", "expect": {"news": {"reason": "wave"}}},
        {"catalogue": [SAW], "on": "2026-06-15 15:00", "expect": {"news": {"step": "rest"}}},
        {"catalogue": seen, "on": "2026-06-15 15:00", "expect": {"news": "nothing"}},
        {"catalogue": [SAW], "since": "2026-06-12", "on": "2026-06-15 15:00", "expect": {"news": "nothing"}},
        {"customer": {"purchases": ["2026-06-10", "2026-06-12"]}, "on": "2026-06-12", "expect": {"tier": {}}},
        {"customer": {"purchases": ["2026-06-10", "2026-06-12"]}, "on": "2026-06-13", "expect": {"tier": "nothing"}},
    ]  # fmt: skip
    assert [result.failures for result in trial(tmp_path, NEWS, tests, lines=LINES)] == [[]] * len(tests)


def test_what_a_failed_expectation_says(tmp_path: Path) -> None:
    gloves = [{**SAW, "category": "gloves"}]
    tests = [{"catalogue": gloves, "on": "2026-06-15", "expect": {"news": {}}}]
    failures = trial(tmp_path, NEWS, tests, lines=LINES)[0].failures
    said = "news: expected an email, but none was sent: Not due: `product.category` is 'gloves'."
    assert failures == [f"{said} (`product.category == 'saws'` is not true)"]


def test_preview_and_explain(tmp_path: Path) -> None:
    write_workspace(tmp_path, NEWS, lines=LINES)
    workspace = open_workspace(tmp_path)
    assert run_trials(workspace) == []
    engine = open_engine(f"sqlite:///{tmp_path / 'db.sqlite'}")
    with write(engine) as connection:
        metadata.create_all(connection)
        add_customer(connection, "ada")
        add_product(connection, "old", name="Saw 2", category="saws", launched_at=moment("2026-01-01"))
        add_product(
            connection, "saw", name="Saw 3", category="saws", price=Decimal(120), launched_at=moment("2026-06-11")
        )
        facts.refresh(connection)
    now = at("2026-06-12T09:00")
    shown = preview(
        engine, workspace, "news", customer="ada", step=None, now=now, locale=None, settings=load(tmp_path, {})
    )
    assert ["Saw 3" in one.text for one in shown] == [True, True]
    said = explain(engine, workspace, "ada", "news", now).campaigns[0]
    assert said.sentence.startswith("Not due: the latest product, `saw`, was launched on 2026-06-11 00:00, before")
    assert explain(engine, workspace, "ada", "tier", now).campaigns[0].sentence.startswith("Not due")
    engine.dispose()
