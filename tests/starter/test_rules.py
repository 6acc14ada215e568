"""The starter's rule files: sound, each play with its tests, and described as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regulars.core.calendar import LeapDay
from regulars.core.holidays import first_of
from regulars.rules.loader import load
from regulars.rules.model import Kind, Rulebook
from regulars.workspace.folder import Workspace, open_workspace
from tests.common.scratch import run_trials

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PLAYS = (
    "accessories",
    "appointment-reminder",
    "ask-advice",
    "birthday",
    "client-anniversary",
    "complaint-followup",
    "confirm-subscription",
    "holiday-greeting",
    "loyalty-reward",
    "maintenance",
    "materials-requested",
    "meeting-summary",
    "new-arrivals",
    "next-purchase",
    "personal-note",
    "price-list",
    "product-check-in",
    "quality-survey",
    "rebooking",
    "referral-thanks",
    "refusal-reason",
    "regulars-list",
    "service-slip",
    "thank-you",
    "visit-cancelled",
    "visit-move",
    "win-back",
    "your-data",
)
PARTS = {  # further campaigns of a play, and those that write to managers, by the file they stand in
    "complaint-resolved": "complaint-followup",
    "complaint-unresolved": "complaint-followup",
    "key-client-at-risk": "staff",
    "materials-due": "materials-requested",
    "request-unanswered": "staff",
    "unhappy-answer": "staff",
}


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    loaded = load(ROOT / "campaigns")
    assert not loaded.diagnostics
    assert loaded.rulebook is not None
    return loaded.rulebook


def test_the_plays_are_there(rulebook: Rulebook) -> None:
    assert set(rulebook.campaigns) == {*PLAYS, *PARTS}
    for name in rulebook.campaigns:
        source = rulebook.spans["campaigns", name].path
        assert Path(source).name == f"{PARTS.get(name, name)}.yaml"


@pytest.mark.parametrize("play", [*PLAYS, *PARTS])
def test_each_play_says_what_it_is_for_and_is_tested_both_ways(rulebook: Rulebook, play: str) -> None:
    assert rulebook.campaigns[play].about
    expected = [test.expect[play] for test in rulebook.tests if play in test.expect]
    assert len(expected) >= 3
    assert "nothing" in expected
    assert any(outcome != "nothing" for outcome in expected)


def test_every_email_is_used_and_every_step_has_one(rulebook: Rulebook) -> None:
    folders = {p.parent.name for p in (ROOT / "templates" / "emails").glob("*/body.mjml")}
    assert folders == {step.email for campaign in rulebook.campaigns.values() for step in campaign.all_steps}


def test_only_what_the_client_asked_for_passes_by_consent(rulebook: Rulebook) -> None:
    transactional = [c.name for c in rulebook.campaigns.values() if c.kind is Kind.TRANSACTIONAL]
    staff = [c.name for c in rulebook.campaigns.values() if c.to == "manager"]
    service = {
        "appointment-reminder",
        "confirm-subscription",
        "complaint-followup",
        "complaint-resolved",
        "materials-requested",
        "meeting-summary",
        "service-slip",
        "your-data",
    }
    assert set(transactional) == {*service, *staff}


def test_the_page_of_plays_tells_the_truth(rulebook: Rulebook) -> None:
    page = (ROOT / "docs" / "plays.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[`([a-z-]+)`\]", page, re.MULTILINE)) == {*PLAYS, *PARTS}
    order = [f"{c.name} {c.priority}" for c in rulebook.by_priority if c.priority]
    assert ", ".join(order) in " ".join(page.split())
    assert (ROOT / "docs" / "images" / "starter.png").stat().st_size < 400_000


@pytest.mark.parametrize(
    ("country", "name"),
    [
        ("EE", "Midsummer Day"), ("MD", "Easter"), ("PT", "Day of Portugal, Camões, and the Portuguese Communities"),
        ("RO", "Easter"), ("US", "Thanksgiving Day"),
    ],
)  # fmt: skip
def test_clients_are_greeted_on_a_public_holiday_of_their_country(rulebook: Rulebook, country: str, name: str) -> None:
    """By another source; Ukraine keeps no public holidays while martial law is in force, and so is not in it."""
    day = rulebook.calendars["greeting-day"]
    for year in range(2024, 2032):
        assert day.on(country, year, LeapDay.FEB_28) == first_of(country, name, year)


TESTED = [path.stem for path in sorted((ROOT / "campaigns").glob("*.yaml")) if "\ntests:" in path.read_text("utf-8")]


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return open_workspace(ROOT)


@pytest.mark.parametrize("file", TESTED)
def test_the_starters_own_tests_pass(workspace: Workspace, file: str) -> None:
    """One rule file at a time, so that processes share the work."""
    book = workspace.rulebook
    placed = {index: book.spans["tests", index].path for index in range(len(book.tests))}
    names = [book.tests[index].name for index, path in placed.items() if Path(path).stem == file]
    assert names
    results = run_trials(workspace, names)
    assert [(result.test.name, list(result.failures)) for result in results if not result.passed] == []
