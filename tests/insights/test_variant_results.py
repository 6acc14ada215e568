"""The results of variants through the real planner: counted from the draw, compared, and doubted where they must be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from regulars.cli.variant_lines import variant_lines
from regulars.core import ids
from regulars.db.engine import read, write
from regulars.db.tables import assignments, customers
from regulars.insights.campaign_report import report
from regulars.insights.intervals import always_valid_difference
from regulars.insights.variant_results import VariantResults
from tests.common.bench import Bench, at
from tests.common.people import START, add_purchase
from tests.common.rules import rules

TWO: list[dict[str, Any]] = [{"name": "plain"}, {"name": "gift", "words": "gift"}]
RULE: dict[str, Any] = {"on": "visit.done", "email": "mail", "goal": "purchase within 14 days", "variants": TWO}
DRAWN = at("2026-06-10T12:00")
NOW = at("2026-07-10T12:00")


def _in_force(bench: Bench, when: str = "2026-06-01T12:00", **changed: Any) -> None:
    bench.rules = rules({"news": RULE | changed})
    bench.plan(when)


def _drawn(bench: Bench, sizes: dict[str, tuple[int, int]], first: int = 1) -> None:
    """Clients of each group, and how many of them bought in time."""
    number = first
    with write(bench.engine) as connection:
        for arm, (size, reached) in sizes.items():
            people: list[dict[str, Any]] = [
                {
                    "id": n, "external_id": f"c{n}", "uid": f"c{n}", "bucket": ids.bucket(f"c{n}"), "attrs": {},
                    "email": None, "email_hash": None, "created_at": START, "updated_at": START,
                }
                for n in range(number, number + size)
            ]  # fmt: skip
            rows = [
                {"experiment": "news", "mailbox": str(p["id"]), "arm": arm, "at": DRAWN, "customer_id": p["id"]}
                for p in people
            ]
            connection.execute(insert(customers), people)
            connection.execute(insert(assignments), rows)
            for person in people[:reached]:
                add_purchase(connection, person["id"], DRAWN + timedelta(days=1))
            number += size


def _results(bench: Bench, now: Any = NOW, since: Any = None) -> VariantResults:
    assert bench.rules is not None
    with read(bench.engine) as connection:
        found = report(connection, bench.rules.rulebook, now, since=since).campaigns["news"]
    assert found.variants is not None
    assert found.to_json()["variants"] == found.variants.to_json()
    return found.variants


def test_each_is_compared_with_the_first_and_with_the_control_group(bench: Bench) -> None:
    _in_force(bench, holdout="20%")
    _drawn(bench, {"plain": (80, 20), "gift": (80, 40), "control": (40, 8)})
    found = _results(bench)
    assert [(g.name, g.drawn, g.counted.reached, g.share) for g in found.groups] == [
        ("plain", 80, 20, 4000), ("gift", 80, 40, 4000), ("control", 40, 8, 2000),
    ]  # fmt: skip
    pairs = {(one.name, one.against): one for one in found.comparisons}
    assert list(pairs) == [("gift", "plain"), ("plain", "control"), ("gift", "control")]
    assert pairs["gift", "plain"].interval == always_valid_difference(40, 80, 20, 80, error=0.05 / 3)
    assert found.warnings == ()
    whole = report_of(bench)
    assert (whole.written.clients, whole.written.reached, whole.control.clients) == (160, 60, 40)
    lines = list(variant_lines("news", found))
    assert lines[0] == (
        "news: variants, purchase within 14 days: plain 20 of 80 (25.0%), gift 40 of 80 (50.0%),"
        " the control group 8 of 40 (20.0%)"
    )
    assert lines[1].startswith("  gift against plain: +25.0%, between ")
    assert lines[-1] == "  (always-valid 95 % intervals, all 3 together: they hold however often you look)"


def report_of(bench: Bench) -> Any:
    assert bench.rules is not None
    with read(bench.engine) as connection:
        return report(connection, bench.rules.rulebook, NOW).campaigns["news"].lift


def test_nothing_is_counted_before_the_time_for_the_goal_is_over(bench: Bench) -> None:
    _in_force(bench)
    _drawn(bench, {"plain": (10, 5), "gift": (10, 5)})
    found = _results(bench, DRAWN + timedelta(days=13))
    assert [(g.drawn, g.counted.clients) for g in found.groups] == [(10, 0), (10, 0)]
    assert list(variant_lines("news", found))[1] == "  gift against plain: nothing to compare yet"
    assert found.to_json()["comparisons"][0]["interval"] is None


def test_without_a_goal_the_groups_are_only_counted(bench: Bench) -> None:
    _in_force(bench, goal=None)
    _drawn(bench, {"plain": (3, 1), "gift": (2, 0)})
    assert list(variant_lines("news", _results(bench))) == ["news: variants, without a goal: plain 3, gift 2"]


def test_what_is_not_to_be_relied_upon_is_said(bench: Bench) -> None:
    _in_force(bench)
    _drawn(bench, {"plain": (12, 1), "gift": (10, 1)})
    (early,) = _results(bench).warnings
    assert early.startswith("too early to look")
    _drawn(bench, {"plain": (200, 100), "gift": (40, 20), "short": (5, 1), "written": (3, 1)}, first=100)
    uneven, gone = _results(bench).warnings
    assert uneven.startswith("the groups do not have the sizes")
    assert "5 in `short`, 3 in `written`" in gone
    turned = [TWO[0] | {"share": "80%"}, TWO[1]]
    _in_force(bench, "2026-06-11T12:00", variants=turned)
    changed, _ = _results(bench).warnings
    assert "changed on 2026-06-11" in changed
    assert "--since 2026-06-11T12:00Z" in changed
    assert _results(bench, since=at("2026-06-11T12:00")).warnings == ()
    _in_force(bench, "2026-06-12T12:00", variants=[TWO[0] | {"share": "0%"}, TWO[1]])
    assert not any(each.startswith("the groups") for each in _results(bench, since=at("2026-06-10T11:00")).warnings)


@pytest.mark.parametrize("first_look", [True, False])
def test_a_client_counts_once_from_the_first_draw(bench: Bench, first_look: bool) -> None:
    _in_force(bench)
    _drawn(bench, {"plain": (1, 1)})
    with write(bench.engine) as connection:
        later = DRAWN + timedelta(days=2) if first_look else DRAWN - timedelta(days=2)
        row = {"experiment": "news", "mailbox": "another", "arm": "gift", "at": later, "customer_id": 1}
        connection.execute(insert(assignments).values(row))
        assert len(connection.execute(select(assignments)).all()) == 2
    sizes = {group.name: group.drawn for group in _results(bench).groups}
    assert sizes == ({"plain": 1, "gift": 0} if first_look else {"plain": 0, "gift": 1})
    with write(bench.engine) as connection:
        connection.execute(delete(assignments))
    assert [group.drawn for group in _results(bench).groups] == [0, 0]
