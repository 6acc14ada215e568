"""The JSON Schema of a rule file, made from the models that validate it, for editors to complete and check.

It covers shapes and words; references between parts (events, campaigns, emails) are checked only by `regulars check`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from regulars.core.clock import words
from regulars.core.working import Wait, Week
from regulars.rules.delivery_rules import Delivery
from regulars.rules.fields import CUSTOMER, FieldType
from regulars.rules.goal_rules import SHORT_PATTERN, Attribution
from regulars.rules.grammar import Backfill
from regulars.rules.model import SENDS, TRIGGERS, Campaign, Company, Part, Policy, RuleTest
from regulars.rules.notify_rules import Notify
from regulars.rules.offer import BENEFITS
from regulars.rules.signup import Signup
from regulars.rules.survey import Survey
from regulars.rules.tariff import Points
from regulars.rules.webhook_rules import Hook

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAME = r"^[a-z][a-z0-9-]*$"
_EVENT = r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$"
_FIELD = r"^[a-z][a-z0-9_]*$"
CONDITION = "regulars-condition"
"""The format of a condition in the schema."""
_TEXT = {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Names:
    """The names of a workspace, with which editors complete: segments, own fields of clients, events, emails."""

    segments: Iterable[str] = ()
    fields: Iterable[str] = ()
    events: Iterable[str] = ()
    emails: Iterable[str] = ()


def json_schema(names: Names = Names()) -> dict[str, Any]:
    """The schema of one rule file, as JSON-ready data."""
    models: list[tuple[type[Part], Literal["validation"]]] = [
        (model, "validation")
        for model in (Company, Policy, Delivery, Points, Survey, Signup, Hook, Notify, Campaign, RuleTest)
    ]
    _, made = models_json_schema(
        models,
        by_alias=True,
        ref_template="#/$defs/{model}",
        schema_generator=_Generator,
    )
    definitions = made["$defs"]
    for definition in definitions.values():
        _as_authors_write(definition)
    _campaign(definitions["Campaign"])
    short = {"type": "string", "pattern": SHORT_PATTERN, "examples": ["purchase within 14 days"]}
    whole = definitions["GlobalHoldout"]
    definitions["GlobalHoldout"] = {"anyOf": [whole["properties"]["share"], whole]}
    definitions["Goal"] = {"anyOf": [short, definitions["Goal"]]}
    _one_for_a_list(definitions["Expectation"], ("outranks",))
    _benefit(definitions["Coupon"])
    purchase = {"anyOf": [definitions["TestPurchase"]["properties"]["at"], definitions["TestPurchase"]]}
    definitions["TestPurchase"] = purchase
    ends = definitions["Exit"]
    definitions["Exit"] = {"description": ends["description"], "anyOf": [{"const": "exit"}, ends]}
    schema = {
        "$schema": DIALECT,
        "title": "Regulars rule file",
        "description": "Company, policy and email campaigns. `regulars check` checks more than an editor can.",
        "type": "object",
        "additionalProperties": False,
        "properties": _sections(),
        "$defs": dict(sorted(definitions.items())),
    }
    fields = [f"customer.{name}" for name in sorted({*CUSTOMER, *names.fields})]
    _complete(schema, [*(f"in_segment('{name}')" for name in sorted(names.segments)), *fields])
    for definition in definitions.values():
        _complete_names(definition.get("properties", {}), names)
    return schema


class _Generator(GenerateJsonSchema):
    """Writes defaults in the form that authors use."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return words(dft)
        if isinstance(dft, time):
            return f"{dft:%H:%M}"
        return str(dft) if isinstance(dft, (Attribution, Backfill, Wait, Week)) else super().encode_default(dft)


def _sections() -> dict[str, Any]:
    field_types = ["text", "number", "bool", "date", "list"]
    event_types = [str(kind) for kind in FieldType]
    return {
        "company": {"$ref": "#/$defs/Company"},
        "policy": {"anyOf": [{"$ref": "#/$defs/Policy"}, {"type": "null"}]},
        "delivery": {"anyOf": [{"$ref": "#/$defs/Delivery"}, {"type": "null"}]},
        "points": {"anyOf": [{"$ref": "#/$defs/Points"}, {"type": "null"}]},
        "events": {
            "description": "What may happen to a client: the name of each event, its fields and their types",
            **_named(_EVENT, {**_named(_FIELD, {"enum": event_types}), "examples": [{"score": "number"}]}),
        },
        "fields": {
            "description": "Fields of clients beside the built-in ones",
            **_named(_FIELD, {"enum": field_types}),
        },
        "topics": {
            "description": "What clients read for each topic, once or by language",
            **_named(_NAME, {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": _TEXT}]}),
        },
        "calendars": {
            "description": "Days that campaigns keep each year, once or by country",
            **_named(_NAME, {"anyOf": [{"type": "string"}, _named(r"^([A-Z]{2}|default)$", {"type": "string"})]}),
        },
        "segments": {
            "description": "Conditions by name, for `in_segment('name')` in any condition",
            **_named(_NAME, {**_TEXT, "format": CONDITION}),
        },
        "signup": {"anyOf": [{"$ref": "#/$defs/Signup"}, {"type": "null"}]},
        "hooks": {
            "description": "Who may send signed messages, and what is taken from them",
            **_named(_NAME, {"$ref": "#/$defs/Hook"}),
        },
        "notify": {
            "description": "Programs that are told of what happens, by signed messages",
            **_named(_NAME, {"$ref": "#/$defs/Notify"}),
        },
        "surveys": {
            "description": "Pages of questions by name",
            **_named(_NAME, {"$ref": "#/$defs/Survey"}),
        },
        "campaigns": {
            "description": "The rules by name",
            **_named(_NAME, {"$ref": "#/$defs/Campaign"}),
        },
        "tests": {"type": ["array", "null"], "items": {"$ref": "#/$defs/RuleTest"}},
    }


def _named(pattern: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "propertyNames": {"pattern": pattern}, "additionalProperties": schema}


def _as_authors_write(definition: dict[str, Any]) -> None:
    """Removes internal fields, titles that repeat the key, and defaults in another form than authors write."""
    properties = definition.get("properties", {})
    for name in [name for name, schema in properties.items() if schema.get("regulars") == "internal"]:
        del properties[name]
    for schema in properties.values():
        schema.pop("title", None)
        if schema.get("default") in (None, 0, "") or not isinstance(schema["default"], (str, int, bool)):
            schema.pop("default", None)


def _complete(part: Any, examples: list[str]) -> None:
    """Adds the examples to every condition in a part of the schema."""
    if isinstance(part, dict):
        if part.get("format") == CONDITION and examples:
            part["examples"] = examples
        for each in part.values():
            _complete(each, examples)
    elif isinstance(part, list):
        for each in part:
            _complete(each, examples)


def _complete_names(properties: dict[str, Any], names: Names) -> None:
    """Adds the names of emails and events as examples, alone and in the phrases that begin with an event."""
    events = sorted(names.events)
    examples = {
        "email": sorted(names.emails),
        "on": events,
        "until": events,
        "wait_for": [f"{name} within 7 days" for name in events],
        "goal": [f"{name} within 14 days" for name in events],
    }
    for name, found in examples.items():
        if found and name in properties:
            properties[name] = {**properties[name], "examples": found}


def _one_for_a_list(definition: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Permits a single value for a list of one."""
    properties = definition["properties"]
    for key in keys:
        many = properties[key]
        array = next((s for s in many.get("anyOf", [many]) if s.get("type") == "array"), many)
        about = {"description": many["description"]} if "description" in many else {}
        properties[key] = {**about, "anyOf": [array["items"], {"type": "array", "items": array["items"]}]}


def _campaign(definition: dict[str, Any]) -> None:
    _one_for_a_list(definition, ("at", "cc", "goal"))
    definition["allOf"] = [
        {"oneOf": [{"required": [key]} for key in TRIGGERS]},
        {"oneOf": [{"required": [key]} for key in SENDS]},
    ]


def _benefit(definition: dict[str, Any]) -> None:
    definition["oneOf"] = [{"required": [key]} for key in BENEFITS]
