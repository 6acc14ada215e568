"""plan, explain, preview, report, tick: what would happen, and what did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from regulars.core.settings import load
from regulars.db.engine import open_engine, write
from regulars.db.tables import hits, promises
from regulars.delivery.inbox.server import Inbox
from tests.cli.conftest import Project
from tests.common.bench import at
from tests.common.workspace import write_workspace

pytestmark = pytest.mark.slow


def test_the_plan_is_as_published(clients: Project) -> None:
    found = clients.data("plan", "--now", "2026-06-10T12:00")
    assert found["now"] == "2026-06-10T12:00:00+00:00"
    assert found["campaigns"] == {
        "birthday": {"due": 1, "held": {}, "skipped": {"unsubscribed": 1}},
        "thank-you": {"due": 0, "held": {}, "skipped": {}},
        "win-back": {"due": 1, "held": {}, "skipped": {}},
    }
    assert found["changes"] == []


def test_a_plan_writes_nothing(clients: Project) -> None:
    first = clients.data("plan", "--now", "2026-06-10T12:00")
    assert clients.data("plan", "--now", "2026-06-10T12:00") == first
    assert all(not f["due"] and not f["skipped"] for f in clients.data("report")["campaigns"].values())


@pytest.mark.parametrize("columns", ["80", "110"])
def test_the_plan_can_be_read_at_any_width(clients: Project, columns: str) -> None:
    shown = clients.ok("plan", "--now", "2026-06-10T12:00", "--days", "2", COLUMNS=columns)
    assert max(map(len, shown.splitlines())) <= int(columns)
    assert shown.startswith("Plan for 2026-06-10 12:00 (UTC); nothing is written or sent.\n")
    assert "ada@clients.example" in shown
    assert "The days ahead" in shown


def test_night_is_held_until_morning(clients: Project) -> None:
    found = clients.data("plan", "--now", "2026-06-02T03:00Z")
    assert found["campaigns"]["win-back"]["held"] == {"quiet-hours": 1}
    assert "until 2026-06-02 09:00" in clients.ok("plan", "--now", "2026-06-02T03:00Z")


def test_the_plan_says_what_a_changed_rule_does(clients: Project) -> None:
    rule = {"when": "days_since(customer.last_purchase_at) > 80", "backfill": "all", "email": "win-back"}
    write_workspace(clients.root, {"win-back": rule})
    found = clients.data("plan", "--now", "2026-05-30T12:00")
    changed = {change["campaign"]: change["what"] for change in found["changes"]}
    assert changed["win-back"] == "changed"
    assert found["difference"]["win-back"]["gains"] >= 1
    assert "Compared with the rules in force" in clients.ok("plan", "--now", "2026-05-30T12:00")


def test_days_ahead_are_counted_by_day(clients: Project) -> None:
    days = clients.data("plan", "--now", "2026-06-09", "--days", "2")["days"]
    assert [day["day"] for day in days] == ["2026-06-09", "2026-06-10"]
    assert days[1]["campaigns"]["birthday"]["sent"] == 1


@pytest.mark.parametrize("now", ["yesterday", "2026-13-01", "10.06.2026"])
def test_a_time_that_is_none(clients: Project, now: str) -> None:
    result = clients.run("plan", "--now", now)
    assert result.exit_code == 2
    assert f"`{now}` is not a time such as 2026-06-10" in result.stderr


def test_explain_says_why(clients: Project) -> None:
    said = clients.ok("explain", "ada@clients.example", "win-back", "--now", "2026-06-10T12:00")
    assert said.startswith("c-1, 2026-06-10 12:00 (UTC)\n")
    assert "left alone" in said
    found = clients.data("explain", "c-2", "--now", "2026-06-10T12:00")
    assert {"customer", "now", "facts", "campaigns"} <= set(found)
    due = {view["campaign"]: view["due"] for view in found["campaigns"]}
    assert due == {"birthday": False, "thank-you": False, "win-back": True}


def test_explain_somebody_or_something_unknown(clients: Project) -> None:
    assert clients.run("explain", "c-9").stderr == "error: no customer `c-9`\n"
    result = clients.run("explain", "c-1", "winback")
    assert (result.exit_code, "did you mean `win-back`?" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("form", "start"), [("text", "From:    "), ("html", "<!doctype html>"), ("eml", "Date: "), ("json", "{")]
)
def test_preview_in_each_format(clients: Project, form: str, start: str) -> None:
    result = clients.run("preview", "birthday", "--customer", "c-1", "--now", "2026-06-10", "--format", form)
    assert result.exit_code == 0, result.output
    assert result.stdout.lower().startswith(start.lower())


def test_preview_as_data_and_into_files(clients: Project, tmp_path: Path) -> None:
    options = ("--customer", "c-1", "--now", "2026-06-10")
    (email,) = clients.data("preview", "birthday", *options)["emails"]
    keys = {"campaign", "step", "email", "locale", "subject", "preheader", "html", "text", "to", "from"}
    assert keys | {"cc", "variant", "warnings"} == set(email)
    assert email["subject"] == "birthday for c-1"
    written = clients.ok("preview", "birthday", *options, "--format", "html", "--out", str(tmp_path / "out")).split()
    assert Path(written[0]).read_text("utf-8") == email["html"]


def test_tick_sends_once_and_report_counts(clients: Project, tmp_path: Path) -> None:
    with Inbox(tmp_path / "inbox") as inbox:
        first = clients.run("tick", "--now", "2026-06-10T12:00", "--json", REGULARS_SMTP_URL=inbox.url)
        again = clients.run("tick", "--now", "2026-06-10T12:00", REGULARS_SMTP_URL=inbox.url)
        received = sorted(message.recipients[0] for message in inbox.messages())
    assert json.loads(first.stdout)["states"] == {"sent": 2}
    assert again.stdout == "0 new promises; nothing to send\n"
    assert received == ["ada@clients.example", "bo@clients.example"]
    found = clients.data("report", "--now", "2026-06-11")["campaigns"]["birthday"]
    assert found == {
        "due": 0, "held": {}, "skipped": {"unsubscribed": 1}, "sent": 1, "failed": 0, "uncertain": 0, "bounced": 0,
        "soft_bounced": 0, "complained": 0,
    }  # fmt: skip
    assert "1 unsubscribed" in clients.ok("report", COLUMNS="80")


def test_report_names_the_links_that_were_followed(clients: Project, tmp_path: Path) -> None:
    assert "links" not in clients.data("report")["campaigns"]["birthday"]
    with Inbox(tmp_path / "inbox") as inbox:
        clients.run("tick", "--now", "2026-06-10T12:00", REGULARS_SMTP_URL=inbox.url)
    engine = open_engine(str(load(clients.root, {}).database_url))
    with write(engine) as connection:
        query = select(promises.c.id).where(promises.c.campaign == "birthday", promises.c.state == "sent")
        found = {"promise_id": connection.scalar(query), "kind": "click", "at": at("2026-06-10T12:30")}
        rows = [{**found, "link": f"https://shop.example/{n}", "grade": "human" if n else "machine"} for n in range(7)]
        connection.execute(insert(hits), rows)
    engine.dispose()
    document = clients.data("report", "--now", "2026-06-11")["campaigns"]["birthday"]
    assert document["clicks"] == {"human": 1, "unsure": 0, "machine": 0}
    assert [link["link"][-1] for link in document["links"]] == list("1234560")
    assert document["links"][-1] == {"link": "https://shop.example/0", "human": 0, "unsure": 0, "machine": 1}
    assert document["more_links"] == 0
    printed = clients.ok("report", "--now", "2026-06-11")
    assert "  https://shop.example/1: 1; 0 more perhaps; 0 only machines\n" in printed
    assert "https://shop.example/6" not in printed
    assert "  and 2 more links (--json)\n" in printed


def test_report_of_a_period(clients: Project, tmp_path: Path) -> None:
    with Inbox(tmp_path / "inbox") as inbox:
        clients.run("tick", "--now", "2026-06-10T12:00", REGULARS_SMTP_URL=inbox.url)
    before = clients.data("report", "--until", "2026-06-10T11:00", "--now", "2026-06-11")
    after = clients.data("report", "--since", "2026-06-10T11:00", "--now", "2026-06-11")
    assert (before["campaigns"]["birthday"]["sent"], after["campaigns"]["birthday"]["sent"]) == (0, 1)


def test_send_test_goes_to_the_tester_only(clients: Project, tmp_path: Path) -> None:
    with Inbox(tmp_path / "inbox") as inbox:
        arguments = ("send-test", "birthday", "--to", "me@shop.example", "--customer", "c-1", "--json")
        result = clients.run(*arguments, REGULARS_SMTP_URL=inbox.url)
        (message,) = inbox.messages()
    assert json.loads(result.stdout)["sent"][0]["outcome"] == "accepted"
    assert list(message.recipients) == ["me@shop.example"]
    assert clients.data("report")["campaigns"]["birthday"]["sent"] == 0
