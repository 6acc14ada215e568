"""A field of the registry works wherever fields of clients are used, without another word about it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_never

import orjson
import pytest
import yaml
from sqlalchemy import Engine, select

from regulars.audience.person import load_people
from regulars.consent import rights, signups
from regulars.consent.data_export import export
from regulars.core.settings import load
from regulars.db.engine import read, write
from regulars.db.tables import customers, worth
from regulars.importing import column_names
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from regulars.preview.preview import preview
from regulars.profile.identity import one_client_called
from regulars.rules.fields import (
    CLIENT_FIELDS,
    CONSENT_COLUMNS,
    IMPORTED,
    RECORDED,
    Cell,
    ClientField,
    FieldType,
    Origin,
)
from regulars.rules.webhook_rules import COLUMNS
from regulars.workspace.folder import open_workspace
from tests.common import people
from tests.common.scratch import run_trials
from tests.common.workspace import write_workspace

NOW = datetime(2026, 6, 10, 9, 0, tzinfo=UTC)


def written(field: ClientField) -> Any:
    """A cell of an import, or what a rule test states."""
    match field.cell:
        case Cell.EMAIL:
            return "ada@client.example"
        case Cell.LOCALE:
            return "pt-BR"
        case Cell.TIMEZONE:
            return "Asia/Kathmandu"
        case Cell.COUNTRY:
            return "EE"
        case Cell.BIRTHDAY:
            return "1980-02-29"
        case Cell.PAST:
            return "2026-01-02T03:04:05Z"
        case Cell.PLAIN | None:
            return "m-1" if field.origin is Origin.MANAGER else _plain(field)
    assert_never(field.cell)


def _plain(field: ClientField) -> Any:
    match field.type:
        case FieldType.TEXT:
            return f"some {field.name}"[: field.limit]
        case FieldType.NUMBER:
            return 2.5
        case FieldType.BOOL:
            return True
        case FieldType.DATE:
            return "2026-05-17"
        case FieldType.INSTANT:
            return "2026-01-02T03:04:05Z"
    assert_never(field.type)


def kept(field: ClientField) -> Any:
    """The same as the database gives it back."""
    value = written(field)
    if field.type is FieldType.DATE:
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if field.type is FieldType.INSTANT else value


@pytest.fixture
def client(engine: Engine, tmp_path: Path) -> int:
    """The key of a client who came in with every column that an import has."""
    with write(engine) as connection:
        people.add_manager(connection, "m-1")
    file = tmp_path / "clients.jsonl"
    file.write_bytes(orjson.dumps({name: written(field) for name, field in IMPORTED.items()}))
    report = import_file(engine, Kind.CUSTOMERS, file, now=NOW, secret=people.SECRET)
    assert (report.added, list(report.bad), dict(report.ignored)) == (1, [], {})
    with read(engine) as connection:
        return one_client_called(connection, str(written(CLIENT_FIELDS["external_id"])))


def test_an_import_brings_it(engine: Engine, client: int) -> None:
    with read(engine) as connection:
        known = load_people(connection, [client], NOW, "UTC")[client].fields
    assert {name: known[name] for name in RECORDED} == {name: kept(CLIENT_FIELDS[name]) for name in RECORDED}


def test_a_webhook_may_fill_it() -> None:
    assert set(IMPORTED) <= set(COLUMNS["customers"])


def test_an_export_has_it_and_an_erasure_empties_it(engine: Engine, client: int) -> None:
    with write(engine) as connection:
        told = export(connection, client)["customer"]
        assert set(RECORDED) <= set(told)
        assert told["manager"] == written(CLIENT_FIELDS["manager"])
        rights.erase(connection, client, NOW)
        left = connection.execute(select(customers).where(customers.c.id == client)).mappings().one()
    for name in RECORDED:
        column = f"{name}_id" if CLIENT_FIELDS[name].origin is Origin.MANAGER else name
        assert (left[column] is None) == CLIENT_FIELDS[name].personal, name


def test_a_sign_up_that_nobody_confirmed_leaves_nothing(engine: Engine, client: int) -> None:
    with write(engine) as connection:
        signups._forget(connection, client, NOW)
        left = connection.execute(select(customers).where(customers.c.id == client)).mappings().one()
    kept = {"id", "external_id", "uid", "bucket", "attrs", "created_at", "updated_at", "erased_at"}
    assert {name for name, value in left.items() if value is not None} == kept
    assert left["attrs"] == {}


def test_an_export_tells_what_a_client_is_worth(engine: Engine, client: int) -> None:
    with write(engine) as connection:
        connection.execute(worth.insert().values(customer_id=client, clv=120.5, at=NOW, purchases=3, spent=Decimal(90)))
        (told,) = export(connection, client)["worth"]
    assert told == {"clv": 120.5, "at": NOW.isoformat(), "purchases": 3, "spent": "90"}


def test_what_says_who_the_client_is_is_personal() -> None:
    """Whoever adds a field that is not thinks twice: this list is the second time."""
    assert [name for name in RECORDED if not CLIENT_FIELDS[name].personal] == ["external_id", "created_at"]


def test_an_email_may_name_it(engine: Engine, client: int, tmp_path: Path) -> None:
    texts = {name for name in RECORDED if CLIENT_FIELDS[name].type is FieldType.TEXT}
    line = " ".join(
        f"[{name}={{{{ {f'customer.{name}' if name in texts else repr('known')} if customer.{name} else '-' }}}}]"
        for name in RECORDED
    )
    campaigns = {"hello": {"at": "2026-06-11T09:00", "email": "hello"}}
    shop = open_workspace(write_workspace(tmp_path, campaigns, lines={"hello": line}))
    settings = load(shop.root, {"REGULARS_SECRET": "hush"})
    found = [
        preview(engine, shop, "hello", customer=who, step=None, now=NOW, locale=None, settings=settings)[0].text
        for who in (str(written(CLIENT_FIELDS["external_id"])), None)
    ]
    for name in RECORDED:
        shown = written(CLIENT_FIELDS[name]) if name in texts else "known"
        assert f"[{name}={shown}]" in found[0].replace("\n", " ")
        assert f"[{name}=" in found[1], "of a sample that does not have it, the field is none"


@pytest.mark.slow
def test_a_rule_test_may_state_it(tmp_path: Path) -> None:
    asked = " and ".join(f"customer.{name} is not none" for name in RECORDED)
    write_workspace(tmp_path, {"hello": {"at": "2026-06-10T09:00", "audience": asked, "email": "hello"}})
    stated = {name: written(CLIENT_FIELDS[name]) for name in RECORDED} | {"created_at": "2026-01-02"}
    given_anyway = {"external_id", "created_at", "manager"}
    cases: list[tuple[str, dict[str, Any], Any]] = [("all", {}, {"step": "hello"})]
    cases += [(name, {name: None}, "nothing") for name in RECORDED if name not in given_anyway]
    tests = [
        {"name": name, "on": "2026-06-10 12:00", "customer": {**stated, **other}, "expect": {"hello": expected}}
        for name, other, expected in cases
    ]
    (tmp_path / "campaigns" / "tests.yaml").write_text(yaml.safe_dump({"tests": tests}), "utf-8")
    results = run_trials(open_workspace(tmp_path))
    assert [(one.test.name, one.failures) for one in results if not one.passed] == []


def test_the_page_about_templates_names_it() -> None:
    page = (Path(__file__).parents[1] / "docs" / "templates.md").read_text("utf-8")
    [row] = re.findall(r"^\| `customer` \| `([\w ]+)`", page, re.MULTILINE)
    assert sorted(row.split()) == sorted(CLIENT_FIELDS)


def test_words_of_import_columns_are_of_columns_that_exist() -> None:
    assert set(column_names.CUSTOMERS) <= {*IMPORTED, *CONSENT_COLUMNS}
