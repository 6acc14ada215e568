"""What people did is written once and stays, without an address; erasure takes the free text about a client away."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select

import regulars
from regulars.consent import rights
from regulars.consent.data_export import export
from regulars.consent.merge import merge_clients
from regulars.core.ids import address_hash
from regulars.core.operator_name import operator
from regulars.db.engine import dry_run, read, write
from regulars.db.tables import audit_log
from regulars.ledger import audit
from regulars.ledger.audit import Action
from tests.common.bench import at
from tests.common.people import SECRET, add_customer

NOW = at("2026-06-01")


def test_lines_by_time_and_by_person(engine: Engine) -> None:
    with write(engine) as connection:
        audit.record(connection, Action.PAUSE, "Ana@desk", "win-back", "too  many\n complaints", NOW)
        audit.record(connection, Action.RESUME, "Bo@desk", "win-back", None, NOW + timedelta(hours=1))
    with read(engine) as connection:
        last, first = audit.lines(connection)
        assert (first.action, first.subject, first.why) == ("pause", "win-back", "too many complaints")
        assert last.to_json() == {
            "at": "2026-06-01T01:00:00+00:00", "who": "Bo@desk", "action": "resume", "subject": "win-back",
        }  # fmt: skip
        assert audit.lines(connection, since=NOW + timedelta(minutes=1)) == [last]
        assert audit.lines(connection, who="ANA") == [first]
        assert audit.lines(connection, who="%") == []
        assert audit.lines(connection, most=1) == [last]


def test_an_address_is_not_written_and_erasure_takes_the_reasons(engine: Engine) -> None:
    hashed = address_hash("ada@client.example", SECRET)
    with write(engine) as connection:
        ada, bo = add_customer(connection, "ada", email="ada@client.example"), add_customer(connection, "bo")
        audit.record(connection, Action.SUPPRESS, "ana", "ada@client.example", "Ada Stone rang", NOW, email_hash=hashed)
        audit.record(connection, Action.ALIAS, "ana", "ada", "Ada of the shop", NOW, customer_id=ada)
        audit.record(connection, Action.ALIAS, "ana", "bo", "Bo of the shop", NOW, customer_id=bo)
        assert export(connection, ada)["done_by_people"] == [
            {"at": NOW.isoformat(), "action": "alias", "subject": "ada", "why": "Ada of the shop"}
        ]
        rights.erase(connection, ada, NOW)
        assert _written(connection) == [
            (None, hashed, None), ("ada", None, None), ("bo", None, "Bo of the shop"),
        ]  # fmt: skip


def _written(connection: Connection) -> list[tuple[str | None, str | None, str | None]]:
    query = select(audit_log.c.subject, audit_log.c.email_hash, audit_log.c.why).order_by(audit_log.c.id)
    return [(row.subject, row.email_hash, row.why) for row in connection.execute(query)]


def test_lines_about_a_merged_client_are_erased_with_the_one_who_is_left(engine: Engine) -> None:
    with write(engine) as connection:
        ada, ida = add_customer(connection, "ada"), add_customer(connection, "ida")
        audit.record(connection, Action.ALIAS, "ana", "ida", "is Ada", NOW, customer_id=ida)
        merge_clients(connection, ada, ida, now=NOW, by="merge")
        rights.erase(connection, ada, NOW)
        assert _written(connection) == [("ida", None, None)]


def test_a_transaction_that_is_undone_leaves_no_line(sqlite_engine: Engine) -> None:
    with dry_run(sqlite_engine) as connection:
        audit.record(connection, Action.KEY, "ana", "till", None, NOW)
        assert len(audit.lines(connection)) == 1
    with read(sqlite_engine) as connection:
        assert audit.lines(connection) == []


def test_only_one_module_writes_the_log() -> None:
    package = Path(regulars.__file__).parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "migrations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Name) and node.id == "audit_log"
    }
    assert users - {"db/tables/version_files.py"} == {"ledger/audit.py", "consent/data_export.py"}
    assert "delete(" not in (package / "ledger" / "audit.py").read_text("utf-8")


def test_the_person_at_the_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_WHO", "  Ana \n of marketing ")
    assert operator() == "Ana of marketing"
    monkeypatch.delenv("REGULARS_WHO")
    assert "@" in operator()
