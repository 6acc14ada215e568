"""Parses the bytes of a rule file into a tree with places, or diagnostics. Nothing in a file is ever executed.

The YAML parser's events are composed here rather than by its own composer: so every alias, tag and key has a place,
one fault does not hide the next, and a file can neither recurse endlessly nor expand to gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from regulars.core.diagnostics import Diagnostic, Severity, Span
from regulars.core.paths import inside
from regulars.rules import yaml_faults
from regulars.rules.tree import Entries, Entry, Items, Node, Scalar

MAX_BYTES = 2_000_000
MAX_DEPTH = 40
MAX_NODES = 50_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its text for excerpts, its tree if it could be read, and its diagnostics."""

    path: str
    text: str
    root: Entries | None
    diagnostics: list[Diagnostic]

    @property
    def sound(self) -> bool:
        """Whether all of it could be read."""
        return all(fault.severity is Severity.WARNING for fault in self.diagnostics)


def read(path: Path, shown: str, folder: Path | None = None) -> Source:
    """The file as a tree; a file that cannot be read gives a diagnostic, never an exception.

    A symbolic link that leads out of `folder` is not followed.
    """
    if folder is not None and not inside(path, folder):
        return _unread(shown, "Y015", "this is a link to a file outside the rules' folder, and is not read")
    try:
        if path.exists() and not path.is_file():
            return _unread(shown, "Y015", "this is not a file")
        if path.stat().st_size > MAX_BYTES:
            return _unread(shown, "Y015", f"the file is larger than {MAX_BYTES // 1_000_000} MB")
        return parse(path.read_bytes(), shown)
    except OSError as error:
        return _unread(shown, "Y015", f"the file cannot be read: {error.strerror or error}")


def _unread(shown: str, code: str, message: str) -> Source:
    return Source(shown, "", None, [Diagnostic(code, message, Span(shown, 1, 1))])


def parse(raw: bytes, shown: str) -> Source:
    """Parses bytes into a tree."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        readable = raw[: error.start].decode("utf-8-sig", errors="replace")
        rows = (readable + "?").splitlines()  # the question mark replaces the byte
        message = f"the file is not UTF-8: byte 0x{raw[error.start]:02x} is not text"
        place = Span(shown, len(rows), len(rows[-1]))
        fault = Diagnostic("Y007", message, place, hint="save it as UTF-8, without another encoding")
        return Source(shown, raw.decode("utf-8-sig", errors="replace"), None, [fault])
    strange = list(yaml_faults.strange_characters(text, shown))
    if strange:
        return Source(shown, text, None, strange)
    composer = _Composer(shown, text)
    root = composer.compose()
    return Source(shown, text, root, composer.diagnostics)


class _Broken(Exception):
    """The rest of the file cannot be parsed; the reason is already in the diagnostics."""


@dataclass(slots=True)
class _Composer:
    path: str
    text: str
    lines: list[str] = field(init=False)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    size: int = 0
    last: Any = None
    events: Iterator[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.text.splitlines()
        self.events = iter(yaml.parse(self.text, Loader=_LOADER))

    def compose(self) -> Entries | None:
        try:
            return self._document()
        except yaml.MarkedYAMLError as error:
            found = yaml_faults.syntax(error, self.path, self.lines, self.last)
            self.diagnostics[:] = [d for d in self.diagnostics if not yaml_faults.follows_from(d, found)]
            self.diagnostics.extend(found)
        except yaml.YAMLError as error:  # the reader's own; strange_characters should have named it
            self.diagnostics.append(Diagnostic("Y001", f"this is not YAML: {error}", Span(self.path, 1, 1)))
        except _Broken:
            pass
        return None

    def _document(self) -> Entries | None:
        self._next()  # the stream begins
        if isinstance(self._next(), yaml.StreamEndEvent):
            warning = Diagnostic("Y013", "this file is empty", Span(self.path, 1, 1), severity=Severity.WARNING)
            self.diagnostics.append(warning)
            return None
        first = self._next()
        root = self._node(first, 0)
        self._next()  # the document ends
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            self._say(
                "Y009",
                "a second document begins here; a rule file is one document",
                self._span(after),
                hint="remove the `---` line, or move what follows into a file of its own",
            )
        if isinstance(root, Entries):
            return root
        if isinstance(root, Scalar) and root.null and first.start_mark.line >= len(self.lines):
            self._say("Y013", "this file is empty", Span(self.path, 1, 1), severity=Severity.WARNING)
            return None
        self._say(
            "Y012",
            f"a rule file is a mapping of keys; this is {'a list' if isinstance(root, Items) else 'a piece of text'}",
            root.span,
            expected="`company:`, `policy:`, `events:`, `fields:`, `campaigns:` or `tests:` at the start of a line",
        )
        return None

    def _next(self) -> Any:
        event = next(self.events)
        self.last = event
        return event

    def _say(self, code: str, message: str, span: Span, **more: Any) -> None:
        self.diagnostics.append(Diagnostic(code, message, span, **more))

    def _span(self, event: Any, length: int | None = None) -> Span:
        begin, end = event.start_mark, event.end_mark
        if length is None:
            row = self.lines[begin.line] if begin.line < len(self.lines) else ""
            length = end.column - begin.column if end.line == begin.line else len(row.rstrip()) - begin.column
        return Span(self.path, begin.line + 1, begin.column + 1, max(1, length))

    def _node(self, event: Any, depth: int) -> Node:
        self.size += 1
        if depth > MAX_DEPTH:
            self._say("Y014", f"values are nested more than {MAX_DEPTH} deep", self._span(event))
            raise _Broken
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        anchor, before = event.anchor, self.size
        if event.tag is not None:
            self._tag(event)
        if anchor is not None:
            self.open.add(anchor)
        node = self._made(event, depth)
        if anchor is not None:
            self.open.discard(anchor)
            self.anchors[anchor] = (node, self.size - before + 1)
        return node

    def _tag(self, event: Any) -> None:
        begin = event.start_mark
        row = self.lines[begin.line][begin.column :]
        written = next((word for word in row.split() if word.startswith("!")), "!")
        self._say(
            "Y004",
            f"`{written}` is a YAML tag; rule files have none, and none is ever acted on",
            Span(self.path, begin.line + 1, begin.column + 1 + row.find(written), len(written)),
            hint="remove it; text that begins with `!` goes in quotes",
        )

    def _alias(self, event: Any) -> Node:
        span, name = self._span(event), event.anchor
        nothing = Scalar("", span)
        if name in self.open:
            self._say("Y006", f"`*{name}` stands inside `&{name}` itself: the value would never end", span)
            return nothing
        if name not in self.anchors:
            self._say(
                "Y005",
                f"`*{name}` refers to `&{name}`, which is not defined above",
                span,
                hint="text that begins with `*` goes in quotes",
            )
            return nothing
        node, size = self.anchors[name]
        self.size += size
        if self.size > MAX_NODES:
            self._say("Y006", f"with its aliases unfolded the file has more than {MAX_NODES} values", span)
            raise _Broken
        return node

    def _made(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(following := self._next(), yaml.SequenceEndEvent):
                items.append(self._node(following, depth + 1))
            return Items(tuple(items), self._span(event) if event.flow_style else self._span(event, 1))
        entries: dict[str, Entry] = {}
        while not isinstance(following := self._next(), yaml.MappingEndEvent):
            self._pair(following, entries, depth)
        first = next(iter(entries.values()), None)
        return Entries(entries, first.key if first and not event.flow_style else self._span(event))

    def _pair(self, event: Any, entries: dict[str, Entry], depth: int) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            self._complex_key(event, depth)
            return
        key = self._node(event, depth + 1)
        value = self._node(self._next(), depth + 1)
        assert isinstance(key, Scalar)
        if key.text == "<<" and key.plain:
            self._say(
                "Y010",
                "`<<` does not merge here: a rule says all that it means where it stands",
                key.span,
                hint="write the keys out; a single value may be shared with `&name` and `*name`",
            )
        elif key.text in entries:
            first = entries[key.text].key
            self._say(
                "Y003",
                f"`{key.text}` is written twice; the first is on line {first.line}",
                key.span,
                hint="keep one of them",
            )
        else:
            entries[key.text] = Entry(key.span, value)

    def _complex_key(self, event: Any, depth: int) -> None:
        span = self._span(event)
        bracket = "{" if isinstance(event, yaml.MappingStartEvent) else "["
        typed = isinstance(event, yaml.CollectionStartEvent) and event.flow_style
        self._node(event, depth + 1)
        self._node(self._next(), depth + 1)
        self._say(
            "Y011",
            "a key must be plain text",
            span,
            hint=f"text that begins with `{bracket}` goes in quotes" if typed else None,
        )

    def _scalar(self, event: Any) -> Scalar:
        begin, end = event.start_mark, event.end_mark
        raw = self._between(begin, end)
        span = self._span(event)
        if event.anchor is not None or event.tag is not None:  # `&name text`: the text is what counts
            ahead = raw.rfind(event.value) if event.value else -1
            if ahead >= 0 and "\n" not in raw:
                quote = raw[ahead - 1 : ahead] in ('"', "'")
                span = Span(self.path, begin.line + 1, begin.column + 1 + ahead, max(1, len(event.value)))
                return Scalar(event.value, span, not quote, event.value)
        if event.style in ('"', "'") and raw[1:-1] == event.value and begin.line == end.line:
            inner = Span(self.path, begin.line + 1, begin.column + 2, max(1, len(event.value)))
            return Scalar(event.value, inner, plain=False, raw=event.value)
        plain = event.style is None or event.style == ""
        return Scalar(event.value, span, plain, raw, (begin.line + 1, begin.column + 1))

    def _between(self, begin: Any, end: Any) -> str:
        if begin.line == end.line:
            return self.lines[begin.line][begin.column : end.column] if begin.line < len(self.lines) else ""
        rows = self.lines[begin.line : end.line + 1]
        if end.line < len(self.lines):
            rows[-1] = rows[-1][: end.column]
        rows[0] = rows[0][begin.column :]
        return "\n".join(rows)
