"""`regulars learn`: what many histories say, and that a few say nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.cli.conftest import Project
from tests.common.data import cdnow

pytestmark = pytest.mark.slow


def test_a_few_clients_teach_nothing_and_break_nothing(clients: Project) -> None:
    assert "Too few clients" in clients.ok("learn", "--now", "2026-06-10")
    assert clients.data("learn", "--now", "2026-06-10")["buying"] is False


@pytest.mark.slow
def test_real_histories_become_facts(project: Project, tmp_path: Path) -> None:
    _, purchases = cdnow(tmp_path)
    with purchases.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["customer"].endswith("04")]
    people = "\n".join(["id,email", *sorted({f"{r['customer']},{r['customer']}@client.example" for r in rows})])
    sales = "\n".join(["customer,date,amount", *(f"{r['customer']},{r['occurred_at']},{r['amount']}" for r in rows)])
    project.ok("import", "customers", str(project.file("people.csv", people)))
    project.ok("import", "purchases", str(project.file("sales.csv", sales)))
    learned = project.data("learn", "--now", "1998-07-01")
    assert learned["buying"]
    assert learned["valued"] == len({row["customer"] for row in rows})
    told = project.ok("explain", "cdnow-00004", "--now", "1998-07-01")
    assert "cdnow-00004" in told
