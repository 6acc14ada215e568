"""`pause`, `resume`, `cancel` and `pauses`: who stopped what and why is told everywhere until somebody resumes it."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Project
from tests.common.smtp import Inbox
from tests.common.workspace import write_company

pytestmark = pytest.mark.slow

NEWS = {"at": "2026-06-01 10:00", "email": "news", "backfill": "all"}
NOW = ("--now", "2026-06-01T12:00")
ANNA = {"REGULARS_WHO": "anna"}


def _news(inbox: Inbox) -> int:
    return sum(str(one.message["Subject"]).startswith("news") for one in inbox.messages)


def test_a_pause_is_told_everywhere_until_it_is_resumed(clients: Project, smtp_inbox: Inbox) -> None:
    clients.rule("news", **NEWS)
    clients.ok("tick", "--now", "2026-06-01T09:00", REGULARS_SMTP_URL=smtp_inbox.url)
    paused = clients.ok("pause", "news", "--why", "a wrong price", **ANNA)
    assert "`news` is paused since 20" in paused
    assert "by anna: a wrong price; `regulars resume news` lets it go on" in " ".join(paused.split())
    assert "0 emails planned or held" in paused
    assert clients.ok("pause", "news", REGULARS_WHO="bo").startswith("already: `news` is paused since 20")
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    assert _news(smtp_inbox) == 0
    (warning,) = clients.data("report", *NOW)["warnings"]
    assert warning.startswith("`news` is paused since 20")
    assert clients.data("report", *NOW)["campaigns"]["news"]["held"] == {"halted": 3}
    assert clients.data("plan", *NOW)["warnings"] == [warning]
    assert "warning: `news` is paused since 20" in clients.ok("plan", *NOW)
    (pause,) = clients.data("pauses")["pauses"]
    assert (pause["who"], pause["why"], pause["resume"]) == ("anna", "a wrong price", "regulars resume news")
    (view,) = clients.data("explain", "c-1", "news", *NOW)["campaigns"]
    assert view["sentence"] == f"`news` waits: {warning}, or skips it if it is too late by then."
    resumed = clients.ok("resume", "news", **ANNA)
    assert resumed == "`news` goes on: 3 emails planned or held; what is too late by now will be skipped\n"
    assert clients.ok("pauses") == "nothing is paused\n"
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    assert _news(smtp_inbox) == 2  # the third client has not agreed to any


def test_all_and_a_lane_stop_what_is_planned(clients: Project, smtp_inbox: Inbox) -> None:
    clients.rule("news", **NEWS)
    clients.ok("pause", "--lane", "default", **ANNA)
    clients.ok("pause", "--all", "--why", "a fire", **ANNA)
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    (view,) = clients.data("explain", "c-1", "news", *NOW)["campaigns"]
    assert view["sentence"].startswith("Due now: `news` may go, but everything is paused since 20")
    left = clients.data("resume", "--all")["still_paused"]
    assert [one["resume"] for one in left] == ["regulars resume --lane default"]
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    assert smtp_inbox.messages == []
    clients.ok("resume", "--lane", "default")
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    assert _news(smtp_inbox) == 2  # the third client has not agreed to any


def test_cancel_asks_with_the_number_and_records_who(clients: Project, smtp_inbox: Inbox) -> None:
    clients.rule("news", **NEWS)
    clients.ok("pause", "news", **ANNA)
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    asked = clients.run("cancel", "news", **ANNA)
    assert asked.exit_code == 1
    assert "Skip 3 emails of `news`? This cannot be undone" in asked.output
    assert clients.ok("cancel", "news", "--yes", "--why", "too old", **ANNA) == "3 emails of `news` skipped\n"
    assert clients.ok("cancel", "news", "--yes") == "nothing of `news` is planned or held\n"
    assert clients.data("report", *NOW)["campaigns"]["news"]["skipped"] == {"called-off": 3}
    clients.ok("resume", "news")
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    assert _news(smtp_inbox) == 0
    (view,) = clients.data("explain", "c-1", "news", *NOW)["campaigns"]
    assert "it was called off by hand (anna: too old)" in view["sentence"]


def test_a_faulty_rule_file_keeps_nobody_from_pausing(clients: Project) -> None:
    clients.ok("tick", "--now", "2026-01-01")
    clients.file("campaigns/faulty.yaml", "campaigns: [")
    assert clients.run("pause", "--all").exit_code == 0
    assert clients.run("pause", "birthday").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        (("pause", "birthdya"), "no campaign `birthdya`; did you mean `birthday`?", 1),
        (("pause", "--lane", "defualt"), "no lane `defualt`; did you mean `default`?", 1),
        (("pause",), "name one campaign, or one lane with --lane, or --all", 2),
        (("cancel", "birthday", "--all"), "name one campaign, or one lane with --lane, or --all", 2),
    ],
)
def test_what_is_meant_must_be_clear(clients: Project, arguments: tuple[str, ...], told: str, code: int) -> None:
    result = clients.run(*arguments)
    assert result.exit_code == code
    assert told in result.output


def test_json_for_machines(clients: Project) -> None:
    found = json.loads(clients.ok("pause", "--all", "--json", **ANNA))
    assert found["paused"]["scope"] == "all"
    assert (found["fresh"], found["open"], found["sending"]) == (True, 0, 0)


def test_a_guard_is_told_with_its_numbers_and_the_way_on(clients: Project, smtp_inbox: Inbox) -> None:
    clients.rule("news", **NEWS, guard={"render_errors": "50% of 3"})
    body = clients.root / "templates" / "emails" / "news" / "body.mjml"
    body.write_text(body.read_text("utf-8").replace("We thought", "{{ 1 // (customer.purchases - 1) }} We thought"))
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    assert _news(smtp_inbox) == 0
    (warning,) = clients.data("report", *NOW)["warnings"]
    assert "by a guard: 2 of the last 2 emails could not be rendered; the limit is 50% of 3" in warning
    assert warning.endswith("`regulars resume news` lets it go on")
    (pause,) = clients.data("pauses")["pauses"]
    assert (pause["who"], pause["by_guard"]) == ("guard", True)


def test_plan_tells_of_a_canary_and_of_what_a_guard_would_stop(clients: Project) -> None:
    clients.rule("news", **NEWS, canary="1, then wait 30 minutes")
    assert clients.data("plan", *NOW)["campaigns"]["news"]["held"] == {"canary": 1}
    described = " ".join(clients.ok("describe", "news").split())
    assert "After a change 1 go first, and the rest 30 minutes later." in described


def test_a_canary_by_hand(clients: Project, smtp_inbox: Inbox) -> None:
    rule = NEWS | {"at": ["2026-06-01 10:00", "2026-06-02 10:00"]}
    clients.rule("news", **rule, canary="1, then wait 30 minutes")
    refused = clients.run("canary", "news")
    assert (refused.exit_code, "is not in force yet" in refused.output) == (1, True)
    assert "the rules give `birthday` no canary" in clients.run("canary", "birthday").output
    for now in ("2026-06-01T12:00", "2026-06-01T13:00"):
        clients.ok("tick", "--now", now, REGULARS_SMTP_URL=smtp_inbox.url)
    assert _news(smtp_inbox) == 2
    assert clients.ok("canary", "news") == "of the next emails of `news` 1 go first, the rest 30 minutes later\n"
    clients.ok("tick", "--now", "2026-06-02T12:00", REGULARS_SMTP_URL=smtp_inbox.url)
    assert _news(smtp_inbox) == 3


MANY = 160
GUARDED = {"quiet_hours": "20:00-09:00", "guard": {"volume": "3x usual"}}


def _many_clients(project: Project) -> None:
    rows = "".join(f"n-{number},n{number}@clients.example,{number % 28 + 1}\n" for number in range(MANY))
    project.ok("import", "customers", str(project.file("many.csv", f"id,email,points\n{rows}")))


def test_the_guard_of_volume_lets_through_what_was_shown_and_approved_at_apply(
    clients: Project, smtp_inbox: Inbox
) -> None:
    write_company(clients.root, {**GUARDED, "apply": "manual"})
    clients.ok("apply", "--auto-approve", "--most", "500")
    _many_clients(clients)
    clients.rule("hello", when="customer.email != ''", email="hello", kind="transactional", backfill="all")
    refused = clients.run("apply", "--auto-approve", "--most", "150", "--days", "2")
    assert "this change reaches 163 clients, more than 150" in refused.output
    clients.ok("apply", "--auto-approve", "--most", "500", "--days", "2")
    clients.ok("tick", REGULARS_SMTP_URL=smtp_inbox.url)
    assert clients.ok("pauses") == "nothing is paused\n"


def test_a_saved_rule_that_reaches_as_many_is_stopped(clients: Project, smtp_inbox: Inbox) -> None:
    write_company(clients.root, GUARDED)
    _many_clients(clients)
    clients.ok("tick", REGULARS_SMTP_URL=smtp_inbox.url)
    clients.rule("hello", when="customer.email != ''", email="hello", kind="transactional", backfill="all")
    clients.ok("tick", REGULARS_SMTP_URL=smtp_inbox.url)
    (pause,) = clients.data("pauses")["pauses"]
    assert "163 became due on one day" in pause["why"]
    assert pause["by_guard"] is True
