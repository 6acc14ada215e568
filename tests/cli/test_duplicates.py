"""`duplicates`, `merge` and `alias` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from regulars.cli import main
from regulars.core import ids
from regulars.db.engine import open_engine, read, write
from regulars.db.tables import customers
from regulars.operation.database_upgrade import upgrade_database
from regulars.profile import facts
from tests.common.people import SECRET, add_customer, add_purchase
from tests.common.workspace import write_workspace

LONG = "a.very.long.name.of.somebody@a-company-with-a-long-name.example"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ana under two ids, a family at one long address, and Bo."""
    write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})
    monkeypatch.setenv("REGULARS_SECRET", SECRET.decode())
    monkeypatch.setenv("COLUMNS", "80")
    engine = open_engine(f"sqlite:///{tmp_path / 'var' / 'regulars.sqlite'}")
    upgrade_database(engine, secret=SECRET)
    with write(engine) as connection:
        for name, address, person in (
            ("7001", "ana@client.example", "Ana Rusu"), ("8001", "Ana@client.example", "Ana Rusu"),
            ("fam-1", LONG, "Lena"), ("fam-2", LONG, "Tiit"), ("bo", "bo@client.example", "Bo"),
        ):  # fmt: skip
            mark = ids.address_hash(address, SECRET)
            key = add_customer(connection, name, email=address, email_hash=mark, name=person, birthday="1992-02-29")
        add_purchase(connection, key - 3, "2026-06-01", amount=20)
        facts.refresh(connection)
    engine.dispose()
    return tmp_path


def run(root: Path, *words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(root), *words], input=answer)


def test_duplicates_are_listed_in_80_columns(root: Path) -> None:
    text = run(root, "duplicates").stdout
    assert text.startswith("2 addresses belong to several clients\n")
    assert max(map(len, text.splitlines())) <= 80
    assert f"{LONG}, of different names or birthdays:" in " ".join(text.split())
    assert "  8001: Ana Rusu, born 1992-02-29, since 2025-01-01, 1 purchase, the last on\n      2026-06-01\n" in text
    assert "`regulars merge fam-1 fam-2` would join" in text
    found = json.loads(run(root, "--json", "duplicates").stdout)
    assert [(one["different"], [client["id"] for client in one["clients"]]) for one in found["duplicates"]] == [
        (True, ["fam-1", "fam-2"]), (False, ["7001", "8001"]),
    ]  # fmt: skip


def test_merge_asks_joins_and_says_what_it_did(root: Path) -> None:
    refused = run(root, "merge", "7001", "8001", answer="n\n")
    assert refused.exit_code == 1
    assert "Join 8001 (Ana Rusu, Ana@client.example) into 7001 (Ana Rusu, ana@client.example)?" in refused.output
    assert run(root, "merge", "7001", "8001", "--yes").stdout == (
        "8001 is joined into 7001: 1 purchase, 0 events, 0 emails moved.\n"
    )
    assert "Ana Rusu" in run(root, "export", "8001").stdout
    again = run(root, "merge", "7001", "8001", "--yes")
    assert (again.exit_code, "one client already" in again.stderr) == (1, True)
    assert [one["address"] for one in json.loads(run(root, "--json", "duplicates").stdout)["duplicates"]] == [LONG]


def test_merge_needs_one_client_of_each_name(root: Path) -> None:
    several = run(root, "merge", "bo", LONG, "--yes")
    assert (several.exit_code, "several have this address" in several.stderr) == (1, True)
    assert run(root, "merge", "bo", "nobody", "--yes").exit_code == 1
    document = json.loads(run(root, "merge", "7001", "bo@client.example", "--yes", "--json").stdout)
    assert (document["id"], document["joined"], document["purchases"]) == ("7001", "bo", 0)


def test_an_alias_names_the_client_everywhere(root: Path) -> None:
    assert run(root, "alias", "bo", "crm-1", "till-1").stdout == "crm-1, till-1 now name bo\n"
    assert run(root, "alias", "bo", "till-1").stdout == "till-1 already names bo\n"
    assert json.loads(run(root, "export", "crm-1").stdout)["aliases"][0]["external_id"] == "crm-1"
    assert run(root, "explain", "till-1").exit_code == 0
    assert run(root, "alias", "bo", "7001").exit_code == 1
    assert run(root, "alias", "bo", "bo@client.example").exit_code == 2
    assert run(root, "erase", "till-1", "--yes").exit_code == 0
    engine = open_engine(f"sqlite:///{root / 'var' / 'regulars.sqlite'}")
    with read(engine) as connection:
        assert connection.scalar(select(customers.c.erased_at).where(customers.c.external_id == "bo")) is not None
    engine.dispose()
