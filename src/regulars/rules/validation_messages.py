"""Validation errors of the models, turned into diagnostics at the place of the fault.

pydantic's error becomes a sentence, the expected value and the nearest valid word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from regulars.core.diagnostics import Diagnostic, Span, did_you_mean
from regulars.core.holidays import regions
from regulars.rules.steps import STEP_KINDS
from regulars.rules.tree import Entries, Loc, Node, Scalar, find, found, key_span

_VOCABULARY = re.compile(r"[a-z]{3,}")
PHRASE_WORDS = frozenset(
    re.findall(
        r"\w+",
        "minute minutes hour hours day days week weeks month months year years per since customer before after never "
        "always none all within working daily weekly monthly quarterly yearly first second third fourth last monday "
        "tuesday wednesday thursday friday saturday sunday january february march april may june july august september "
        "october november december easter orthodox public holiday of on",
    )
)
CAREFUL = frozenset(
    {"backfill", "was", "again", "transactional", "resend", "ignore", "opt-out", "all", "always"}
)  # fmt: skip
"""Keys and words that send more emails or lift a protection: suggested only for a typing mistake."""
_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "`true` or `false`",
    "bool_parsing": "`true` or `false`",
    "tuple_type": "a list: one item a line, each beginning with `- `",
    "list_type": "a list: one item a line, each beginning with `- `",
    "dict_type": "keys with values, indented under this one",
    "model_type": "keys with values, indented under this one",
    "model_attributes_type": "keys with values, indented under this one",
}
_IN_THE_MODELS = ("parts", "words", 0)
"""Steps of a location in the models that the file does not have; 0 is the first of a list of one."""
_PATTERNS = {
    r"^[a-z][a-z0-9-]*$": "small letters, digits and hyphens, beginning with a letter, such as `win-back`",
    r"^[A-Z]{3}$": "a currency of three capital letters, such as `EUR`",
    r"^#[0-9a-fA-F]{6}$": "a colour such as `#2f5d50`",
    r"^[A-Z0-9][A-Z0-9-]{2,39}$": "capital letters, digits and hyphens, three or more, such as `SUMMER26`",
    r"^[A-Z0-9]{0,8}$": "at most eight capital letters and digits, such as `BACK`",
}
EVENT_NAME = "small letters, digits, hyphens and dots, beginning with a letter, such as `meeting.completed`"


class ValidationMessages:
    """Collects the diagnostics of one rulebook; `root` is the tree all locations refer to."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.diagnostics: list[Diagnostic] = []
        self._known: set[Diagnostic] = set()

    def add(
        self, code: str, message: str, loc: Loc, *, key: bool = False, part: Span | None = None, **more: Any
    ) -> None:
        """A diagnostic at a value; with `key` at its key, with `part` there."""
        fault = Diagnostic(code, message, part or self.span(loc, key=key), **more)
        if fault not in self._known:  # an aliased value has several places in the tree, and one in the file
            self._known.add(fault)
            self.diagnostics.append(fault)

    def span(self, loc: Loc, *, key: bool = False) -> Span | None:
        """The place of a value or key, or of the nearest enclosing one."""
        while loc:
            node = find(self.root, loc)
            if isinstance(node, Scalar) and not node.null and not key:
                return node.span
            if node is not None:
                return key_span(self.root, loc) or node.span
            loc = loc[:-1]
        return None

    def of(self, error: ValidationError, base: Loc, model: type[BaseModel]) -> None:
        """All errors of the part of the file at `base`."""
        for item in error.errors(include_url=False):
            if item["type"] in ("shape", "one_benefit", "same_step", "no_email", "one_of_two", "ends_first"):
                continue  # reported by checks, which also runs where fields are wrong
            if item["loc"][-1:] == ("choose",) and item["type"] in ("too_short", "tuple_type"):
                continue  # reported by sequence_checks
            self._one(item, base, model)

    def _one(self, item: Any, base: Loc, model: type[BaseModel]) -> None:
        loc = self._written(base, item["loc"])
        kind, context = item["type"], item.get("ctx", {})
        name = loc[-1] if loc else ""
        node = find(self.root, loc)
        if kind == "extra_forbidden":
            self.unknown_key(loc, keys_of(model, item["loc"][:-1]))
        elif kind == "missing":
            self._missing(str(item["loc"][-1]), base, item["loc"])
        elif kind in ("literal_error", "enum"):
            self._word(loc, node, re.findall(r"'([^']*)'", str(context.get("expected", ""))) or ["exit"])
        elif kind in ("phrase", "zone"):
            self._phrase(loc, node, context)
        elif kind == "string_pattern_mismatch":
            self._pattern(loc, node, str(context.get("pattern", "")))
        elif kind in _TYPES:
            what = _place(loc) if isinstance(name, int) else f"`{name}`"
            hint = _number_hint(kind, node)
            if isinstance(name, int) and isinstance(node, Scalar):  # an item of a list of steps
                hint = did_you_mean(node.text, ("exit",))
            self.add("R003", f"{what} is {found(node)}", loc, expected=_TYPES[kind], hint=hint)
        elif kind == "string_too_short":
            self.add("R005", f"`{name}` is empty", loc)
        else:  # bounds, and any error of a later pydantic
            self.add("R005", f"`{name}` is {found(node)}", loc, expected=_bound(item["msg"]))

    def _written(self, base: Loc, loc: Sequence[str | int]) -> Loc:
        """The place of a pydantic location in the file, without the steps that exist only in the models."""
        if base[:1] == ("tests",) and loc[:1] == ("purchases",):
            loc = ("customer", *loc)
        whole: Loc = base
        for index, part in enumerate(loc):
            if part in STEP_KINDS:
                continue
            if find(self.root, (*whole, part)) is not None or (
                index == len(loc) - 1 and isinstance(find(self.root, whole), Entries) and part not in _IN_THE_MODELS
            ):
                whole = (*whole, part)
        return whole

    def unknown_key(self, loc: Loc, known: Sequence[str]) -> None:
        """Reports an unknown key."""
        name = str(loc[-1])
        self.add(
            "R001",
            f"`{name}` is not a key of {_place(loc[:-1])}",
            loc,
            key=True,
            expected="one of " + ", ".join(f"`{key}`" for key in sorted(known)),
            hint=did_you_mean(name, known, CAREFUL) or _comma_hint(name, find(self.root, loc)),
        )

    def _missing(self, name: str, base: Loc, loc: Sequence[str | int]) -> None:
        around = self._written(base, loc[:-1])
        node = find(self.root, (*around, name))
        what = "has no value" if node is not None else "is missing"
        place = (*around, name) if node is not None else around
        self.add("R002", f"`{name}` {what} in {_place(around)}", place, key=True)

    def _word(self, loc: Loc, node: Node | None, allowed: Sequence[str]) -> None:
        written = node.text if isinstance(node, Scalar) else ""
        self.add(
            "R004",
            f"`{loc[-1]}` is {found(node)}",
            loc,
            expected=" or ".join(f"`{word}`" for word in allowed),
            hint=did_you_mean(written, allowed, CAREFUL),
        )

    def _phrase(self, loc: Loc, node: Node | None, context: Mapping[str, Any]) -> None:
        expected = f"{context['noun']} such as `{context['example']}`"
        if not isinstance(node, Scalar) or node.null:
            self.add("R003", f"`{loc[-1]}` is {found(node)}", loc, expected=expected)
            return
        hint = next(
            (
                hint
                for word in _VOCABULARY.findall(node.text.lower())
                if word not in PHRASE_WORDS and (hint := did_you_mean(word, PHRASE_WORDS, CAREFUL))
            ),
            None,
        )
        if context["noun"] == "an IANA time zone":
            hint = did_you_mean(node.text, _zones())
        elif context["noun"] == "a country, or a region of it":
            hint = did_you_mean(node.text.strip().upper(), regions())
        message = str(context["said"]).partition(" such as ")[0] if " is not a" in context["said"] else context["said"]
        self.add("R003", message, loc, expected=expected, hint=hint)

    def _pattern(self, loc: Loc, node: Node | None, pattern: str) -> None:
        expected = _PATTERNS.get(pattern, EVENT_NAME)
        written = node.text if isinstance(node, Scalar) else str(loc[-1])
        better = reworded(written, pattern)
        self.add(
            "R006",
            f"`{loc[-1]}` is {found(node)}",
            loc,
            expected=expected,
            hint=f"write `{better}`" if better else None,
        )


def keys_of(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys an author may write in the part of `model` at `loc`."""
    current: Any = model
    for part in loc:
        if part in STEP_KINDS:
            current = STEP_KINDS[str(part)]
        elif isinstance(part, str) and isinstance(current, type) and issubclass(current, BaseModel):
            named = {field.alias or name: field for name, field in current.model_fields.items()}
            current = _model_in(named[part].annotation) if part in named else current
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return []
    return [
        field.alias or name
        for name, field in current.model_fields.items()
        if not (isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("regulars") == "internal")
    ]


def _model_in(annotation: Any) -> Any:
    """The model inside `tuple[Step, ...] | None` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        model = _model_in(inner)
        if model is not None:
            return model
    return None


def reworded(text: str, pattern: str = r"^[a-z][a-z0-9-]*$") -> str | None:
    """The nearest text that fits a name's pattern, or None."""
    if pattern.startswith("^[A-Z]"):
        guess = re.sub(r"[^A-Z0-9]", "", text.upper())
    elif pattern.startswith("^#"):
        guess = "#" + text.lstrip("#").lower()
    else:
        keep = r"[^a-z0-9.-]+" if "." in pattern else r"[^a-z0-9-]+"
        guess = re.sub(keep, "-", text.strip().lower()).lstrip("0123456789").strip("-.")
    return guess if guess and re.match(pattern, guess) and guess != text else None


def _zones() -> set[str]:
    import zoneinfo

    return zoneinfo.available_timezones()


def _comma_hint(name: str, node: Node | None) -> str | None:
    """In `{if: did('a', within='3 days')}` the comma ends the value, and the rest looks like a key."""
    if isinstance(node, Scalar) and node.null and re.search(r"[()='\"]", name):
        return "inside `{ }` a comma ends the value; put the whole text before it in quotes"
    return None


def _number_hint(kind: str, node: Node | None) -> str | None:
    if not isinstance(node, Scalar) or not kind.startswith(("int", "decimal")):
        return None
    number = re.search(r"-?\d+(\.\d+)?", node.text)
    whole = kind.startswith("int")
    if not number or number[0] == node.text:
        return None
    return f"write `{number[0].partition('.')[0] if whole else number[0]}`"


def _bound(message: str) -> str:
    return re.sub(r"^Input should be ", "a value ", message)


def _place(loc: Loc) -> str:
    """A location in words: the part of the file."""
    match loc:
        case ():
            return "a rule file"
        case ("company" | "policy" | "delivery" | "points" as section,):
            return f"`{section}`"
        case ("campaigns", name):
            return f"the campaign `{name}`"
        case ("tests", int()):
            return "this test"
        case (*_, "steps", int(index)):
            return f"step {index + 1}"
        case (*_, "waves", int(index)):
            return f"wave {index + 1}"
        case (*_, int(index)):
            return f"item {index + 1} of `{loc[-2] if len(loc) > 1 else ''}`"
        case _:
            return f"`{loc[-1]}`"
