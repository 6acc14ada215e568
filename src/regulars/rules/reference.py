"""The tables of keys in docs/rules.md, made from the JSON Schema, so that page and models cannot disagree."""

from __future__ import annotations

from typing import Any

from regulars.rules.schema import json_schema

TABLES = (
    "Company",
    "Policy",
    "Delivery",
    "MailServer",
    "WarmUp",
    "Points",
    "PolicyGuard",
    "Tracking",
    "Utm",
    "Campaign",
    "GlobalHoldout",
    "Goal",
    "Step",
    "WaitFor",
    "Choose",
    "Branch",
    "Start",
    "Wave",
    "Variant",
    "Coupon",
    "Survey",
    "Question",
    "Signup",
    "Hook",
    "Take",
    "Notify",
    "RuleTest",
    "Expectation",
    "ExpectedCoupon",
    "TestProduct",
)


def filled(page: str) -> str:
    """The page with every table between `<!-- keys: NAME -->` and `<!-- end -->` made anew."""
    definitions = json_schema()["$defs"]
    for name in TABLES:
        begin = f"<!-- keys: {name} -->\n"
        if begin not in page:
            raise ValueError(f"the page has no place for the keys of {name}")
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition("<!-- end -->")
        page = f"{head}{begin}\n{_table(definitions[name], definitions)}\n<!-- end -->{tail}"
    return page


def _table(definition: dict[str, Any], definitions: dict[str, Any]) -> str:
    definition = next((each for each in definition.get("anyOf", ()) if "properties" in each), definition)
    rows = ["| key | value | meaning |", "|---|---|---|"]
    required = definition.get("required", [])
    for key, schema in definition["properties"].items():
        value = _value(schema, definitions)
        if key in required:
            value = f"**required** {value}"
        elif "default" in schema:
            value += f", default `{_plain(schema['default'])}`"
        rows.append(f"| `{key}` | {value.replace('|', chr(92) + '|')} | {schema.get('description', '')} |")
    return "\n".join(rows) + "\n"


def _value(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The permitted value, in a few words."""
    if "$ref" in schema:
        return _referenced(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    if options:
        return _choice(_value(options[0], definitions), options[1:])
    if "enum" in schema:
        return " or ".join(f"`{word}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("format") == "regulars-condition":
        return "condition"
    if "examples" in schema:
        return f"such as `{schema['examples'][0]}`"
    if schema.get("type") == "array":
        return "list"
    return {"string": "text", "integer": "whole number", "boolean": "`true` or `false`"}.get(
        str(schema.get("type")), "number" if "type" not in schema else "keys"
    )


def _referenced(definition: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "anyOf" in definition:
        return f"{_value(definition['anyOf'][0], definitions)}, or keys, see below"
    return _value(definition, definitions) if "enum" in definition else "keys, see below"


def _choice(first: str, others: list[dict[str, Any]]) -> str:
    if {"type": "boolean"} in others:
        return f"`true`, `false`, or {first}"
    if any(other.get("type") == "object" for other in others):
        named = any("patternProperties" in other for other in others)
        return f"{first}, or one for each {'step' if named else 'language'}"
    return first + (", or a list of these" if others else "")


def _plain(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)
