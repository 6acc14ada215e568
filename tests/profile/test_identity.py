"""Who is meant by an id, and that everything asks in one place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import regulars
from regulars.profile.identity import different_people, only_addressed

SOURCE = Path(regulars.__file__).parent
BY_ID = re.compile(r"lookup\([^()]*customers\.c\.external_id|customers\.c\.external_id(?: ==|\.in_\()")
"""A client looked for by an outside id, past the aliases."""


def test_clients_are_looked_for_by_id_in_one_place() -> None:
    texts = {path.relative_to(SOURCE).as_posix(): path.read_text("utf-8") for path in SOURCE.rglob("*.py")}
    assert len(texts) > 200
    found = {name: BY_ID.findall(text) for name, text in texts.items()}
    assert {name: places for name, places in found.items() if places} == {}
    assert BY_ID.search("lookup(connection, customers.c.external_id, names, customers.c.id)")
    assert BY_ID.search("select(customers.c.id).where(customers.c.external_id == name)")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ana@client.example", True), ("signup-0123456789abcdef01234567", True), ("signup-12", False), ("7001", False),
    ],
)  # fmt: skip
def test_who_is_known_by_an_address_alone(name: str, expected: bool) -> None:
    assert only_addressed(name) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"first_name": "Ana"}, {"first_name": "ana "}, False),
        ({"name": "Ana  Rusu"}, {"name": "ANA RUSU"}, False),
        ({"first_name": "Ana"}, {"first_name": "Tiit"}, True),
        ({"first_name": "Ana"}, {"first_name": None, "birthday": "1992-02-29"}, False),
        ({"first_name": "Ana", "birthday": "1992-02-29"}, {"first_name": "Ana", "birthday": "2015-06-16"}, True),
        ({}, {}, False),
    ],
)
def test_who_is_another_person(one: dict[str, Any], other: dict[str, Any], expected: bool) -> None:
    assert different_people(one, other) is expected
    assert different_people(other, one) is expected
