"""The rules of a style sheet for dark mode, and which of them hold for an element."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_SHEET = re.compile(r"<style[^>]{0,200}>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_DARK = re.compile(r"@media[^{}]{0,100}prefers-color-scheme\s*:\s*dark[^{}]{0,100}\{", re.IGNORECASE)
_RULE = re.compile(r"([^{}]{1,1000})\{([^{}]{0,4000})\}")
_PART = re.compile(r"([a-zA-Z][\w-]*|\*)?((?:\.[\w-]+)*)$")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_MOST_RULES = 500


@dataclass(frozen=True, slots=True)
class Element:
    """A tag with its classes."""

    tag: str
    classes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Simple:
    """One part of a selector, and whether the part before it must be its parent."""

    tag: str
    classes: frozenset[str]
    child: bool

    def fits(self, one: Element) -> bool:
        return self.tag in {"", "*", one.tag} and self.classes <= one.classes


@dataclass(frozen=True, slots=True)
class DarkRule:
    """One selector with its declarations. Only tags, classes, descent and children are known, as emails use them."""

    parts: tuple[_Simple, ...]
    values: Mapping[str, str]
    important: frozenset[str]
    order: int

    @property
    def weight(self) -> tuple[int, int, int]:
        """What decides between rules (CSS, "specificity"): classes, tags, place."""
        return (
            sum(len(one.classes) for one in self.parts),
            sum(one.tag not in {"", "*"} for one in self.parts),
            self.order,
        )

    def fits(self, path: Sequence[Element]) -> bool:
        """Whether it holds for the last element of a path from the root."""
        return _fits(self.parts, path)


def dark_rules(html: str) -> list[DarkRule]:
    """The rules that hold in dark mode only, the weightiest last."""
    found: list[DarkRule] = []
    for sheet in _SHEET.findall(html):
        for block in _blocks(_COMMENT.sub("", sheet)):
            for selectors, declarations in _RULE.findall(block):
                values, important = _declared(declarations)
                for selector in selectors.split(","):
                    parts = _parts(selector)
                    if parts is not None and values and len(found) < _MOST_RULES:
                        found.append(DarkRule(parts, values, important, len(found)))
    return sorted(found, key=lambda one: one.weight)


def dark_values(rules: Sequence[DarkRule], path: Sequence[Element], inline: Mapping[str, str]) -> dict[str, str]:
    """The declarations that hold for the last element of the path: those of the rules, and its own."""
    fitting = [one for one in rules if one.fits(path)]
    found = {name: value for one in fitting for name, value in one.values.items() if name not in one.important}
    found |= inline
    return found | {name: one.values[name] for one in fitting for name in one.important}


def _blocks(sheet: str) -> Iterator[str]:
    """The insides of the media queries for dark mode."""
    for begin in _DARK.finditer(sheet):
        depth, at = 1, begin.end()
        while at < len(sheet) and depth:
            depth += {"{": 1, "}": -1}.get(sheet[at], 0)
            at += 1
        yield sheet[begin.end() : at - 1]


def _declared(text: str) -> tuple[dict[str, str], frozenset[str]]:
    values, important = {}, set()
    for part in text.split(";"):
        name, _, value = part.partition(":")
        name, value = name.strip().lower(), value.strip().lower()
        if value:
            name = "background-color" if name == "background" else name  # the short form sets the colour, too
            values[name] = value.removesuffix("!important").strip()
            important |= {name} if value.endswith("!important") else set()
    return values, frozenset(important)


def _parts(selector: str) -> tuple[_Simple, ...] | None:
    """The parts of a selector; None for one with more than tags, classes, blanks and `>`."""
    found: list[_Simple] = []
    child = False
    for word in selector.replace(">", " > ").split():
        if word == ">":
            child = True
            continue
        part = _PART.match(word)
        if part is None:
            return None
        found.append(_Simple((part[1] or "").lower(), frozenset(filter(None, part[2].split("."))), child))
        child = False
    return tuple(found) or None


def _fits(parts: Sequence[_Simple], path: Sequence[Element]) -> bool:
    if not parts:
        return True
    if not path or not parts[-1].fits(path[-1]):
        return False
    if parts[-1].child:
        return _fits(parts[:-1], path[:-1])
    return len(parts) == 1 or any(_fits(parts[:-1], path[:end]) for end in range(len(path) - 1, 0, -1))
