"""`report --revenue` and `--cohorts`: the same figures as table, chart, CSV, SVG and JSON, within 80 columns."""

from __future__ import annotations

import csv
import io
import os
import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import insert, select

from regulars.core.settings import load
from regulars.db.engine import open_engine, write
from regulars.db.tables import assignments, consent_log, customers, hits, notifications, promises
from tests.cli.conftest import Project
from tests.common import people
from tests.common.bench import at
from tests.common.workspace import write_workspace

SENT = at("2026-05-02T10:00")
NOW = "2026-06-20"
PAGE = Path(__file__).parents[2] / "docs" / "report.md"


def _promise(campaign: str, step: str, client: int, days: float, number: int) -> dict[str, Any]:
    at_ = SENT + timedelta(days=days)
    return {
        "id": number, "campaign": campaign, "step": step, "customer_id": client, "occurrence": "o", "state": "sent",
        "kind": "marketing", "rule": "r",
        **dict.fromkeys(("due_at", "expires_at", "next_at", "created_at", "settled_at"), at_),
    }  # fmt: skip


def _fill(url: str) -> None:
    """Ten clients, of whom two are held out; what each bought, in days after the first email."""
    bought: dict[int, list[tuple[float, int]]] = {
        1: [(1, 20)], 2: [(5, 30), (40, 8)], 3: [(-2, 99), (2.5, 12)], 9: [(3, 10)], 5: [(1, -4)],
    }  # fmt: skip
    engine = open_engine(url)
    with write(engine) as connection:
        rows = connection.execute(select(customers.c.id, customers.c.email_hash).order_by(customers.c.id)).all()
        keys, boxes = zip(*rows, strict=True)
        drawn = [
            {"experiment": "win-back", "mailbox": boxes[n - 1], "at": SENT,
             "arm": "control" if n > 8 else "written", "customer_id": keys[n - 1]}
            for n in range(1, 11)
        ]  # fmt: skip
        connection.execute(insert(assignments), drawn)
        mail = [_promise("win-back", "win-back", keys[n - 1], 0, n) for n in range(1, 9)]
        mail += [_promise("win-back", "last-day", keys[n - 1], 3, 10 + n) for n in range(1, 5)]
        mail += [_promise("news", "win-back", keys[n - 1], 2, 20 + n) for n in (1, 2, 3)]
        connection.execute(insert(promises), mail)
        for client, buys in bought.items():
            for days, amount in buys:
                people.add_purchase(connection, keys[client - 1], SENT + timedelta(days=days), amount=Decimal(amount))
        connection.execute(
            insert(consent_log),
            {"customer_id": keys[3], "topic": "marketing", "granted": False, "at": SENT, "source": "link",
             "detail": {"promise": 14, "campaign": "win-back"}},
        )  # fmt: skip
        connection.execute(
            insert(hits),
            [{"promise_id": 1, "kind": "click", "link": "book", "at": SENT, "grade": grade, "told": True}
             for grade in ("human", "human", "machine")],
        )  # fmt: skip
        connection.execute(
            insert(notifications),
            {
                "digest": "d",
                "promise_id": 2,
                "campaign": "win-back",
                "kind": "complaint",
                "reason": "",
                "source": "test",
                "at": SENT,
                "received_at": SENT,
            },
        )
        for name in ("survey/nps/1", "from-elsewhere-2"):
            people.add_event(connection, keys[0], "survey.answered", SENT, {"survey": "nps"}, external_id=name)
    engine.dispose()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The worked example of docs/report.md."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    root = write_workspace(tmp_path_factory.mktemp("shop"), yaml.load(block, Loader=yaml.BaseLoader)["campaigns"])
    project = Project(root)
    clients = "".join(f"c-{n},c-{n}@client.example,yes\n" for n in range(1, 11))
    project.ok("import", "customers", str(project.file("clients.csv", f"id,email,consent\n{clients}")))
    project.ok("tick", "--now", "2026-01-01")
    _fill(str(load(root, {}).database_url))
    return project


def test_what_followed_as_a_table_within_80_columns(shop: Project) -> None:
    text = shop.ok("report", "--revenue", "--chart", "--now", NOW, COLUMNS="80")
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(text.split())
    assert "It need not be the email's effect: that shows only against a control group" in words
    assert "win-back purchase 12 3 (25.0%) 46.00 EUR 4 58.00 EUR within 14 days" in words
    assert "Together, each event once, by the last email: 4 of 4 mailboxes; 58.00 EUR" in words
    assert "The campaigns' own claims add up to 6; 100.00 EUR" in words
    assert "win-back: purchase within 14 days: 4 of 8 written to, 1 of 2 held out" in words
    assert "EUR for each mailbox: 7.25 of 8 written to, 5.00 of 2 held out; +2.25" in words
    assert "over all written to +18.00" in words
    assert "too early to look at amounts" in words
    bar = next(line for line in text.splitlines() if line.startswith("win-back  "))
    assert bar.endswith("46.00 EUR")
    assert "█" in bar


def test_what_followed_as_csv_by_step(shop: Project) -> None:
    rows = list(csv.DictReader(io.StringIO(shop.ok("report", "--by", "step", "--csv", "--now", NOW))))
    first = next(row for row in rows if (row["campaign"], row["part"]) == ("win-back", "win-back"))
    wanted = {
        "emails": "8", "mailboxes": "", "open": "0", "claimed_events": "3", "clicked": "1", "answered": "1",
        "unsubscribed": "0", "complained": "1",
    }  # fmt: skip
    assert {name: first[name] for name in wanted} == wanted
    assert Decimal(first["claimed_value_EUR"]) == 28
    last = next(row for row in rows if row["part"] == "last-day")
    assert (last["emails"], last["claimed_events"], last["unsubscribed"]) == ("4", "1", "1")


def test_what_followed_as_data(shop: Project) -> None:
    found = shop.data("report", "--revenue", "--now", NOW)
    assert found["attribution"] == "last email"
    assert found["total"]["values"] == [{"currency": "EUR", "sum": "58"}]
    win_back = next(each for each in found["goals"] if each["campaign"] == "win-back")
    assert win_back["arms"]["written"]["emails"] == 12
    assert found["effects"][0]["values"][0]["control"]["total"] == 10
    emails = shop.data("report", "--by", "email", "--now", NOW)["rows"]
    assert [(row["part"], row["campaign"], row["emails"]) for row in emails] == [
        ("last-day", "win-back", 4), ("win-back", "news", 3), ("win-back", "win-back", 8),
    ]  # fmt: skip
    months = shop.data("report", "--by", "month", "--since", "2026-05-03", "--now", NOW)["rows"]
    assert [(row["part"], row["campaign"], row["emails"]) for row in months] == [
        ("2026-05", "news", 3), ("2026-05", "win-back", 4),
    ]  # fmt: skip


def test_a_chart_as_svg_says_what_it_shows(shop: Project, tmp_path: Path) -> None:
    file = tmp_path / "chart.svg"
    assert f"The chart is in {file}." in shop.ok("report", "--by", "arm", "--svg", str(file), "--now", NOW)
    picture = ET.fromstring(file.read_text(encoding="utf-8"))
    words = ["".join(each.itertext()) for each in picture.iter() if each.tag.endswith(("title", "desc", "text"))]
    assert "After emails: value in EUR" in words
    assert any("the last email before counts" in each for each in words)
    assert "win-back written" in words


def test_cohorts(shop: Project, tmp_path: Path) -> None:
    text = shop.ok("report", "--cohorts", "email", "--chart", "--now", NOW, COLUMNS="80")
    assert max(map(len, text.splitlines())) <= 80
    assert "2026-05 8 4 (50.0%) 66.00 EUR 50% 12%" in " ".join(text.split())
    found = shop.data("report", "--cohorts", "purchase", "--now", NOW)["cohorts"]
    assert [(each["month"], each["mailboxes"], each["came_back"]) for each in found] == [
        ("2026-04", 1, 1), ("2026-05", 4, 1),
    ]  # fmt: skip
    file = tmp_path / "cohorts.svg"
    lines = shop.ok("report", "--cohorts", "purchase", "--csv", "--svg", str(file), "--now", NOW).splitlines()
    assert lines[0] == "cohort,clients,came_back,months_after,buyers,currency,value"
    assert "2026-05,4,1,1,1,EUR,8" in lines
    assert "25.0% of 4" in file.read_text(encoding="utf-8")
    assert shop.data("report", "--cohorts", "email", "--now", "2026-01-02")["cohorts"] == []


def test_explain_shows_what_followed(shop: Project) -> None:
    words = " ".join(shop.ok("explain", "c-3", "news", "--now", NOW).split())
    assert "followed: purchase p-" in words
    assert "after `win-back`, 12.00 EUR" in words
    document = shop.data("explain", "c-3", "--now", NOW)["campaigns"]
    followed = {each["campaign"]: each["followed"] for each in document}
    assert [(one["value"], one["is_last"]) for one in followed["win-back"]] == [("12", False)]
    assert [(one["value"], one["is_last"]) for one in followed["news"]] == [("12", True)]


@pytest.mark.parametrize(
    "options", [["--revenue", "--cohorts", "email"], ["--chart"], ["--csv"], ["--by", "step", "--csv", "--json"]]
)
def test_options_that_do_not_go_together(shop: Project, options: list[str]) -> None:
    assert shop.run("report", *options).exit_code == 2


def test_the_page_shows_what_the_command_prints(shop: Project) -> None:
    page = PAGE.read_text(encoding="utf-8")

    def printed(found: re.Match[str]) -> str:
        text = shop.ok("report", *found[1].split(), "--now", NOW, COLUMNS="80")
        return f"<!-- output: {found[1]} -->\n\n```\n{text.rstrip()}\n```\n\n<!-- end -->"

    current = re.sub(r"<!-- output: (.*?) -->\n.*?<!-- end -->", printed, page, flags=re.DOTALL)
    if os.environ.get("REGULARS_SNAPSHOTS") == "write":
        PAGE.write_text(current, encoding="utf-8")
        page = current
    assert page == current, "REGULARS_SNAPSHOTS=write makes it anew"
