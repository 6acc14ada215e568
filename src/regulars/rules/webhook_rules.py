"""The section `hooks`: which messages of a shop are read, and the paths of their values.

A value is a path into the message, `data.order.id`, or a constant text, `= EUR`. Data is never executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from regulars.core.diagnostics import did_you_mean
from regulars.core.shop_signatures import Scheme
from regulars.rules.fields import CONSENT_COLUMNS, IMPORTED, FieldType
from regulars.rules.phrase_types import Name, Part
from regulars.rules.rule_test_reader import undeclared_event
from regulars.rules.tree import Entries, Loc, child, find
from regulars.rules.validation_messages import ValidationMessages

HookKind = Literal["customers", "purchases", "events"]
COLUMNS: Mapping[HookKind, tuple[str, ...]] = {
    "customers": (*IMPORTED, *CONSENT_COLUMNS),
    "purchases": (
        "id", "customer", "email", "occurred_at", "amount", "currency", "quantity", "discount", "products",
        "product_name", "price", "line_amount", "data", "status", "payment_status", "cancelled", "refunded",
    ),
    "events": ("id", "customer", "email", "name", "occurred_at", "data"),
}  # fmt: skip
"""Columns that a message can fill, beside the workspace's own fields: those of `regulars import`."""
_STEP = re.compile(r"([A-Za-z_$@][\w$@-]*)((?:\[\d{0,4}\])*)")
_INDEX = re.compile(r"\[(\d*)\]")
_MOST_VALUES = 1_000
"""Maximum number of values of one path."""


@dataclass(frozen=True, slots=True)
class Finder:
    """A path, or a constant. `steps` are keys, positions, and None for each item of a list."""

    text: str
    steps: tuple[str | int | None, ...] = ()
    constant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Finder:
        """Reads `data.lines[].sku`, `tags[0]`, or `= EUR`; raises ValueError."""
        plain = text.strip()
        if plain.startswith("="):
            value = plain[1:].strip()
            if not value:
                raise ValueError("after `=` comes the text itself")
            return cls(plain, constant=value)
        steps: list[str | int | None] = []
        for piece in plain.split("."):
            found = _STEP.fullmatch(piece)
            if found is None:
                raise ValueError(f"`{text}` is not a path such as `data.order.id`")
            steps.append(found[1])
            steps += [int(number) if number else None for number in _INDEX.findall(found[2])]
        return cls(plain, tuple(steps))

    def find(self, message: Any) -> Any:
        """The message's value at the path; None if missing. A path with `[]` returns a list."""
        if self.constant is not None:
            return self.constant
        found = [value for value, _ in zip(_walk(message, self.steps), range(_MOST_VALUES), strict=False)]
        if None in self.steps:
            return found or None
        return found[0] if found else None

    def __str__(self) -> str:
        return self.text


def _walk(value: Any, steps: tuple[str | int | None, ...]) -> Iterator[Any]:
    if not steps:
        if value is not None:
            yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield from _walk(value[step], rest)
    elif isinstance(value, list):
        for item in value if step is None else value[step : step + 1]:
            yield from _walk(item, rest)


def _read(value: Any) -> Finder:
    if isinstance(value, Finder):
        return value
    context = {"noun": "a path into the message, or `= text`,", "example": "data.order.id", "said": ""}
    if value is None or isinstance(value, (list, tuple, dict)):
        raise PydanticCustomError("phrase", "expected {noun} such as `{example}`", context)
    try:
        return Finder.parse(str(value))
    except ValueError as error:
        raise PydanticCustomError("phrase", "{said}", {**context, "said": str(error)}) from None


Path = Annotated[
    Finder,
    BeforeValidator(_read),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "description": "A path or a constant", "examples": ["data.order.id"]}),
]
_Row = dict[Annotated[str, Field(min_length=1)], Path]
Money = Literal["amount", "discount", "price", "line_amount", "refunded"]
"""Columns of amounts; `price` and `line_amount` are also those of products in a list."""
_Factor = Annotated[Decimal, Field(ge=Decimal("0.0001"), le=1_000_000)]
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")


def _read_variable(value: Any) -> str:
    if isinstance(value, str) and _VARIABLE.fullmatch(value.strip()):
        return value.strip()
    context = {"noun": "the name of an environment variable", "example": "SHOP_WEBHOOK_SECRET", "said": ""}
    raise PydanticCustomError("phrase", "expected {noun} such as `{example}`", context)


Variable = Annotated[
    str,
    BeforeValidator(_read_variable),
    WithJsonSchema({"type": "string", "description": "An environment variable", "examples": ["SHOP_WEBHOOK_SECRET"]}),
]
"""The name of an environment variable."""


_TYPE = Finder.parse("type")


class Take(Part):
    """The mapping of one type of message: one row for each given kind, filled in by column."""

    customers: _Row | None = Field(default=None, description="A client: columns of `regulars import customers`")
    purchases: _Row | None = Field(default=None, description="A purchase: columns of `regulars import purchases`")
    events: _Row | None = Field(default=None, description="An event, named by `name: = complaint.opened`")
    scale: Mapping[Money, _Factor] = Field(
        default={}, description="Factors of amounts, where they are in cents: `{amount: 0.01}`"
    )

    def rows(self, message: Any) -> Iterator[tuple[HookKind, dict[str, Any]]]:
        """The rows of the message, clients before purchases and events."""
        for kind in COLUMNS:
            row: _Row | None = getattr(self, kind)
            if row is not None:
                found = ((column, finder.find(message)) for column, finder in row.items())
                yield kind, {column: value for column, value in found if value is not None}


class Hook(Part):
    """One sender of signed messages to `/hooks/NAME`."""

    type: Path | None = Field(
        default=None, description="The path of the message's type; default: `type`, or the topic that a shop sends"
    )
    signature: Scheme = Field(
        default="standard", description="How messages are signed: with a key of ours, or as that shop signs them"
    )
    secret: Variable | None = Field(
        default=None, description="The environment variable with the secret of the shop's webhook"
    )
    keys: tuple[Name, ...] = Field(
        default=(), description="Names of accepted keys, made by `regulars key`; default: the hook's own name"
    )
    take: Mapping[str, Take] = Field(description="What is read from each type of message; others are ignored")

    name: str = Field(default="", exclude=True, json_schema_extra={"regulars": "internal"})

    @property
    def signers(self) -> tuple[str, ...]:
        """Names of the keys whose signatures are accepted."""
        return self.keys or (self.name,)

    def type_of(self, message: Any, topic: str | None = None) -> str | None:
        """The message's type: by the path, else the `topic` in a header, else `type`."""
        if self.type is None and topic is not None:
            return topic
        found = (self.type or _TYPE).find(message)
        return found if isinstance(found, str) else None


def check(
    root: Entries,
    messages: ValidationMessages,
    events: Mapping[str, Mapping[str, FieldType]],
    fields: Mapping[str, Any],
) -> None:
    """Checks that the columns of every hook exist, and that its events are declared."""
    section = child(root, "hooks")
    for name in section.entries if isinstance(section, Entries) else ():
        _check_secret(messages, ("hooks", name))
        taken = find(root, ("hooks", name, "take"))
        for kind in taken.entries if isinstance(taken, Entries) else ():
            _check_columns(messages, ("hooks", name, "take", kind), events, fields)


def _check_secret(messages: ValidationMessages, loc: Loc) -> None:
    """A shop's signature needs the shop's secret; a key of ours needs none."""
    scheme = getattr(find(messages.root, (*loc, "signature")), "text", "standard").strip()
    secret = find(messages.root, (*loc, "secret"))
    if scheme in ("shopify", "woocommerce", "stripe") and secret is None:
        messages.add(
            "R002", f"a hook signed by {scheme} needs the `secret`", (*loc, "signature"), key=True,
            expected="the name of an environment variable, such as `SHOP_WEBHOOK_SECRET`: secrets stay out of files",
        )  # fmt: skip
    elif scheme == "standard" and secret is not None:
        messages.add(
            "R001", "`secret` is for hooks that a shop signs", (*loc, "secret"), key=True,
            hint="add `signature: shopify`, `woocommerce` or `stripe`; other secrets are made by `regulars key`",
        )  # fmt: skip


def _check_columns(
    messages: ValidationMessages, loc: Loc, events: Mapping[str, Mapping[str, FieldType]], fields: Mapping[str, Any]
) -> None:
    root = messages.root
    named = _event(messages, (*loc, "events", "name"), events)
    own: Mapping[HookKind, Mapping[str, Any]] = {
        "customers": fields, "purchases": events.get("purchase", {}), "events": events.get(named or "", {}),
    }  # fmt: skip
    for kind, columns in COLUMNS.items():
        node = find(root, (*loc, kind))
        known = [*columns, *sorted(set(own[kind]) - set(columns))]
        for column in node.entries if isinstance(node, Entries) else ():
            if column not in known:
                messages.add(
                    "R014", f"`{column}` is not a column of {kind}", (*loc, kind, column), key=True,
                    expected="one of " + ", ".join(f"`{each}`" for each in known), hint=did_you_mean(column, known),
                )  # fmt: skip


def _event(messages: ValidationMessages, loc: Loc, events: Mapping[str, Any]) -> str | None:
    """The event that a constant names; it must be declared."""
    node = find(messages.root, loc)
    text = getattr(node, "text", "").strip()
    if not text.startswith("="):
        return None
    name = str(text[1:].strip())
    if name and name not in events:
        undeclared_event(messages, loc, name, events, getattr(node, "text", "").find(name))
    return name
