"""Segments: conditions with a name, and which of them a condition uses.

Names are found in the text, without parsing it: `audience` lets no call through that writes its segment in another way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from regulars.rules.tree import Entries, Loc, Scalar, find, found
from regulars.rules.validation_messages import ValidationMessages, reworded

NAME = re.compile(r"[a-z][a-z0-9-]*")
_CALL = re.compile(r"\b(?:in|left)_segment\s*\(\s*(?:name\s*=\s*)?(?P<quote>['\"])(?P<name>[^'\"\\]*)(?P=quote)")
_EXPECTED = "a name for each segment, and after it its condition: `best: customer.spent > 500`"


@dataclass(frozen=True, slots=True)
class SegmentUse:
    """One use of a segment in a condition; `offset` is where its name begins."""

    name: str
    offset: int


def uses_in(text: str) -> Iterator[SegmentUse]:
    """The segments that a condition or a template names, in order of the text."""
    for call in _CALL.finditer(text):
        yield SegmentUse(call["name"], call.start("name"))


def used_by(texts: Iterable[str | None], segments: Mapping[str, str]) -> dict[str, str]:
    """The segments that these conditions use, with those of which they are made, by name and in order of names."""
    chosen: dict[str, str] = {}
    waiting = [text for text in texts if text] if segments else []
    while waiting:
        for use in uses_in(waiting.pop()):
            if use.name in segments and use.name not in chosen:
                chosen[use.name] = segments[use.name]
                waiting.append(segments[use.name])
    return dict(sorted(chosen.items()))


def way_round(name: str, segments: Mapping[str, str]) -> tuple[str, ...]:
    """The shortest way from a segment to itself: (`a`, `b`, `a`); empty if it is not made of itself."""
    ways: list[tuple[str, ...]] = [(name,)]
    seen = {name}
    while ways:
        following = []
        for way in ways:
            for use in uses_in(segments[way[-1]]):
                if use.name == name:
                    return (*way, name)
                if use.name in segments and use.name not in seen:
                    seen.add(use.name)
                    following.append((*way, use.name))
        ways = following
    return ()


def parts_first(segments: Mapping[str, str]) -> list[str]:
    """The names, each after those of which it is made; of segments made of each other, in any order."""
    ordered: dict[str, None] = {}

    def add(name: str, around: frozenset[str]) -> None:
        for use in uses_in(segments[name]):
            if use.name in segments and use.name not in ordered and use.name not in around:
                add(use.name, around | {use.name})
        ordered[name] = None

    for name in segments:
        if name not in ordered:
            add(name, frozenset({name}))
    return list(ordered)


def read(root: Entries, messages: ValidationMessages) -> dict[str, str]:
    """The section `segments`: the text of each condition by name; faulty lines are reported and left out."""
    section = find(root, ("segments",))
    if section is None or (isinstance(section, Scalar) and section.null):
        return {}
    if not isinstance(section, Entries):
        messages.add("R003", f"`segments` is {found(section)}", ("segments",), key=True, expected=_EXPECTED)
        return {}
    read_texts: dict[str, str] = {}
    for name, entry in section.entries.items():
        loc: Loc = ("segments", name)
        if not NAME.fullmatch(name):
            better = reworded(name)
            messages.add(
                "R006", f"`{name}` cannot be the name of a segment", loc, key=True,
                expected="small letters, digits and hyphens, beginning with a letter, such as `best`",
                hint=f"write `{better}`" if better else None,
            )  # fmt: skip
        elif isinstance(entry.value, Scalar) and not entry.value.null:
            read_texts[name] = entry.value.text
        else:
            messages.add("R003", f"`{name}` is {found(entry.value)}", loc, key=True, expected=_EXPECTED)
    return read_texts
