"""The rule tests of the starter notice what is changed in its rules: a part of `python -m benchmarks.mutants`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from regulars.workspace.folder import Workspace, open_workspace
from tests.starter.mutants import judge, mutants, speaking_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return open_workspace(ROOT)


def test_each_part_of_a_rule_is_changed_in_turn(workspace: Workspace) -> None:
    found = [mutant.change for mutant in mutants(workspace, ROOT, "win-back")]
    when = "when: customer.overdue >= 2 or days_since(customer.last_purchase_at) > 90 → "
    assert {
        f"{when}customer.overdue > 2 or days_since(customer.last_purchase_at) > 90",
        f"{when}customer.overdue < 2 or days_since(customer.last_purchase_at) > 90",
        f"{when}customer.overdue >= 3 or days_since(customer.last_purchase_at) > 90",
        f"{when}customer.overdue >= 2 and days_since(customer.last_purchase_at) > 90",
        f"{when}customer.overdue >= 2 or days_since(customer.last_purchase_at) > 89",
        "again: after 365 days → after 364 days", "percent: 50 → 49", "valid: 14 days → 15 days", "uses: 1 → 2",
        "wait: 12 days → 11 days", "holdout: 10% → 9%", "goal: purchase within 14 days → purchase within 13 days",
    } <= set(found)  # fmt: skip
    assert any("not did('complaint.opened', within='31 days')" in change for change in found)
    assert any(change.endswith("and did('complaint.opened', within='30 days')") for change in found)
    assert any(change.startswith("until: purchase → ") for change in found)
    assert len(found) == len(set(found))


def test_a_place_is_a_line_of_the_file(workspace: Workspace) -> None:
    for mutant in mutants(workspace, ROOT, "birthday"):
        file, line = mutant.place.split(":")
        written = (ROOT / "campaigns" / file).read_text("utf-8").splitlines()[int(line) - 1]
        assert str(mutant.loc[-1]) in written


@pytest.mark.parametrize("campaign", ["meeting-summary", "thank-you"])
def test_no_change_goes_unnoticed(workspace: Workspace, campaign: str) -> None:
    verdicts = judge(workspace, ROOT, campaign)
    assert len(verdicts) >= 4
    assert [each.mutant.change for each in verdicts if each.noticed_by is None] == []


def test_a_rule_without_tests_is_changed_unnoticed(workspace: Workspace) -> None:
    untested = replace(workspace, rulebook=replace(workspace.rulebook, tests=()))
    assert speaking_of(untested, "thank-you") == []
    assert all(each.noticed_by is None for each in judge(untested, ROOT, "thank-you"))
