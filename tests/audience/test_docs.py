"""docs/conditions.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regulars.audience.expression import parse
from regulars.audience.vocabulary import BUILT_IN, FUNCTIONS, Catalogue, Field
from regulars.rules.fields import EVENTS, FieldType

PAGE = (Path(__file__).parents[2] / "docs" / "conditions.md").read_text("utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")]
OWN = {"vip": FieldType.BOOL, "topics": FieldType.LIST}
CATALOGUE = Catalogue(
    fields={**{n: Field(n, kind, "", custom=True) for n, kind in OWN.items()}, **BUILT_IN},
    events={**EVENTS, "complaint.opened": {}, "refund": {}, "visit.done": {"score": FieldType.NUMBER}},
)
FIRST_SET = PAGE.partition("## A first set")[2].partition("##")[0]


@pytest.mark.parametrize("field", BUILT_IN.values(), ids=list(BUILT_IN))
def test_every_field_is_there_with_its_type_and_meaning(field: Field) -> None:
    assert [f"`{field.name}`", str(field.type), field.doc] in ROWS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_there_with_its_use_and_meaning(name: str) -> None:
    [row] = [row for row in ROWS if row[0] == f"`{FUNCTIONS[name].usage}`"]
    assert row[2] == FUNCTIONS[name].doc


@pytest.mark.parametrize("field", sorted(EVENTS["purchase"]))
def test_the_fields_of_a_purchase_are_there(field: str) -> None:
    assert f"`{field}`" in PAGE.partition("`event.FIELD`")[2].partition("## ")[0]


@pytest.mark.parametrize("condition", re.findall(r"^\| `([^`]+)` \|", FIRST_SET, re.MULTILINE))
def test_the_first_set_is_right(condition: str) -> None:
    assert parse(condition, CATALOGUE, "visit.done").text == condition


@pytest.mark.parametrize("condition", [c for row in ROWS for c in re.findall(r"`(customer\.[^`]*[ ][^`]*)`", row[-1])])
def test_the_examples_of_writing_are_right(condition: str) -> None:
    assert parse(condition, CATALOGUE).text == condition


def test_the_page_has_examples() -> None:
    assert len(re.findall(r"^\| `([^`]+)` \|", FIRST_SET, re.MULTILINE)) > 8
    assert sum(len(re.findall(r"`(customer\.[^`]*[ ][^`]*)`", row[-1])) for row in ROWS) > 5
