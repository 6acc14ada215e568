"""What is exported and imported into an empty database is the same as before."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from regulars.consent import rights
from regulars.consent.suppression import add_suppressions
from regulars.core import ids
from regulars.db.engine import open_engine, read, write
from regulars.db.states import SuppressionReason
from regulars.db.tables import (
    aliases,
    consents,
    customers,
    events,
    metadata,
    preferences,
    products,
    promises,
    purchase_lines,
    purchases,
    refusals,
    suppressions,
)
from regulars.importing.cell_writing import json_value
from regulars.importing.export_file import export_to
from regulars.importing.export_rows import ExportKind
from regulars.importing.options import ImportOptions
from regulars.importing.report import ImportReport, Kind
from regulars.importing.row_source import MappingSource
from regulars.importing.service import import_file, import_rows
from regulars.rules.model import FieldType
from tests.common.people import SECRET
from tests.importing.conftest import EVENTS, FIELDS

NOW = datetime(2026, 6, 10, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=2)
OPTIONS = ImportOptions(
    timezone="Europe/Chisinau", fields={**FIELDS, "tags": FieldType.LIST}, events={**EVENTS, "purchase": {}}
)
NAUGHTY = (
    "=1+1", "+373 22 123", "-5", "@here", "'7001", "''", "'", "'=x", '="0700"', '="x', "NULL", "#N/A", "'NULL",
    "O'Brien", "'t Hooft", 'a "quoted" one', "semi;colon, comma", "[VIP]", '["a"]', "a×2", "Ünïcode 🙂 имя", "-", "yes",
    "0", "1,234", "2026-01-31", "{}", "\\N", "a | b", "x@y.example",
)  # fmt: skip
# Any characters in no line break, which a cell refuses, and none that the import strips or refuses.
_letters = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
text = st.sampled_from(NAUGHTY) | _letters
Form = Literal["csv", "json"]


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, to copy."""
    path = tmp_path_factory.mktemp("empty") / "empty.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    with engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@dataclass
class People:
    """A small population, as rows and decisions."""

    customers: list[dict[str, Any]] = field(default_factory=list)
    purchases: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[tuple[int, str, bool, str]] = field(default_factory=list)
    barred: list[tuple[str, str, str]] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)


@st.composite
def populations(draw: st.DrawFn) -> People:
    """Clients with odd names and fields, some at one address, and what they did and decided."""
    people = People()
    names = draw(st.lists(text, min_size=1, max_size=5, unique=True))
    for number, name in enumerate(names):
        row = {
            "id": name, "email": f"p{number % 4}@client.example", "name": draw(text), "last_name": f"L{number}",
            "first_name": f"F{number}", "phone": draw(st.sampled_from(["+373 22 1", "0700", "="])),
            "created_at": "2026-01-02T03:04:05.678901Z", "skin": draw(text), "vip": draw(st.booleans()),
            "points": draw(st.integers(-1000, 10**6) | st.sampled_from([1.234, 0.125, -12.5, 1e-7])),
            "tags": draw(st.lists(text, max_size=3)),
        }  # fmt: skip
        people.customers.append(row)
    some = st.integers(0, len(names) - 1)
    for number in range(draw(st.integers(0, 4))):
        lines = draw(st.lists(st.fixed_dictionaries(
            {"sku": text, "quantity": st.integers(1, 3), "amount": st.sampled_from(["1.234", "20", "0.5"])},
        ), max_size=3))  # fmt: skip
        people.purchases.append({
            "id": f"{draw(text)}-{number}", "customer": names[draw(some)], "occurred_at": "2026-03-01T10:00:00.5Z",
            "amount": draw(st.sampled_from(["10", "1.2345", "1.234", "0"])), "currency": "EUR",
            "discount": draw(st.sampled_from(["0", "0.999"])), "data": {draw(text): draw(text)},
            **({"products": lines} if lines else {}),
        })  # fmt: skip
        name = draw(st.sampled_from(["meeting.completed", "odd.event"]))
        data = {draw(text): draw(text | st.integers() | st.lists(text, max_size=2)), "agreements": [draw(text)]}
        people.events.append({
            "id": f"{draw(text)}-{number}", "customer": names[draw(some)], "name": name,
            "occurred_at": "2026-03-01T10:00:00Z", "data": data,
        })  # fmt: skip
    topic = st.sampled_from(["marketing", "news"])
    people.decisions = draw(st.lists(st.tuples(some, topic, st.booleans(), text), max_size=5))
    reason = st.sampled_from(list(SuppressionReason)[:3])
    place = st.sampled_from([f"p{number}@client.example" for number in range(6)])
    people.barred = draw(
        st.lists(st.tuples(place, st.sampled_from(["all", "marketing"]), reason), max_size=3, unique_by=lambda b: b[0])
    )
    alone = [number for number in range(len(names)) if number not in (0, 4)]  # these two have one address
    people.erased = draw(st.lists(st.sampled_from(alone), max_size=1)) if alone else []
    return people


def settle(engine: Engine, people: People) -> None:
    """Brings the population in, by the ways in which it comes."""
    for kind in ("customers", "purchases", "events"):
        rows = [{name: json_value(cell) for name, cell in row.items()} for row in getattr(people, kind)]
        if rows:
            report = import_rows(engine, Kind(kind), MappingSource(rows), now=NOW, secret=SECRET, options=OPTIONS)
            assert report.bad == [] or kind != "customers"
    with write(engine) as connection:
        keys = list(connection.scalars(select(customers.c.id).order_by(customers.c.id)))
        for number, (who, topic, yes, source) in enumerate(people.decisions):
            at = NOW + timedelta(hours=number, microseconds=number)
            if yes:
                rights.grant(connection, keys[who], topic, at=at, source=source, wording='We write.\nYou read, "ok"?')
            else:
                rights.withdraw(connection, keys[who], topic, at=at, source=source)
        bars = [
            rights.Suppression(
                ids.address_hash(a, SECRET), "marketing" if s == "marketing" else "all", r, NOW, f"= {a[:2]}"
            )
            for a, s, r in people.barred
        ]
        add_suppressions(connection, bars, now=NOW, by="a test")
        connection.execute(aliases.insert(), [
            {"external_id": f"=alias {key}", "customer_id": key, "at": NOW, "source": "merge"} for key in keys[:2]
        ])  # fmt: skip
        connection.execute(preferences.insert(), [
            {"customer_id": key, "at": NOW, "paused_until": LATER if key % 2 else None,
             "gap_days": 7 * (key % 3) or None}
            for key in keys[:3]
        ])  # fmt: skip
        connection.execute(promises.insert(), [
            {"campaign": "win-back", "step": "1", "customer_id": key, "occurrence": "2026-06-01", "state": state,
             "kind": "marketing", "rule": "r", "due_at": NOW, "expires_at": NOW, "next_at": NOW, "created_at": NOW,
             "settled_at": NOW, "detail": "-250 ok"}
            for key, state in zip(keys, ["sent", "skipped", "held", "bounced", "uncertain"], strict=False)
        ])  # fmt: skip
        for who in people.erased:
            rights.erase(connection, keys[who], NOW)


def contents(engine: Engine) -> dict[str, list[Any]]:
    """What a database says about its people, without keys and without those who were erased."""
    who = customers.c.external_id
    living = customers.c.erased_at.is_(None)
    names = [c for c in customers.c if c.name not in ("id", "uid", "bucket", "updated_at", "manager_id")]

    def theirs(table: Any, *without: str) -> Any:
        kept = [c for c in table.c if c.name not in ("id", "customer_id", *without)]
        return select(who, *kept).join(customers, customers.c.id == table.c.customer_id).where(living)

    lines = (
        select(purchases.c.external_id, products.c.sku, purchase_lines.c.quantity, purchase_lines.c.amount)
        .join(purchases, purchases.c.id == purchase_lines.c.purchase_id)
        .join(products, products.c.id == purchase_lines.c.product_id)
        .join(customers, customers.c.id == purchases.c.customer_id)
        .where(living)
    )
    refused = select(refusals.c.topic).where(
        refusals.c.email_hash == customers.c.email_hash, refusals.c.topic == consents.c.topic
    )
    # A client whose mailbox has left by another is entered as one who left: whoever reads the file must know it.
    by_another = refused.where(refusals.c.at == consents.c.at, consents.c.source == "import")
    asked = {
        "customers": select(*names).where(living),
        "aliases": theirs(aliases),
        "preferences": theirs(preferences),
        "yes": theirs(consents).where(consents.c.granted.is_(True), ~refused.exists()),
        "no": theirs(consents).where(consents.c.granted.is_(False), ~by_another.exists()),
        "barred": select(refusals.c.email_hash, refusals.c.topic),
        "suppressions": select(suppressions),
        "purchases": theirs(purchases, "received_at"),
        "lines": lines,
        "events": theirs(events, "received_at"),
        "products": select(products.c.sku, products.c.name),
        "ledger": theirs(promises, "source_id", "next_at").where(promises.c.state != "held"),
    }
    with read(engine) as connection:
        return {name: sorted(map(_stated, connection.execute(query))) for name, query in asked.items()}


def _stated(row: Any) -> str:
    """A row as text, whatever the order of keys in its JSON."""
    return repr([orjson.dumps(v, option=orjson.OPT_SORT_KEYS) if isinstance(v, dict) else v for v in row])


def move(old: Engine, new: Engine, folder: Path, form: Form, secret: bytes = SECRET) -> dict[ExportKind, ImportReport]:
    """Exports everything and imports it into the other database."""
    reports = {}
    for kind in ExportKind:
        path = folder / f"{kind}.{'csv' if form == 'csv' else 'jsonl'}"
        with path.open("w", encoding="utf-8", newline="") as file:
            count = export_to(old, kind, form, file, secret=SECRET)
        if count:
            reports[kind] = import_file(new, Kind(kind), path, now=LATER, secret=secret, options=OPTIONS)
    return reports


@contextmanager
def copied(template: Path, folder: Path, name: str) -> Iterator[Engine]:
    """An empty database in a file of its own."""
    path = folder / f"{name}.sqlite"
    for old in folder.glob(f"{path.name}*"):
        old.unlink()
    shutil.copyfile(template, path)
    engine = open_engine(f"sqlite:///{path}")
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "json"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(people=populations())
def test_everybody_is_the_same_in_a_new_database(
    people: People, form: Form, empty_sqlite: Path, tmp_path: Path
) -> None:
    with copied(empty_sqlite, tmp_path, "old") as old, copied(empty_sqlite, tmp_path, "new") as new:
        settle(old, people)
        reports = move(old, new, tmp_path, form)
        assert {str(kind): report.bad for kind, report in reports.items() if report.bad} == {}
        assert contents(old) == contents(new)
        again = move(old, new, tmp_path, form)
        assert sum(report.added + report.changed for report in again.values()) == 0


ODD = People(
    customers=[
        {"id": "c-1", "email": "p0@client.example", "name": "=cmd|'/c calc'!A1", "tags": ["a;b", "c"], "points": 1.234},
        {"id": "NULL", "email": "p1@client.example", "name": "'7001", "phone": "+373 22"},
        {"id": "c-3", "email": "p2@client.example"},
    ],
    purchases=[
        {"id": "o-1", "customer": "c-1", "occurred_at": "2026-03-01", "amount": "1.2340", "products": "mower; oil×2"},
        {"id": "o-2", "customer": "NULL", "occurred_at": "2026-03-01", "amount": "12",
         "products": [{"sku": "a;b", "quantity": 2, "amount": "7"}, {"sku": "=c", "amount": "5"}]},
    ],
    events=[{"id": "e-1", "customer": "c-1", "name": "odd.event", "occurred_at": "2026-03-01", "data": {"a": "=1"}}],
    decisions=[(0, "marketing", True, "page"), (1, "marketing", False, "one-click"), (1, "news", False, "page")],
    barred=[("p0@client.example", "marketing", "manual"), ("gone@client.example", "all", "complained")],
    erased=[2],
)  # fmt: skip


@pytest.fixture
def moved(engine: Engine) -> Engine:
    """Either database, with some odd people."""
    settle(engine, ODD)
    return engine


def exported(engine: Engine, kind: ExportKind, form: Form = "csv") -> str:
    out = io.StringIO(newline="")
    export_to(engine, kind, form, out, secret=SECRET)
    return out.getvalue()


@pytest.mark.parametrize("form", ["csv", "json"])
def test_odd_people_move_from_either_database(moved: Engine, form: Form, empty_sqlite: Path, tmp_path: Path) -> None:
    with copied(empty_sqlite, tmp_path, "new") as new:
        reports = move(moved, new, tmp_path, form)
        assert [report.bad for report in reports.values() if report.bad] == []
        assert contents(moved) == contents(new)
        with read(new) as connection:
            assert connection.scalar(select(suppressions.c.reason).where(suppressions.c.reason == "erased")) == "erased"


def test_no_cell_of_an_export_is_a_formula(moved: Engine) -> None:
    for kind in ExportKind:
        for row in csv.reader(io.StringIO(exported(moved, kind), newline="")):
            for cell in row:
                assert not cell.startswith(("=", "@", "+", "\t", "\r")), (kind, cell)
                assert not cell.startswith("-") or cell.lstrip("-").replace(".", "").isdigit(), (kind, cell)


def test_the_file_of_clients_alone_keeps_those_out_who_left(moved: Engine, empty_sqlite: Path, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(exported(moved, ExportKind.CUSTOMERS))
    with copied(empty_sqlite, tmp_path, "new") as new:
        report = import_file(new, Kind.CUSTOMERS, tmp_path / "c.csv", now=LATER, secret=b"another", options=OPTIONS)
        assert (report.added, report.refused) == (2, 0)
        with read(new) as connection:
            said = connection.execute(select(consents.c.granted, consents.c.at).order_by(consents.c.customer_id))
            assert said.all() == [(True, NOW), (False, NOW + timedelta(hours=1, microseconds=1))]
            assert connection.scalars(select(suppressions.c.scope)).all() == ["marketing"]


def test_a_hash_of_another_secret_is_refused_by_its_row(moved: Engine, empty_sqlite: Path, tmp_path: Path) -> None:
    with copied(empty_sqlite, tmp_path, "new") as new:
        reports = move(moved, new, tmp_path, "csv", secret=b"another")
        bad = reports[ExportKind.SUPPRESSIONS].bad
        assert [fault.reason for fault in bad] == ["was made with another secret, so nobody can be known by it"] * 2
        assert bad[0].hint is not None
        assert "REGULARS_ADDRESS_SECRET" in bad[0].hint


def test_a_yes_of_a_file_does_not_bring_back_who_left(moved: Engine, tmp_path: Path) -> None:
    (tmp_path / "k.csv").write_text("customer,topic,granted,at\n'NULL,marketing,yes,2020-01-01\nc-1,marketing,no,\n")
    report = import_file(moved, Kind.CONSENTS, tmp_path / "k.csv", now=LATER, secret=SECRET, options=OPTIONS)
    assert (report.added, report.changed, report.unchanged, report.bad) == (0, 1, 1, [])
    assert report.notes == (
        "1 rows say yes where the client or their mailbox has said no; nothing was changed for them",
    )
    with read(moved) as connection:
        assert connection.scalars(select(consents.c.granted).where(consents.c.topic == "marketing")).unique().all() == [
            False
        ]


def test_a_settled_email_is_not_sent_again_by_a_new_database(moved: Engine, tmp_path: Path) -> None:
    row = {"campaign": "win-back", "step": "1", "customer": "NULL", "occurrence": "2026-06-02", "kind": "marketing"}
    held = {"customer_id": 2, "rule": "r", "next_at": NOW, "created_at": NOW, "due_at": NOW, "expires_at": NOW}
    with write(moved) as connection:
        connection.execute(
            promises.insert(), [{**{k: v for k, v in row.items() if k != "customer"}, **held, "state": "held"}]
        )  # planned here before the import
    (tmp_path / "l.jsonl").write_bytes(
        orjson.dumps({**row, "customer": "'NULL", "state": "sent", "due_at": "2026-06-02"})
        + b"\n"
        + orjson.dumps({**row, "customer": "nobody", "state": "sent", "due_at": "2026-06-02"})
    )
    report = import_file(moved, Kind.LEDGER, tmp_path / "l.jsonl", now=LATER, secret=SECRET, options=OPTIONS)
    assert (report.added, report.changed, report.unchanged) == (0, 1, 1)
    with read(moved) as connection:
        query = select(promises.c.state, promises.c.settled_at.is_not(None)).where(
            promises.c.occurrence == "2026-06-02"
        )
        assert connection.execute(query).all() == [("sent", True)]


def test_the_longer_pause_and_the_wider_gap_hold(moved: Engine, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "customer,paused_until,gap_days\nc-1,2026-06-11T00:00:00Z,30\n'NULL,2026-09-01T00:00:00Z,7\nnobody,,7\n"
    )
    report = import_file(moved, Kind.PREFERENCES, tmp_path / "p.csv", now=LATER, secret=SECRET, options=OPTIONS)
    assert (report.added, report.changed, [fault.line for fault in report.bad]) == (0, 2, [4])
    with read(moved) as connection:
        kept = select(preferences.c.paused_until, preferences.c.gap_days).order_by(preferences.c.customer_id)
        assert connection.execute(kept).all() == [(LATER, 30), (datetime(2026, 9, 1, tzinfo=UTC), 14)]
