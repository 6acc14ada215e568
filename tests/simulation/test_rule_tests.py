"""Rule tests: they pass when the rule is right, and say what was expected, found and why when it is not."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from regulars.core.errors import NotFound
from regulars.simulation.rule_tests import TrialResult, matches
from regulars.workspace.folder import open_workspace
from tests.common.scratch import run_trials
from tests.common.workspace import write_workspace

pytestmark = pytest.mark.slow

BACK = {
    "when": "customer.overdue >= 2 or days_since(customer.last_purchase_at) > 90",
    "again": "after 365 days", "steps": [{"email": "back"}, {"wait": "12 days", "email": "last-day"}],
    "until": "purchase", "holdout": "50%",
}  # fmt: skip
SILENT = {"purchases": ["2026-03-11"]}


def trial(
    root: Path, campaigns: Mapping[str, Any], tests: Sequence[Mapping[str, Any]], **parts: Any
) -> list[TrialResult]:  # fmt: skip
    """Runs the tests in a workspace of their own."""
    write_workspace(root, campaigns, **parts)
    named = [{"name": f"test {number}", **test} for number, test in enumerate(tests)]
    (root / "campaigns" / "tests.yaml").write_text(yaml.safe_dump({"tests": named}, allow_unicode=True), "utf-8")
    return run_trials(open_workspace(root))


def one(root: Path, campaigns: Mapping[str, Any], expect: Any, *, on: str, **test: Any) -> Sequence[str]:
    """Runs one test of the campaign `back`; its failures."""
    parts = test.pop("parts", {})
    return trial(root, campaigns, [{"on": on, "expect": {"back": expect}, **test}], **parts)[0].failures


def test_progress_is_told_after_each_test() -> None:
    seen: list[tuple[int, int]] = []
    workspace = open_workspace(Path(__file__).parents[2])
    results = run_trials(
        workspace, ["ninety days*", "and not a day*"], progress=lambda done, of, _: seen.append((done, of))
    )
    assert [(r.test.name, r.failures) for r in results if not r.passed] == []
    assert len(results) > 1
    assert seen == [(number, len(results)) for number in range(1, len(results) + 1)]


def test_a_starter_rule_that_is_broken_fails(tmp_path: Path) -> None:
    """One of them; tests/starter/test_mutants.py breaks more, and `python -m benchmarks.mutants` every one."""
    shutil.copytree(Path(__file__).parents[2] / "campaigns", tmp_path / "campaigns")
    file = tmp_path / "campaigns" / "meeting-summary.yaml"
    text = file.read_text("utf-8")
    assert "kind: transactional" in text
    file.write_text(text.replace("kind: transactional", "kind: marketing"), "utf-8")
    workspace = open_workspace(tmp_path)
    named = [test.name for test in workspace.rulebook.tests if "meeting-summary" in test.expect]
    failed = [result for result in run_trials(workspace, named) if not result.passed]
    assert failed
    assert all(failure.startswith("meeting-summary: expected") for r in failed for failure in r.failures)


# ---------------------------------------------------------------- what is found


def test_an_email_is_described_by_subject_step_and_text(tmp_path: Path) -> None:
    expect = {"step": "last-day", "subject": "last-day for *", "contains": "Two days left"}
    parts = {"lines": {"last-day": "Two days\n left"}}
    on = "2026-06-22 13:00"  # 91 times 24 hours after midday, and twelve days
    assert one(tmp_path, {"back": BACK}, expect, on=on, customer=SILENT, parts=parts) == []


def test_only_the_day_up_to_the_hour_counts(tmp_path: Path) -> None:
    for on in ("2026-06-10 11:59", "2026-06-11 12:00"):
        assert one(tmp_path, {"back": BACK}, "nothing", on=on, customer=SILENT) == []
    assert one(tmp_path, {"back": BACK}, {"step": "back"}, on="2026-06-10", customer=SILENT) == []


def test_a_failure_says_why_nothing_was_sent(tmp_path: Path) -> None:
    said = one(tmp_path, {"back": BACK}, {"subject": "*"}, on="2026-05-11", customer=SILENT)
    assert len(said) == 1
    assert said[0] == (
        "back: expected an email, but none was sent: Not due: `customer.overdue` is unknown and last bought 61 days"
        " ago; becomes due on 2026-06-10 if they do not buy."
        " (`customer.overdue >= 2 or days_since(customer.last_purchase_at) > 90` is not true)"
    )


def test_a_failure_says_what_was_sent_instead(tmp_path: Path) -> None:
    said = one(tmp_path, {"back": BACK}, "nothing", on="2026-06-10", customer=SILENT)
    assert said == [
        "back: expected nothing, but `back` was sent at 2026-06-10 12:00 with the subject `back for client`"
    ]


def test_a_failure_names_each_thing_that_differs(tmp_path: Path) -> None:
    expect = {"step": "last-day", "subject": "BACK*", "contains": "50 %"}
    said = one(tmp_path, {"back": BACK}, expect, on="2026-06-10", customer=SILENT)
    assert [sentence.split(":")[1].strip()[:40] for sentence in said] == [
        "expected the step `last-day`, but `back`", "expected the subject `BACK*`, but it is ",
        "expected `50 %` in the text of `back`, b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "policy", "customer", "on"),
    [
        ("holdout", {}, SILENT, "2026-06-10"),
        ("quiet-hours", {"quiet_hours": "10:00-09:00"}, SILENT, "2026-06-10 13:00"),
        ("no-address", {}, SILENT | {"email": None}, "2026-06-10"),
        ("cap", {"cap": "1 per 7 days"}, {"purchases": ["2026-03-11", "2026-06-10 11:00"]}, "2026-06-10 12:00"),
    ],
)
def test_a_reason_can_be_expected(
    tmp_path: Path, reason: str, policy: dict[str, Any], customer: dict[str, Any], on: str
) -> None:
    rules: dict[str, Any] = {"back": BACK if reason != "cap" else {"on": "purchase", "email": "back"}}
    rules |= {"first": {"on": "purchase", "priority": 9, "email": "first"}} if reason == "cap" else {}
    expect = {"reason": reason}
    assert one(tmp_path, rules, expect, on=on, customer=customer, parts={"policy": policy}) == []
    assert one(tmp_path, rules, {"reason": "late"}, on=on, customer=customer, parts={"policy": policy}) != []


def test_nobody_is_in_a_control_group_unless_the_test_says_so(tmp_path: Path) -> None:
    many = {f"rule-{n}": BACK | {"priority": n} for n in range(5)}
    tests = [{"on": "2026-06-10", "customer": SILENT, "expect": {name: {"step": "back"} for name in many}}]
    tests += [{"on": "2026-06-10", "customer": SILENT, "expect": {name: {"reason": "holdout"}}} for name in many]
    results = trial(tmp_path, many, tests)
    assert [result.failures for result in results] == [[]] * 6
    assert len(results[0].sent) == 5
    assert {len(result.sent) for result in results[1:]} == {4}


def test_rules_that_came_later_leave_the_past_alone(tmp_path: Path) -> None:
    test = {"since": "2026-06-15", "customer": SILENT}
    assert one(tmp_path, {"back": BACK}, "nothing", on="2026-06-15", **test) == []
    said = one(tmp_path, {"back": BACK}, {}, on="2026-06-15", **test)
    assert "was past it when the rule came into force on 2026-06-15" in said[0]
    backfilled = {"back": BACK | {"backfill": "all"}}
    assert one(tmp_path, backfilled, {"step": "back"}, on="2026-06-15", **test) == []


def test_the_clients_own_clock_counts(tmp_path: Path) -> None:
    campaigns = {"back": {"every": "year since customer.birthday", "email": "back"}}
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"):
        customer = {"timezone": zone, "birthday": "1990-06-10"}
        assert one(tmp_path, campaigns, "nothing", on="2026-06-10 09:59", customer=customer) == []
        assert one(tmp_path, campaigns, {}, on="2026-06-10 10:00", customer=customer) == []


def test_instants_in_events_are_the_clients_clock_too(tmp_path: Path) -> None:
    campaigns = {
        "back": {"on": "visit.booked", "audience": "event.starts_at > event.at and days_until(event.starts_at) == 1",
                 "email": "back"}
    }  # fmt: skip
    write_workspace(tmp_path, campaigns)
    company = yaml.safe_load((tmp_path / "campaigns" / "company.yaml").read_text("utf-8"))
    company["events"]["visit.booked"] = {"starts_at": "instant"}
    (tmp_path / "campaigns" / "company.yaml").write_text(yaml.safe_dump(company), "utf-8")
    events = [{"name": "visit.booked", "at": "2026-06-10 09:00", "data": {"starts_at": "2026-06-11 09:30"}}]
    tests = [
        {"name": "far east", "customer": {"timezone": "Asia/Tokyo"}, "events": events, "on": "2026-06-10",
         "expect": {"back": {}}},
    ]  # fmt: skip
    (tmp_path / "campaigns" / "tests.yaml").write_text(yaml.safe_dump({"tests": tests}), "utf-8")
    assert run_trials(open_workspace(tmp_path))[0].failures == []


# ---------------------------------------------------------------- choosing


def test_tests_are_chosen_by_pattern(tmp_path: Path) -> None:
    tests = [{"name": name, "on": "2026-06-10", "customer": SILENT} for name in ("first", "first again", "second")]
    trial(tmp_path, {"back": BACK}, tests)
    workspace = open_workspace(tmp_path)
    assert [result.test.name for result in run_trials(workspace, ["first*"])] == ["first", "first again"]
    assert [result.test.name for result in run_trials(workspace, ["second"])] == ["second"]
    with pytest.raises(NotFound, match="no test `secondd`; did you mean `second`"):
        run_trials(workspace, ["secondd"])


def test_patterns_hold_stars_and_question_marks_only() -> None:
    assert matches("[Ana] 50 % off", "[Ana]*%*")
    assert matches("Ana", "An?")
    assert not matches("ana", "Ana")
    assert not matches("A", "[Ana]")


# ---------------------------------------------------------------- more that can be expected

THANKS = {"on": "visit.done", "email": "thanks", "goal": "purchase within 10 days"}
VISIT = {"name": "visit.done", "at": "2026-06-01 12:00"}


@pytest.mark.parametrize(
    ("bought", "expected"),
    [("2026-06-11 11:59", "met"), ("2026-06-11 12:01", "missed"), ("2026-06-01 11:59", "missed")],
)
def test_a_goal_is_met_within_its_time_after_the_email(tmp_path: Path, bought: str, expected: str) -> None:
    client = {"purchases": [bought]}
    other = "missed" if expected == "met" else "met"
    tests = [{"customer": client, "events": [VISIT], "on": "2026-06-20", "expect": {"back": {"goal": goal}}}
             for goal in (expected, other)]  # fmt: skip
    right, wrong = trial(tmp_path, {"back": THANKS}, tests)
    assert right.failures == []
    assert wrong.failures == [
        f"back: expected that its goal is {other}, but `purchase within 10 days` was {expected}"
    ]  # fmt: skip


def test_a_goal_can_only_be_judged_when_its_time_is_over(tmp_path: Path) -> None:
    test = {"customer": {}, "events": [VISIT], "on": "2026-06-05", "expect": {"back": {"goal": "missed"}}}
    assert "no email went" in trial(tmp_path, {"back": THANKS}, [test])[0].failures[0]


def test_what_was_heard_of_late_goes_only_while_it_is_of_use(tmp_path: Path) -> None:
    rule = {"on": "visit.done", "email": "thanks", "kind": "transactional", "send": "within 2 hours"}
    tests = [
        {"events": [{**VISIT, "heard": heard}], "on": "2026-06-01 18:00", "expect": {"back": expect}}
        for heard, expect in (("2026-06-01 13:59", {}), ("2026-06-01 14:01", {"reason": "late"}))
    ]
    assert [result.failures for result in trial(tmp_path, {"back": rule}, tests)] == [[], []]


def test_the_place_in_the_draw_decides_about_the_control_group(tmp_path: Path) -> None:
    rule = {"on": "visit.done", "email": "thanks", "holdout": "10%"}
    tests = [
        {"events": [VISIT], "on": "2026-06-01", "expect": {"back": {"draw": draw, **more}}}
        for draw, more in (("9.99%", {"reason": "holdout"}), ("10%", {}), ("10%", {"reason": "holdout"}))
    ]
    inside, outside, wrong = trial(tmp_path, {"back": rule}, tests)
    assert (inside.failures, outside.failures) == ([], [])
    assert wrong.failures


def test_the_winner_of_the_cap_and_the_rank_are_expected_by_name(tmp_path: Path) -> None:
    campaigns = {
        name: {"on": "visit.done", "email": name, "priority": priority}
        for name, priority in (("back", 1), ("high", 2), ("other", 1))
    }
    tests = [
        {"events": [VISIT], "on": "2026-06-01", "expect": {"back": {"reason": "cap", "winner": winner}}}
        for winner in ("high", "other")
    ] + [
        {"events": [VISIT], "on": "2026-06-01", "expect": {"high": {"outranks": outranks}}}
        for outranks in ("back", ["back", "other"])
    ] + [{"on": "2026-06-01", "expect": {"back": {"outranks": "high"}}}]  # fmt: skip
    right, wrong, one, two, reverse = trial(tmp_path, campaigns, tests, policy={"cap": "1 per 7 days"})
    assert (right.failures, one.failures, two.failures) == ([], [], [])
    assert wrong.failures == ["back: expected that `other` goes instead, but `high` does"]
    assert reverse.failures == ["back: expected that it goes before `high`, but `high` goes first"]


def test_the_coupon_is_expected_by_its_parts(tmp_path: Path) -> None:
    rule = {"on": "visit.done", "email": "thanks", "offer": {"coupon": {"percent": 20, "uses": 3}}}
    tests = [
        {"events": [VISIT], "on": "2026-06-01", "expect": {"back": {"coupon": coupon}}}
        for coupon in ({"percent": 20, "uses": 3}, {"uses": 1}, {"gift": "soap"})
    ]
    right, uses, gift = trial(tmp_path, {"back": rule}, tests)
    assert right.failures == []
    assert uses.failures == ["back: expected a coupon with `uses: 1`, but it has `3`"]
    assert gift.failures == ["back: expected a coupon with `gift: soap`, but it has `None`"]
