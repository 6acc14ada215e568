"""The sections `fields`, `events`, `topics` and `calendars`: names that the workspace adds to the built-in ones."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from regulars.core.diagnostics import did_you_mean, nearest
from regulars.core.holidays import countries, names
from regulars.rules.calendar_days import DEFAULT, PUBLIC, CalendarDate, CalendarDay
from regulars.rules.fields import CUSTOMER, EVENTS, FieldType
from regulars.rules.survey import Texts
from regulars.rules.tree import Entries, Loc, Node, Scalar, data, find, found
from regulars.rules.validation_messages import EVENT_NAME, PHRASE_WORDS, ValidationMessages, reworded

_FIELD = re.compile(r"[a-z][a-z0-9_]*")
_EVENT = r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$"
_TOPIC = r"[a-z][a-z0-9-]*"
_TEXTS: TypeAdapter[dict[str, str]] = TypeAdapter(Texts)
_FIELD_TYPES = (FieldType.TEXT, FieldType.NUMBER, FieldType.BOOL, FieldType.DATE, FieldType.LIST)


def fields(root: Node, messages: ValidationMessages) -> dict[str, FieldType]:
    """The workspace's own fields of clients."""
    declared = _typed(root, ("fields",), messages, _FIELD_TYPES)
    for name in [name for name in declared if name in CUSTOMER]:
        message = f"every client has `{name}` already"
        messages.add("R019", message, ("fields", name), key=True, hint="remove this line")
        del declared[name]
    return declared


def events(root: Node, messages: ValidationMessages) -> dict[str, Mapping[str, FieldType]]:
    """The declared events with their fields; fields declared for a built-in event are added to its own."""
    section = find(root, ("events",))
    if section is None:
        return {}
    if not isinstance(section, Entries):
        expected = "a name for each event, with its fields and their types indented under it"
        messages.add("R003", f"`events` is {found(section)}", ("events",), key=True, expected=expected)
        return {}
    declared: dict[str, Mapping[str, FieldType]] = {}
    for name in section.entries:
        loc: Loc = ("events", name)
        if not re.fullmatch(_EVENT, name):
            better = reworded(name, _EVENT)
            hint = f"write `{better}`" if better else None
            message = f"`{name}` cannot be the name of an event"
            messages.add("R006", message, loc, key=True, expected=EVENT_NAME, hint=hint)
            continue
        own = _typed(root, loc, messages, tuple(FieldType))
        for again in [key for key in own if key in EVENTS.get(name, {})]:
            message = f"every `{name}` has `{again}` already"
            messages.add("R019", message, (*loc, again), key=True, hint="remove this line")
        declared[name] = {**own, **EVENTS.get(name, {})}
    return declared


def topics(root: Node, messages: ValidationMessages) -> dict[str, Mapping[str, str]]:
    """The names of topics, by language."""
    section = find(root, ("topics",))
    if section is None:
        return {}
    expected = "a name for each topic, and after it what clients read"
    if not isinstance(section, Entries):
        messages.add("R003", f"`topics` is {found(section)}", ("topics",), key=True, expected=expected)
        return {}
    declared: dict[str, Mapping[str, str]] = {}
    for name, entry in section.entries.items():
        if not re.fullmatch(_TOPIC, name):
            better = reworded(name)
            messages.add(
                "R006", f"`{name}` cannot be the name of a topic", ("topics", name), key=True,
                expected="small letters, digits and hyphens, beginning with a letter, such as `surveys`",
                hint=f"write `{better}`" if better else None,
            )  # fmt: skip
            continue
        try:
            declared[name] = _TEXTS.validate_python(data(entry.value))
        except ValidationError:
            wanted = "what clients read, once or by language: `{en: Surveys, uk: Опитування}`"
            messages.add("R003", f"`{name}` is {found(entry.value)}", ("topics", name), expected=wanted)
    return declared


def calendars(root: Node, messages: ValidationMessages) -> dict[str, CalendarDay]:
    """Calendar days by name, for all or by country."""
    section = find(root, ("calendars",))
    if section is None:
        return {}
    if not isinstance(section, Entries):
        expected = "a name for each day, and after it when it is: `new-year: 1 january`"
        messages.add("R003", f"`calendars` is {found(section)}", ("calendars",), key=True, expected=expected)
        return {}
    declared: dict[str, CalendarDay] = {}
    for name, entry in section.entries.items():
        loc: Loc = ("calendars", name)
        if not re.fullmatch(_TOPIC, name):
            better = reworded(name)
            messages.add(
                "R006", f"`{name}` cannot be the name of a day", loc, key=True,
                expected="small letters, digits and hyphens, beginning with a letter, such as `new-year`",
                hint=f"write `{better}`" if better else None,
            )  # fmt: skip
            continue
        days: dict[str, CalendarDate | None] = {}
        if isinstance(entry.value, Entries):
            for country, each in entry.value.entries.items():
                if _country(messages, (*loc, country), country):
                    days[country] = _calendar_day(messages, (*loc, country), each.value)
        else:
            days[DEFAULT] = _calendar_day(messages, loc, entry.value)
        declared[name] = CalendarDay(name, days)
    return declared


def _country(messages: ValidationMessages, loc: Loc, written: str) -> bool:
    if written == DEFAULT or written in countries():
        return True
    near = written.upper() if written.upper() in countries() else nearest(written, [DEFAULT])
    messages.add(
        "R033", f"`{written}` is no country", loc, key=True,
        expected="two letters such as `EE`, or `default` for all others",
        hint=f"write `{near}`" if near else None,
    )  # fmt: skip
    return False


def _calendar_day(messages: ValidationMessages, loc: Loc, node: Node) -> CalendarDate | None:
    text = node.text if isinstance(node, Scalar) and not node.null else ""
    if text == "none":
        return None
    country = str(loc[2]) if len(loc) == 3 else DEFAULT
    try:
        return CalendarDate.parse(text, country)
    except ValueError:
        expected, hint = _wanted(text, country)
        messages.add("R003", f"`{loc[-1]}` is {found(node)}", loc, expected=expected, hint=hint)
        return None


def _wanted(text: str, country: str) -> tuple[str, str | None]:
    """What is expected of a date of the year, and the nearest valid phrase."""
    if public := PUBLIC.search(text.lower()):
        if country not in countries():
            return "a public holiday for one country, such as `TR: public holiday Eid al-Fitr`", None
        known = sorted(names(country))
        listed = f"a public holiday there: {', '.join(f'`{each}`' for each in known)}"
        return listed if known else "a date: no public holidays are known there", did_you_mean(public[1], known)
    words = [word for word in re.findall(r"[a-z]{3,}", text.lower()) if word not in PHRASE_WORDS]
    hint = next((hint for word in words if (hint := did_you_mean(word, PHRASE_WORDS))), None)
    return "`1 january`, `second sunday of may`, `orthodox easter`, `1 day after easter`, or `none`", hint


def _typed(root: Node, loc: Loc, messages: ValidationMessages, allowed: tuple[FieldType, ...]) -> dict[str, FieldType]:
    node = find(root, loc)
    types = " or ".join(f"`{kind}`" for kind in allowed)
    if node is None or (isinstance(node, Scalar) and node.null):
        return {}
    if not isinstance(node, Entries):
        expected = f"a line for each field: its name and its type, {types}"
        messages.add("R003", f"`{loc[-1]}` is {found(node)}", loc, expected=expected)
        return {}
    declared: dict[str, FieldType] = {}
    for name, entry in node.entries.items():
        here: Loc = (*loc, name)
        if not _FIELD.fullmatch(name):
            message = f"`{name}` cannot be the name of a field"
            better = re.sub(r"\W+", "_", name.lower()).strip("_")
            hint = f"write `{better}`" if _FIELD.fullmatch(better) else None
            expected = "small letters, digits and `_`, beginning with a letter, such as `shoe_size`"
            messages.add("R006", message, here, key=True, expected=expected, hint=hint)
            continue
        written = entry.value.text if isinstance(entry.value, Scalar) else ""
        if written in set(allowed):
            declared[name] = FieldType(written)
        else:
            hint = did_you_mean(written, allowed)
            messages.add("R004", f"`{name}` is {found(entry.value)}", here, expected=types, hint=hint)
    return declared
