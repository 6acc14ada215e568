"""Looks at emails as their readers get them: links, subjects and preheaders, size, contrast, signs of spam."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from regulars.core.colour import Colour, contrast, hexadecimal, parse
from regulars.preview.lint.dark_styles import DarkRule, Element, dark_rules, dark_values
from regulars.preview.lint.finding import Finding, Level
from regulars.preview.preview import Preview

SUBJECT = 60
"""Characters of a subject that common programs show on a desk; a phone shows about 35."""
PREHEADER = 110
"""Characters of subject and preheader together that phones show at most."""
CLIPPED = 102_000
"""Bytes of HTML after which Gmail cuts an email off."""
HEAVY = 60_000
CONTRAST = 4.5
"""WCAG 2.2, 1.4.3: text against its background; 3 for large text."""
_LARGE = 24.0
_SHOUTING = re.compile(r"\b[^\W\d_]{4,}\b")
_SPAM = re.compile(
    r"\b(?:100% free|act now|buy now|cash bonus|click here|double your|earn money|free money|limited time only|no risk"
    r"|order now|risk[- ]free|urgent|winner|you have been selected)\b",
    re.IGNORECASE,
)
_RGB = re.compile(r"rgb\((\d{1,3}),\s*(\d{1,3}),\s*(\d{1,3})\)$", re.IGNORECASE)
_VOID = frozenset({"br", "img", "hr", "meta", "link", "input", "area", "base", "col", "wbr"})


@dataclass(slots=True)
class _Style:
    tag: str
    colour: Colour
    background: Colour
    size: float
    hidden: bool
    element: Element


@dataclass
class _Look(HTMLParser):
    """The links of an email, and its texts that are hard to read; with `rules`, as it is in dark mode."""

    rules: Sequence[DarkRule] = ()
    links: list[str] = field(default_factory=list)
    faint: dict[tuple[Colour, Colour], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open = [_Style("", (0, 0, 0), (255, 255, 255), 16.0, hidden=False, element=Element("", frozenset()))]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag not in _VOID:
            self._open.append(self._style(tag, given))

    def _style(self, tag: str, given: Mapping[str, str]) -> _Style:
        element = Element(tag, frozenset(given.get("class", "").split()))
        parts = (part.partition(":") for part in given.get("style", "").lower().split(";"))
        values = {name.strip(): value.strip() for name, _, value in parts}
        if self.rules:
            values = dark_values(self.rules, [*(one.element for one in self._open[1:]), element], values)
        return _style(element, values, given.get("bgcolor", "").lower(), self._open[-1])

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        style, text = self._open[-1], " ".join(data.split())
        if not text or style.hidden or style.tag in {"style", "title", "script"} or not any(map(str.isalnum, text)):
            return
        wanted = 3.0 if style.size >= _LARGE else CONTRAST
        if contrast(style.colour, style.background) < wanted:
            self.faint.setdefault((style.colour, style.background), text[:40])


def _style(element: Element, rules: Mapping[str, str], bgcolor: str, above: _Style) -> _Style:
    background = rules.get("background-color") or rules.get("background", "") or bgcolor
    size = re.match(r"([\d.]{1,6})px", rules.get("font-size", ""))
    hidden = rules.get("display") == "none" or rules.get("max-height") == "0" or rules.get("font-size") in {"0", "1px"}
    return _Style(
        element.tag,
        colour_of(rules.get("color", "")) or above.colour,
        colour_of(background.split(" ")[0]) or above.background,
        float(size[1]) if size else above.size,
        above.hidden or hidden,
        element,
    )


def colour_of(text: str) -> Colour | None:
    """Of `#abc`, `#aabbcc`, `rgb(1, 2, 3)`, `white` and `black`; None for anything else."""
    if (found := parse(text)) is not None:
        return found
    numbers = _RGB.match(text)
    if numbers is not None:
        return int(numbers[1]), int(numbers[2]), int(numbers[3])
    return {"white": (255, 255, 255), "black": (0, 0, 0)}.get(text)


def look_at(one: Preview, own_links: str) -> tuple[list[Finding], list[str]]:
    """The findings of one email, and its links to elsewhere; `own_links` is the address of our own pages."""
    variant = f" ({one.variant})" if one.variant else ""
    place = f"{one.campaign}/{one.step}{variant}, {one.locale}"
    look = _Look()
    look.feed(one.html)
    look.close()
    found = [*_subject(one, place), *_size(one, place), *_spam(one, place), *_links(look, place)]
    found += _faint(look, place, "")
    rules = dark_rules(one.html)
    if rules:
        dark = _Look(rules)
        dark.feed(one.html)
        dark.close()
        found += _faint(dark, place, " in dark mode")
    elsewhere = [link for link in look.links if urlsplit(link).scheme in {"http", "https"}]
    return found, sorted({link for link in elsewhere if not link.startswith(own_links)})


def _faint(look: _Look, place: str, mode: str) -> Iterator[Finding]:
    for (colour, background), text in look.faint.items():
        ratio = contrast(colour, background)
        message = f"`{text}` is hard to read{mode}: {hexadecimal(colour)} on {hexadecimal(background)} is {ratio:.1f}:1"
        yield Finding("contrast", place, message, "4.5:1 is needed; 3:1 if large")


def _subject(one: Preview, place: str) -> Iterator[Finding]:
    if len(one.subject) > SUBJECT:
        shown = f"{one.subject[:35]}…"
        yield Finding(
            "subject", place, f"the subject has {len(one.subject)} characters; a phone shows `{shown}`",
            f"say what matters in the first 35, in {SUBJECT} at most", Level.HINT,
        )  # fmt: skip
    if not one.preheader.strip():
        yield Finding("preheader", place, "there is no preheader", "programs show the first words of the email instead")
    elif one.preheader.strip() == one.subject.strip():
        yield Finding("preheader", place, "the preheader repeats the subject", "say what the subject does not")
    elif len(one.subject) + len(one.preheader) > SUBJECT + PREHEADER:
        yield Finding("preheader", place, "no program shows the end of the preheader", "shorten it", Level.HINT)


def _size(one: Preview, place: str) -> Iterator[Finding]:
    size = len(one.html.encode())
    if size > CLIPPED:
        yield Finding("size", place, f"Gmail cuts it off: {size:,} bytes of HTML", f"{CLIPPED:,} are shown")
    elif size > HEAVY:
        yield Finding(
            "size", place, f"{size:,} bytes of HTML", f"more than {HEAVY:,} load slowly on phones", Level.HINT
        )


def _spam(one: Preview, place: str) -> Iterator[Finding]:
    letters = _SHOUTING.findall(one.subject)
    if letters and all(word.isupper() for word in letters):
        yield Finding("spam", place, "the subject is in capitals", "filters and readers take it for spam", Level.HINT)
    if one.subject.count("!") > 1:
        yield Finding("spam", place, "the subject has several exclamation marks", "one is enough", Level.HINT)
    for words in dict.fromkeys(found.lower() for found in _SPAM.findall(f"{one.subject}\n{one.text}")):
        yield Finding("spam", place, f"`{words}` is what filters look for", "say it in your own words", Level.HINT)


def _links(look: _Look, place: str) -> Iterator[Finding]:
    for link in dict.fromkeys(look.links):
        parts = urlsplit(link.strip())
        if link.strip() in {"", "#"}:
            yield Finding("link", place, "a link leads nowhere", "give it an address, or take it out")
        elif parts.scheme == "" and not link.startswith("//"):
            message = f"`{link[:80]}` has no address of a site before it"
            yield Finding("link", place, message, "write https:// and the site")
        elif parts.scheme in {"http", "https"} and "." not in (parts.hostname or "") and parts.hostname != "localhost":
            yield Finding("link", place, f"`{link[:80]}` names no site", "write https:// and the site")
        elif parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1"}:
            yield Finding("link", place, f"`{link[:80]}` is not encrypted", "use https://", Level.HINT)
