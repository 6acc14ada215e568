"""The JSON Schema: itself valid, true to the models, and of one mind with the loader about whole files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from regulars.rules.codes import Code
from regulars.rules.codes_rules import table
from regulars.rules.schema import json_schema
from regulars.rules.tree import data
from regulars.rules.yaml_source import parse
from tests.rules.folders import COMPANY, Case, cases

ROOT = Path(__file__).parents[2]
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
SHAPES = ("R001", "R002", "R003", "R004", "R005", "R006", "R007", "R008", "R010")
"""Codes whose faults a schema can know of."""
BEYOND = {
    "references: a website that is no address",
    "references: a test on a day that does not exist",
    "shape: a day that does not exist",
    "shape: a backfill since a day that does not exist",
    "shape: a time zone that does not exist",
    "shape: a weekday that is none",
    "shape: a day that no year has",
    "shape: a misspelt day of the year",
    "shape: a public holiday that the country does not have",
    "shape: a public holiday of no country",
    "shape: a public holiday where none are known",
    "shape: hours that end before they begin",
    "shape: holidays of a country that is not known",
    "shape: a wait beyond all calendars",
    "shape: a 30 February every year",
    "shape: a schedule of every minute",
    "shape: a schedule with seconds",
    "shape: a line break in a campaign's name",  # the pattern's `$` forgives it in Python's regular expressions
    "shape: a line break in an event's name",
}
"""Cases of those codes that need a calendar, a list of zones or our own grammar, not a schema."""


def faults(text: str) -> list[str]:
    root = parse(text.encode(), "f.yaml").root
    assert root is not None
    return [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(data(root, typed=True))]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted((ROOT / "campaigns").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_starter_validates(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


def test_the_company_of_the_tests_validates() -> None:
    assert faults(COMPANY) == []


@pytest.mark.parametrize("code", [c for c in table().values() if c.right], ids=lambda code: code.code)
def test_right_examples_validate(code: Code) -> None:
    assert faults(code.right) == []


@pytest.mark.parametrize(
    "case", [c for c in cases() if c.code in SHAPES and c.name not in BEYOND], ids=lambda case: case.name
)
def test_broken_shapes_do_not(case: Case) -> None:
    assert faults(case.fail) != []


def everything(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [inner for item in schema for inner in everything(item)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(inner for value in schema.values() for inner in everything(value))]


def test_examples_and_defaults_fit_their_own_schema() -> None:
    seen = 0
    for part in everything(SCHEMA):
        own = Draft202012Validator({**part, "$defs": SCHEMA["$defs"]}) if "type" in part or "$ref" in part else None
        for example in [*part.get("examples", []), *([part["default"]] if "default" in part else [])]:
            if own is not None:
                seen += 1
                assert own.is_valid(example), (example, part)
    assert seen > 20


def test_internal_fields_are_not_in_it() -> None:
    assert "name" not in SCHEMA["$defs"]["Campaign"]["properties"]
    assert "purchases" not in SCHEMA["$defs"]["RuleTest"]["properties"]
    assert not [part for part in everything(SCHEMA) if "regulars" in part]


def test_every_key_is_described() -> None:
    for name in ("Company", "Policy", "Campaign", "Step", "Coupon", "Expectation", "RuleTest"):
        for key, schema in SCHEMA["$defs"][name]["properties"].items():
            assert schema.get("description"), f"{name}.{key}"
