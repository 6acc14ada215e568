"""The worked example of branches in docs/rules.md: its tests pass, and fail where the example is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.simulation.rule_tests import run_trials
from regulars.workspace.folder import open_workspace
from tests.workspace.folders import SOUND

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("## Sequences that branch")[2].partition("```yaml\n")[2].partition("```")[0]
EMAILS = ("welcome-back", "order-thanks", "personal-offer", "last-day", "come-again")


def _failing(root: Path, example: str) -> list[str]:
    """The names of the example's tests that fail."""
    files = {"campaigns/company.yaml": SOUND["campaigns/company.yaml"], "campaigns/example.yaml": example}
    for email in EMAILS:
        for part in ("body.mjml", "words/en.yaml"):
            text = SOUND[f"templates/emails/hello/{part}"].replace("event.service", "company.name")
            files[f"templates/emails/{email}/{part}"] = text
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    workspace = open_workspace(root)
    assert len(workspace.rulebook.tests) == 4
    return [found.test.name for found in run_trials(workspace) if not found.passed]


def test_the_example_is_right(tmp_path: Path) -> None:
    assert _failing(tmp_path, EXAMPLE) == []


@pytest.mark.parametrize(
    ("old", "new", "failing"),
    [
        ("purchase within 7 days", "purchase within 1 day", "who buys is thanked at once"),
        ("          - exit                          #", "          #", "after thanks it is over"),
        ("> 300", "> 400", "a good client who does not buy gets the personal offer"),
        ("wait: 1 day, ", "wait: 2 days, ", "everybody else a day later"),
    ],
)
def test_its_tests_notice_another_meaning(old: str, new: str, failing: str, tmp_path: Path) -> None:
    assert old in EXAMPLE
    assert failing in _failing(tmp_path, EXAMPLE.replace(old, new, 1))
