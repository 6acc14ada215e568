"""`export`, `erase` and `key` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select

from regulars.cli import main
from regulars.core import api_keys, webhook_signing
from regulars.db import tables
from regulars.db.engine import open_engine, read, write
from regulars.operation.database_upgrade import upgrade_database
from regulars.profile import facts
from tests.common.people import SECRET, add_customer, add_event, add_purchase
from tests.common.workspace import write_workspace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with Ada, who visited and bought."""
    write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})
    monkeypatch.setenv("REGULARS_SECRET", SECRET.decode())
    engine = database(tmp_path)
    upgrade_database(engine, secret=SECRET)
    with write(engine) as connection:
        ada = add_customer(connection, "ada", first_name="Ada", birthday="1984-06-10")
        add_event(connection, ada, "visit.done", "2026-06-01", {"about": "my knee"})
        add_purchase(connection, ada, "2026-06-01", amount=20)
        facts.refresh(connection)
    engine.dispose()
    return tmp_path


def database(root: Path) -> Engine:
    return open_engine(f"sqlite:///{root / 'var' / 'regulars.sqlite'}")


def run(root: Path, *words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(root), *words], input=answer)


def test_export_has_the_person_and_what_they_did(root: Path) -> None:
    found = json.loads(run(root, "export", "ada@client.example").stdout)
    assert found["customer"]["first_name"] == "Ada"
    assert found["events"][0]["data"] == {"about": "my knee"}
    assert found["purchases"][0]["amount"] == "20"
    assert found["consents"][0]["topic"] == "marketing"


def test_erase_asks_forgets_and_leaves_the_counts(root: Path) -> None:
    assert run(root, "erase", "ada", answer="n\n").exit_code != 0
    assert "Ada" in run(root, "export", "ada").stdout
    assert run(root, "erase", "ada", answer="y\n").exit_code == 0
    kept = run(root, "export", "ada").stdout
    assert "knee" not in kept
    assert "1984" not in kept
    assert "client.example" not in kept
    assert json.loads(kept)["purchases"][0]["amount"] == "20"


def test_an_erased_address_stays_suppressed_when_it_is_imported_again(root: Path) -> None:
    run(root, "erase", "ada", "--yes")
    (root / "again.csv").write_text("id,email,subscribed\nada-2,Ada@client.example,yes\n", encoding="utf-8")
    run(root, "import", "customers", str(root / "again.csv"))
    engine = database(root)
    with read(engine) as connection:
        barred = connection.scalars(select(tables.suppressions.c.email_hash)).all()
        hashes = connection.scalars(select(tables.customers.c.email_hash)).all()
    engine.dispose()
    assert set(hashes) == set(barred)


def test_nobody_of_that_name(root: Path) -> None:
    assert run(root, "export", "nobody").exit_code == 1
    assert run(root, "erase", "nobody", "--yes").exit_code == 1


def test_a_key_opens_what_it_says(root: Path) -> None:
    made = run(root, "key", "till-1", "--for", "coupons", "--for", "events").stdout.strip()
    assert api_keys.read(f"Bearer {made}", [SECRET]) == ("till-1", frozenset({"coupons", "events"}))
    assert run(root, "key", "Till", "--for", "coupons").exit_code == 2
    assert run(root, "key", "shop", "--for", "hook").stdout.strip() == webhook_signing.secret_of("shop", SECRET)
    assert run(root, "key", "Shop", "--for", "hook").exit_code == 2
    assert run(root, "key", "shop", "--for", "hook", "--for", "events").exit_code == 2
