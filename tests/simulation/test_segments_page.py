"""The worked example of segments in docs/rules.md: its tests pass, and fail where the example is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.simulation.rule_tests import run_trials
from regulars.workspace.folder import open_workspace
from tests.workspace.folders import SOUND

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("## Segments")[2].partition("```yaml\n")[2].partition("```")[0]


def _failing(root: Path, example: str) -> list[str]:
    """The names of the example's tests that fail."""
    files = {"campaigns/company.yaml": SOUND["campaigns/company.yaml"], "campaigns/example.yaml": example}
    for email in ("win-back", "best-no-longer"):
        for part in ("body.mjml", "words/en.yaml"):
            text = SOUND[f"templates/emails/hello/{part}"].replace("event.service", "company.name")
            files[f"templates/emails/{email}/{part}"] = text
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    workspace = open_workspace(root)
    assert len(workspace.rulebook.tests) == 3
    return [found.test.name for found in run_trials(workspace) if not found.passed]


def test_the_example_is_right(tmp_path: Path) -> None:
    assert _failing(tmp_path, EXAMPLE) == []


@pytest.mark.parametrize(
    ("old", "new", "failing"),
    [
        ("customer.purchases >= 2", "customer.purchases >= 1", "one purchase is not missed"),
        ("when: left_segment('best')", "when: in_segment('best')", "a large purchase that is a year old"),
        ("> 90", "> 99", "two purchases, then three months of silence"),
    ],
)
def test_its_tests_notice_another_meaning(old: str, new: str, failing: str, tmp_path: Path) -> None:
    assert failing in _failing(tmp_path, EXAMPLE.replace(old, new, 1))
