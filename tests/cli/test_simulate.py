"""`simulate`: the report for people, for machines and as a page; what it refuses."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from regulars.core.settings import load
from regulars.db.engine import open_engine, read
from regulars.db.tables import metadata
from tests.cli.conftest import Project, write_tests
from tests.common.workspace import write_workspace

pytestmark = pytest.mark.slow

SPAN = ("--from", "2026-01-01", "--to", "2026-03-31")
DAILY = {"schedule": "daily at 10:00", "audience": "customer.purchases > 0", "email": "daily"}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _everything(project: Project) -> list[list[tuple[object, ...]]]:
    engine = open_engine(load(project.root, {}).database_url)
    with read(engine) as connection:
        return [[tuple(row) for row in connection.execute(select(table))] for table in metadata.sorted_tables]


def test_past_days_beside_other_rules(clients: Project, tmp_path: Path) -> None:
    write_tests(clients.root, [])
    write_workspace(clients.root, {"daily": DAILY}, policy={"cap": "1 per 30 days"})
    other = write_workspace(tmp_path / "other", {"daily": {**DAILY, "schedule": "monthly on first monday at 10:00"}})
    before = _everything(clients)
    page, emails = tmp_path / "report.html", tmp_path / "emails.csv"
    shown = clients.ok(
        "simulate", *SPAN, "--against", str(other), "--html", str(page), "--csv", str(emails), COLUMNS="80"
    )
    assert _everything(clients) == before
    assert max(map(len, shown.splitlines())) <= 80 + len(str(tmp_path))
    rows = _rows(emails)
    assert {row["run"] for row in rows} == {"rules", "against"}
    by_client = defaultdict(list)
    for row in rows:
        if row["run"] == "rules":
            by_client[row["client"]].append(datetime.fromisoformat(row["at"]))
    assert set(by_client) == {"c-1", "c-2"}
    assert len(by_client["c-1"]) == 3  # on 1 and 31 January, and on 2 March
    for moments in by_client.values():
        assert all(later - earlier >= timedelta(days=30) for earlier, later in pairwise(moments))
    text = page.read_text("utf-8")
    assert re.findall(r"""(?:src|href|url)\s*[=(]|https?:|@import""", text) == []
    assert "Who gets too many" in text
    assert f"Compared with the folder {other}" in text
    assert "c-1" in text


def test_the_same_for_machines(clients: Project) -> None:
    found = clients.data("simulate", "--from", "2026-05-30", "--to", "2026-06-12")
    mine, sent = found["runs"]["rules"], found["runs"]["sent"]
    assert mine["campaigns"]["birthday"]["emails"] == 1
    assert mine["days"]["birthday"] == {"2026-06-10": 1}
    assert sum(mine["fullest"]["30"].values()) == mine["clients"] >= 1
    assert sent["emails"] == 0
    assert found["comparisons"] == []


def test_the_rules_themselves_lose_and_gain_nobody(clients: Project) -> None:
    same, days = str(clients.root), ("--from", "2026-03-01", "--to", "2026-03-03")
    shown = clients.ok("simulate", *days, "--rules", same, "--against", same)
    assert "no client gets an email more or fewer" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("days", "why"),
    [
        (("--from", "2026-03-01", "--to", "2026-02-01"), "is before"),
        (("--from", "2099-01-01", "--to", "2099-02-01"), "looks ahead"),
        (("--from", "yesterday", "--to", "2026-02-01"), "is not a day"),
        (("--from", "2026-01-01T10", "--to", "2026-02-01"), "is not a day"),
    ],
)
def test_days_that_cannot_be_simulated(project: Project, days: tuple[str, ...], why: str) -> None:
    refused = project.run("simulate", *days)
    assert refused.exit_code == 2
    assert why in refused.output


RATED = {"REGULARS_SMTP_URL": "smtp://localhost:2525?rate=0.001"}
"""3 emails an hour."""


def test_the_coming_hours_against_a_rate(clients: Project) -> None:
    rows = "".join(f"n-{number},n{number}@clients.example,yes\n" for number in range(10))
    clients.ok("import", "customers", str(clients.file("more.csv", "id,email,consent\n" + rows)))
    clients.rule("news", at="2026-06-11 10:00", email="news", late="2 hours")
    days = ("--now", "2026-06-10T12:00", "--days", "2")
    before = _everything(clients)
    found = json.loads(clients.run("--json", "forecast", *days, **RATED).stdout)
    (lane,) = found["lanes"]
    hours = {hour["at"][:13]: hour for hour in lane["hours"] if hour["due"] or hour["waiting"] or hour["too_late"]}
    assert hours["2026-06-11T10"] == {
        "at": "2026-06-11T10:00:00+00:00", "due": 12, "sent": 3, "waiting": 9, "too_late": 0,
    }  # fmt: skip
    assert hours["2026-06-11T12"]["waiting"] == 3
    assert (hours["2026-06-11T13"]["too_late"], hours["2026-06-11T13"]["waiting"]) == (3, 0)
    assert lane["empty_at"] == "2026-06-11T13:00:00+00:00"
    shown = clients.ok("forecast", *days, COLUMNS="80", **RATED)
    assert max(map(len, shown.splitlines())) <= 80
    assert "3 emails come too late" in " ".join(shown.split())
    listed = clients.ok("forecast", *days, "--csv", **RATED).splitlines()
    assert "default,2026-06-11T10:00:00+00:00,12,3,9,0" in listed
    freely = clients.ok("forecast", *days)
    assert "No email has to wait" in freely
    assert _everything(clients) == before


def test_the_coming_days_against_a_warm_up(clients: Project) -> None:
    rows = "".join(f"n-{number},n{number}@clients.example,yes\n" for number in range(10))
    clients.ok("import", "customers", str(clients.file("more.csv", "id,email,consent\n" + rows)))
    clients.rule("news", at="2026-06-11 10:00", email="news", late="30 days")
    warming = "delivery: {servers: {east: {warm_up: {start: 3, grow: 2 per day, until: 100}}}}\n"
    (clients.root / "campaigns" / "delivery.yaml").write_text(warming, encoding="utf-8")
    days = ("--now", "2026-06-10T12:00", "--days", "4")
    found = clients.run("--json", "forecast", *days, REGULARS_SMTP_URL_EAST="smtp://localhost:2525")
    (lane,) = json.loads(found.stdout)["lanes"]
    by_day: dict[str, int] = {}
    for hour in lane["hours"]:
        by_day[hour["at"][:10]] = by_day.get(hour["at"][:10], 0) + hour["sent"]
    # A birthday is the first day's email, of three that might go; then the number doubles.
    assert by_day == {"2026-06-10": 1, "2026-06-11": 6, "2026-06-12": 6, "2026-06-13": 0}
