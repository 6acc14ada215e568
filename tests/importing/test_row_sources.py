"""A list of rows is imported as a JSON Lines file of them is, without a file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select

from regulars.core.errors import Invalid
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.importing.options import ImportOptions, options_for
from regulars.importing.report import ImportReport, Kind
from regulars.importing.row_source import MappingSource, RowSource
from regulars.importing.service import import_rows
from regulars.importing.source_file import FileSource
from regulars.rules.loader import load
from regulars.rules.model import FieldType
from tests.common.people import SECRET
from tests.importing.conftest import EVENTS, FIELDS, NOW
from tests.rules import folders

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25)
OPTIONS = ImportOptions(timezone="Europe/Chisinau", fields=FIELDS, events=EVENTS, batch=2)

texts = [
    "", " ", "c-1", "c-2", "ana@client.example", "a@b@c", "2026-01-01", "soon", "5,5", "mower; oil×2", "\0", "x" * 300,
]  # fmt: skip
others = [None, True, 0, 5, -1, 2.5, 1e300, [], ["mower"], [{"sku": "oil", "quantity": 2}], {"topic": "a"}]
names = [
    "id", "E-Mail", "customer", "occurred_at", "amount", "products", "name", "data", "topic", "subscribed", "?",
]  # fmt: skip
cells = st.sampled_from(texts) | st.sampled_from(others)
DRAWN = {"id", "uid", "bucket"}
"""Columns of clients that differ from run to run where the outside id is an address."""
tables_of_rows = st.lists(st.dictionaries(st.sampled_from(names), cells, max_size=8), min_size=1, max_size=8)


def bring(engine: Engine, kind: Kind, source: RowSource) -> ImportReport:
    return import_rows(engine, kind, source, now=NOW, secret=SECRET, options=OPTIONS)


def outcome(engine: Engine, kind: Kind, source: RowSource) -> tuple[Any, list[Any]]:
    """What an import of the source into a shop with one client says, and what it leaves in the database."""
    with write(engine) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table))
    bring(engine, Kind.CUSTOMERS, MappingSource([{"id": "c-1", "email": "ana@client.example"}]))
    said: Any
    try:
        said = bring(engine, kind, source)
    except Invalid as error:
        said = [(fault.code, fault.message.replace("the rows have", "the file has")) for fault in error.diagnostics]
    with read(engine) as connection:
        held = [
            [tuple(row) for row in connection.execute(select(*(c for c in table.c if c.name not in DRAWN)))]
            for table in (tables.customers, tables.purchases, tables.products, tables.events, tables.consent_log)
        ]
    return said, held


def as_in_a_file(report: Any) -> Any:
    if not isinstance(report, ImportReport):
        return report
    bad = [dataclasses.replace(b, reason=b.reason.replace("row ", "line ")) for b in report.bad]
    return dataclasses.replace(report, bad=bad)


@pytest.mark.slow
@SHARED
@given(kind=st.sampled_from(list(Kind)), rows=tables_of_rows)
@example(kind=Kind.CUSTOMERS, rows=[{"id": "c-2", "email": "bo@client.example"}] * 2)
@example(kind=Kind.PURCHASES, rows=[{"id": "p", "customer": "c-1", "occurred_at": d} for d in ("soon", "2026-01-01")])
@example(kind=Kind.EVENTS, rows=[{"customer": "c-1", "name": "visit.booked", "occurred_at": "2026-01-01"}, {}])
@example(kind=Kind.CUSTOMERS, rows=[{f"column {n}": n for n in range(1_001)}])
def test_a_list_is_judged_as_a_file_is(
    sqlite_engine: Engine, tmp_path: Path, kind: Kind, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    with FileSource(path) as file:
        expected = outcome(sqlite_engine, kind, file)
    said, held = outcome(sqlite_engine, kind, MappingSource(rows))
    assert (as_in_a_file(said), held) == expected


def test_a_row_is_named_by_its_place_in_the_list(sqlite_engine: Engine) -> None:
    rows = [{"id": "c-1"}, {"id": "c-2", "email": "a@b@c"}, {"id": "c-1"}]
    report = bring(sqlite_engine, Kind.CUSTOMERS, MappingSource(rows))
    assert [(bad.line, bad.column) for bad in report.bad] == [(2, "email"), (3, "id")]
    assert report.bad[1].reason == "customer `c-1` is on row 1 already"


def test_the_rows_of_one_purchase_name_each_other(sqlite_engine: Engine) -> None:
    rows = [{"id": "p-1", "customer": "c-1", "occurred_at": day} for day in ("2026-01-01", "soon")]
    report = bring(sqlite_engine, Kind.PURCHASES, MappingSource(rows))
    assert (report.bad[0].line, report.bad[0].reason) == (1, "belongs to the same purchase as row 2")


def test_what_is_wrong_with_the_whole_names_no_file(sqlite_engine: Engine) -> None:
    for rows, message in (([], "there are no rows"), ([{"who": "c-1"}], "no column for `id` or `email`")):
        with pytest.raises(Invalid) as caught:
            bring(sqlite_engine, Kind.CUSTOMERS, MappingSource(rows))
        assert [(fault.message, fault.span) for fault in caught.value.diagnostics] == [(message, None)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Decimal(5), "is not JSON: Type is not JSON serializable: decimal.Decimal"),
        (datetime(2026, 1, 1, tzinfo=UTC), "is not JSON: Type is not JSON serializable: datetime.datetime"),
        ("\ud800", "is not JSON: str is not valid UTF-8: surrogates not allowed"),
        ("x" * 1_048_576, "is longer than a million characters"),
        ("я" * 600_000, "is 600,000 characters long; at most 200 are kept"),
    ],
)
def test_what_no_file_could_hold_is_refused(sqlite_engine: Engine, value: Any, reason: str) -> None:
    report = bring(sqlite_engine, Kind.CUSTOMERS, MappingSource([{"id": "c-1", "name": value}, {"id": "c-2"}]))
    assert (report.added, [(bad.line, bad.reason) for bad in report.bad]) == (1, [(1, reason)])


def test_rows_are_taken_as_they_come(sqlite_engine: Engine) -> None:
    """A source that gives rows one by one never runs more than a batch ahead of the database."""
    ahead = []

    def rows() -> Iterator[Mapping[str, Any]]:
        for number in range(20):
            with read(sqlite_engine) as connection:
                written = connection.scalar(select(func.count()).select_from(tables.customers)) or 0
            ahead.append(number - written)
            yield {"id": f"c-{number}"}

    assert bring(sqlite_engine, Kind.CUSTOMERS, MappingSource(rows())).added == 20
    assert max(ahead) == OPTIONS.batch - 1


def test_options_are_those_of_the_workspace(tmp_path: Path) -> None:
    book = load(folders.write(tmp_path, {})).rulebook
    assert book is not None
    options = options_for(book)
    assert (options.timezone, options.currency, options.source) == ("Europe/Chisinau", book.company.currency, "import")
    assert options.fields == {"shoe_size": FieldType.NUMBER, "vip": FieldType.BOOL, "wedding_day": FieldType.DATE}
    assert options.events["meeting.completed"]["agreements"] is FieldType.LIST
