"""A field in JSON means the same in Python, SQLite and PostgreSQL, whatever somebody put there."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, Engine, Text, insert, literal, select

from regulars.db.engine import dry_run
from regulars.db.json_fields import BY_TYPE, readable, regulars_list_holds
from regulars.db.tables import products
from regulars.rules.fields import FieldType
from tests.audience.populations import JSON_VALUES, TEXTS
from tests.common import people


def stored(connection: Connection, value: Any) -> dict[FieldType, Any]:
    """What each reading makes of the value, out of the database."""
    key = people.add_product(connection, "thing", attrs={"it": value})
    asked = [BY_TYPE[kind](products.c.attrs, literal("it", Text)).label(kind) for kind in FieldType]
    row = connection.execute(select(*asked).where(products.c.id == key)).one()
    return dict(zip(FieldType, row, strict=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON_VALUES)
def test_readings_agree(engine: Engine, value: Any) -> None:
    with dry_run(engine) as connection:
        found = stored(connection, value)
    if (listed := found[FieldType.LIST]) is not None:
        found[FieldType.LIST] = json.loads(listed)
    # The database has been through JSON; so must Python.
    assert found == {kind: readable(kind, json.loads(json.dumps(value))) for kind in FieldType}


@pytest.mark.parametrize(
    ("kind", "value", "meaning"),
    [
        (FieldType.TEXT, "x", "x"), (FieldType.TEXT, 2040, "2040"), (FieldType.TEXT, -5, "-5"),
        (FieldType.TEXT, 1.5, None),
        (FieldType.TEXT, True, None), (FieldType.TEXT, 1234567890123456, None), (FieldType.TEXT, "a\0", None),
        (FieldType.NUMBER, 3, 3.0), (FieldType.NUMBER, " 3.50 ", 3.5), (FieldType.NUMBER, "1e3", None),
        (FieldType.NUMBER, True, None), (FieldType.NUMBER, 2e15, None), (FieldType.NUMBER, "٣", None),
        (FieldType.BOOL, True, True), (FieldType.BOOL, "true", None), (FieldType.BOOL, 1, None),
        (FieldType.DATE, "2024-02-29", date(2024, 2, 29)), (FieldType.DATE, "2023-02-29", None),
        (FieldType.DATE, "0000-01-01", None), (FieldType.DATE, "2024-02-29T00:00", None),
        (FieldType.DATE, 20240229, None),
        (FieldType.INSTANT, "1970-01-01T02:00+02:00", 0), (FieldType.INSTANT, "1970-01-01 00:00:00.5", 500_000),
        (FieldType.INSTANT, "1970-01-02T00:00Z", 86_400_000_000), (FieldType.INSTANT, "1970-01-01", None),
        (FieldType.INSTANT, "1970-01-01T24:00", None), (FieldType.LIST, [1], [1]), (FieldType.LIST, "[1]", None),
    ],
)  # fmt: skip
def test_readable(kind: FieldType, value: Any, meaning: Any) -> None:
    assert readable(kind, value) == meaning


@pytest.mark.parametrize("part", TEXTS)
def test_lists_hold_texts_exactly(engine: Engine, part: str) -> None:
    with dry_run(engine) as connection:
        attrs = {"all": list(TEXTS), "others": [t for t in TEXTS if t != part] + [10, None], "none": "text"}
        connection.execute(insert(products).values(sku="thing", name="thing", attrs=attrs))
        asked = [regulars_list_holds(products.c.attrs, literal(k, Text), literal(part, Text)) for k in attrs]
        assert connection.execute(select(*asked)).one() == (True, False, None)


def test_json_that_is_no_object_has_no_fields(engine: Engine) -> None:
    with dry_run(engine) as connection:
        for whole in ([1], "it", 5, None):
            key = people.add_product(connection, f"thing-{whole}", attrs=whole)
            asked = select(*(read(products.c.attrs, literal("it", Text)) for read in BY_TYPE.values()))
            assert set(connection.execute(asked.where(products.c.id == key)).one()) == {None}
