"""The demo day: what the plan says is what is sent, every email has a reason, and twice is not twice."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from docs import refresh
from regulars.delivery.inbox.server import stored
from tests.demo.conftest import Demo, play

pytestmark = pytest.mark.slow

SENT = 76
"""Emails that the day brings."""
COPIES = 3
"""Copies of meeting summaries for managers, messages of their own."""


def report(workspace: Path) -> dict[str, Any]:
    """`regulars report --json` by campaign."""
    command = ["regulars", "-w", str(workspace), "report", "--json"]
    done = subprocess.run(command, env=refresh.environment(), check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)["campaigns"]
    return found


def rows(printed: str, number: int) -> list[list[str]]:
    """The table in a numbered part of what was printed."""
    part = re.split(r"^\d\. ", printed, flags=re.MULTILINE)[number]
    body = part.split("─\n", 1)[1].split("\n\n", 1)[0]
    return [re.split(r" {2,}", line) for line in body.splitlines()]


def test_what_was_planned_was_sent(demo: Demo) -> None:
    planned = {name: int(count) for name, count, *_ in rows(demo.printed, 3)}
    sent = Counter(row[2] for row in rows(demo.printed, 5))
    assert planned == dict(sent)
    assert sum(planned.values()) == SENT
    assert f"The plan said {SENT} emails; {SENT} were sent." in demo.printed


def test_every_campaign_of_the_starter_has_its_day(demo: Demo) -> None:
    assert set(report(demo.folder)) == {row[2] for row in rows(demo.printed, 5)}


def test_every_way_not_to_go_is_shown_with_its_reason(demo: Demo) -> None:
    reasons = {row[3] for row in rows(demo.printed, 6)}
    assert reasons == {
        "they have unsubscribed",
        "they are in the control group",
        "they have done already what it is for",
        "the cap is used up: client-anniversary went first",
        "it is night for them, until 2026-06-11 09:00",
        "the visit is at another time now",
        "the visit was cancelled",
        "it could not go in time",
        "their wave has not come yet, until 2026-06-12 12:30",
    }


def test_many_alike_are_said_in_one_line(demo: Demo) -> None:
    waiting = [row[1] for row in rows(demo.printed, 6) if row[2] == "new-arrivals"]
    assert len(waiting) == 3
    more = re.fullmatch(r"and (\d+) more", waiting[2])
    assert more
    assert int(more[1]) > 50


def test_reasons_are_the_clients_own(demo: Demo) -> None:
    why = {(row[1].split()[0], row[2]): row[3] for row in rows(demo.printed, 5)}
    assert why["v-070", "birthday"] == "born on 10 June 1979"
    assert why["v-070", "client-anniversary"] == "first bought on 10 June 2025"
    assert why["v-113", "win-back"] == "last bought 91 days ago"
    assert why["v-112", "win-back"] == "away 2.0 times as long as usual"
    assert why["v-109", "next-purchase"] == "has no chainsaw yet, which is usual from today on"
    assert why["v-180", "meeting-summary"] == "meeting completed: Service contract, second year"
    assert why["v-057", "new-arrivals"] == "spent 1,012 in all"
    assert why["v-131", "new-arrivals"] == "moved by novelty"
    assert why["v-053", "holiday-greeting"] == "keeps 10 June in PT"
    assert why["v-181", "thank-you"] == "bought on 10 June 2026, the first time so far"


def test_it_fits_a_page_without_loose_blanks(demo: Demo) -> None:
    lines = demo.printed.splitlines()
    assert max(map(len, lines)) <= 110
    assert [line for line in lines if line != line.rstrip()] == []


def test_the_inbox_holds_what_the_ledger_says(demo: Demo) -> None:
    messages = stored(demo.folder / "inbox")
    assert len(messages) == SENT + COPIES
    assert len({str(message.message["Message-ID"]) for message in messages}) == SENT + COPIES
    assert sum(figures["sent"] for figures in report(demo.folder).values()) == SENT
    index = (demo.folder / "inbox" / "index.html").read_text("utf-8")
    assert all(message.path.with_suffix(".html").name in index for message in messages)
    assert (demo.folder / "inbox" / "index.html").as_uri() in demo.printed


def test_played_again_it_sends_nothing_twice_and_says_so(demo: Demo, tmp_path: Path) -> None:
    shutil.copytree(demo.folder, tmp_path / "demo")
    before = report(tmp_path / "demo")
    printed = play(tmp_path, columns=80)
    assert f"This day was played before: all {SENT} emails had gone, none went twice." in printed
    too_long = [line for line in printed.splitlines() if len(line) > 80]
    assert [line for line in too_long if "://" not in line] == [], "only an address may be wider than the terminal"
    assert "customers.csv: 0 added, 200 known, 0 refused" in printed
    assert len(stored(tmp_path / "demo" / "inbox")) == SENT + COPIES
    assert report(tmp_path / "demo") == before
