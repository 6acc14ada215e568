"""From pieces to HTML: Jinja tags are set aside as marks, MJML becomes HTML once, and the tags return untouched.

The MJML compiler never sees a Jinja tag, so it cannot refuse, escape or move one. Inside text a block tag's mark is a
comment (HTML parsers leave comments where they stand, also between table rows); inside attributes a mark is a word.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import mrml

from regulars.core.diagnostics import Diagnostic, Severity, Span, did_you_mean
from regulars.render.template_pieces import Kind, Origin, Piece, unclosed

CONTAINERS = frozenset(
    [
        "mjml",
        "mj-head",
        "mj-body",
        "mj-attributes",
        "mj-html-attributes",
        "mj-section",
        "mj-wrapper",
        "mj-group",
        "mj-column",
        "mj-hero",
        "mj-accordion",
        "mj-accordion-element",
        "mj-carousel",
        "mj-navbar",
        "mj-social",
    ]
)
ENDINGS = frozenset(
    [
        "mj-text",
        "mj-button",
        "mj-table",
        "mj-raw",
        "mj-style",
        "mj-title",
        "mj-preview",
        "mj-navbar-link",
        "mj-social-element",
        "mj-accordion-title",
        "mj-accordion-text",
        "mj-selector",
        "mj-html-attribute",
    ]
)
EMPTIES = frozenset(
    [
        "mj-image",
        "mj-divider",
        "mj-spacer",
        "mj-font",
        "mj-breakpoint",
        "mj-carousel-image",
        "mj-include",
        "mj-all",
        "mj-class",
    ]
)
ELEMENTS = CONTAINERS | ENDINGS | EMPTIES
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_PLAIN = frozenset(("mj-title", "mj-preview", "mj-style", "mj-selector", "mj-html-attribute"))
"""Elements whose content is text, not markup: a comment in them would be shown."""

_TOKEN = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|</(?P<close>[a-zA-Z][\w-]*)\s*>|<(?P<open>[a-zA-Z][\w-]*)"
    r"""(?P<attributes>(?:\s+|"[^"]*"|'[^']*'|[^\s"'<>])*?)(?P<empty>/?)>""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*("[^"]*"|'[^']*')""", re.DOTALL)
MARK = re.compile(r"<!--\s*zqj(?P<comment>\d+)jqz\s*-->|zqj(?P<word>\d+)jqz(?:=\"\")?")
_LINK = re.compile(r"""(?:href|src|background|background-url|action)\s*=\s*["']\s*zqj(\d+)jqz""")
PRINT = re.compile(r"\{\{[-+]?\s*(.*?)\s*[-+]?\}\}", re.DOTALL)
GUARD = " | web_address"
_PATH = re.compile(r"\w+(?:\.\w+)*")
_PREVIEW = "display:none;font-size:1px;color:#ffffff;line-height:1px;"
"""How the compiler hides the preheader. Spam filters count white on white, and one pixel, against an email."""
_HIDDEN = "display:none;line-height:1px;"
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_UNQUOTED = re.compile(r"=\s*zqj\d+jqz")
_SPACE = re.compile(r"[ \t\r\n\f]+")


@dataclass
class Woven:
    """MJML in which every Jinja tag is a mark, and the texts the marks stand for."""

    text: str = ""
    kept: list[str] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    statements: dict[int, str] = field(default_factory=dict)
    defaults: set[int] = field(default_factory=set)
    """Marks inside `<mj-attributes>`, which show only where an element takes the default."""

    def keep(self, text: str, piece: Piece) -> int:
        """Sets a text aside and gives the number of its mark."""
        number = len(self.kept)
        self.kept.append(text)
        self.pieces.append(piece)
        if piece.kind is Kind.BLOCK:
            self.statements[number] = piece.statement
        return number

    @property
    def tags(self) -> tuple[Piece, ...]:
        """The Jinja tags in order, as they will run."""
        pairs = zip(self.pieces, self.kept, strict=True)
        return tuple(replace(p, text=text) for p, text in pairs if p.kind in (Kind.PRINT, Kind.BLOCK))

    def guard_links(self, tag: str) -> None:
        """Where data decide where a link leads or a picture comes from, the value must be a web address."""
        for number in map(int, _LINK.findall(tag)):
            found = PRINT.fullmatch(self.kept[number])
            if found and not found[1].endswith(GUARD):
                value = found[1] if _PATH.fullmatch(found[1]) else f"({found[1]})"
                self.kept[number] = f"{{{{ {value}{GUARD} }}}}"

    def restore(self, text: str) -> str:
        """The text with every mark replaced by what it stands for."""
        return MARK.sub(lambda m: self.kept[int(m["comment"] or m["word"])], text)

    def vanished(self, text: str) -> list[Span]:
        """Where the tags were written that are no longer in the text."""
        there = {int(m["comment"] or m["word"]) for m in MARK.finditer(text)}
        return [p.span for number, p in enumerate(self.pieces) if number not in there | self.defaults]


class Weaver:
    """Reads pieces in order and follows where in the markup each stands."""

    def __init__(self) -> None:
        self.woven = Woven()
        self.faults: list[Diagnostic] = []
        self.stack: list[tuple[str, Span]] = []
        self.tags: list[tuple[str, dict[str, str], Span]] = []
        """Every opening tag with its attributes, for those who check them."""
        self._out: list[str] = []
        self._open: list[tuple[str, Piece, int]] = []
        """The beginning of a tag that pieces interrupt: text so far, the piece it began in, and where."""

    def weave(self, pieces: Sequence[Piece]) -> Woven:
        """MJML with marks; faults are left in `faults`."""
        for piece in pieces:
            if piece.kind is Kind.COMMENT:
                continue
            if piece.kind is Kind.DATA and not piece.word:
                self._data(piece)
            else:
                self._put(piece)
        for name, span in self.stack:
            self._fault(f"`<{name}>` is never closed", span, expected=f"`</{name}>`")
        if self._open:
            _, piece, at = self._open[0]
            self._fault("this tag is never closed", _at(piece, at), expected="`>`")
        self.woven.text = "".join(self._out)
        return self.woven

    @property
    def ending(self) -> str | None:
        """The element around whose content is free HTML or text, if we are in one."""
        return next((name for name, _ in self.stack if name in ENDINGS or name not in ELEMENTS), None)

    def _fault(self, message: str, span: Span, *, expected: str | None = None, hint: str | None = None) -> None:
        self.faults.append(Diagnostic("T010", message, span, expected=expected, hint=hint))

    def _put(self, piece: Piece) -> None:
        """A tag, or a stretch of a word."""
        if piece.word and piece.kind is Kind.DATA:
            self._word(piece)
            return
        number = self.woven.keep(piece.text, piece)
        if self._defaults:
            self.woven.defaults.add(number)
        mark = f"zqj{number}jqz"
        if self._open:
            text, first, at = self._open[-1]
            self._open[-1] = (text + mark, first, at)
        elif self.ending in _PLAIN:
            self._out.append(mark)
        elif piece.kind is Kind.BLOCK:
            comment = f"<!--{mark}-->"
            self._out.append(comment if self.ending else f"<mj-raw>{comment}</mj-raw>")
        else:
            if not self.ending:
                self._fault("text stands between elements", piece.span, hint="put it into `<mj-text>`")
            self._out.append(mark)

    def _word(self, piece: Piece) -> None:
        text = html.escape(piece.text)
        if self._open:
            mark = f"zqj{self.woven.keep(_SPACE.sub(' ', text), piece)}jqz"
            tag, first, at = self._open[-1]
            self._open[-1] = (tag + mark, first, at)
            return
        if not self.ending:
            self._fault("text stands between elements", piece.span, hint="put it into `<mj-text>`")
        self._out.append(_SPACE.sub(" ", text) if self.ending in _PLAIN else text.replace("\n", "<br/>"))

    def _data(self, piece: Piece) -> None:
        at = 0
        if self._open:
            text, first, start = self._open[-1]
            at = _tag_end(text, piece.text)
            self._open[-1] = (text + piece.text[:at], first, start)
            if not self._open[-1][0].endswith(">"):
                return
            whole = self._open.pop()[0]
            found = _TOKEN.fullmatch(whole)
            if found:
                self._tag(found, _at(first, start))
            self.woven.guard_links(whole)
            if _UNQUOTED.search(_QUOTED.sub('""', whole)):
                self._fault("a value in an attribute needs quotes", _at(first, start), expected='`href="{{ … }}"`')
            self._out.append(_ascii_attributes(whole, self.woven, piece))
        self._rest(piece, at)

    def _rest(self, piece: Piece, at: int) -> None:
        for found in _TOKEN.finditer(piece.text, at):
            self._text(piece, at, found.start())
            at = found.end()
            if found["open"] or found["close"]:
                self._tag(found, _at(piece, found.start()))
                self._out.append(_ascii_attributes(found[0], self.woven, piece))
            elif (
                (self.ending and not found[0].startswith("<!--"))
                or found[0].startswith("<!--[if")
                or found[0].startswith("<!--<![endif")
            ):
                self._out.append(found[0])
        begun = re.compile(r"<[/a-zA-Z!]").search(piece.text, at)
        if begun:
            self._text(piece, at, begun.start())
            self._open.append((piece.text[begun.start() :], piece, begun.start()))
        else:
            self._text(piece, at, len(piece.text))

    def _text(self, piece: Piece, start: int, end: int) -> None:
        text = piece.text[start:end]
        if not self.ending:
            stray = re.search(r"\S", text)
            if stray:
                self._fault(
                    "text stands between elements", _at(piece, start + stray.start()), hint="put it into `<mj-text>`"
                )
            return
        wrong = re.search(r"&(?!#?\w{1,32};)|<", text) if self.ending not in ("mj-style", "mj-raw") else None
        if wrong:
            entity = "&amp;" if wrong[0] == "&" else "&lt;"
            self._fault(
                f"`{wrong[0]}` has a meaning in MJML", _at(piece, start + wrong.start()), expected=f"`{entity}`"
            )
        fault = unclosed(piece) if start == 0 else None
        if fault:
            self.faults.append(fault)
        self._out.append(text if self.ending == "mj-raw" or self._preformatted else _SPACE.sub(" ", text))

    @property
    def _defaults(self) -> bool:
        return any(name == "mj-attributes" for name, _ in self.stack)

    @property
    def _preformatted(self) -> bool:
        return any(name == "pre" for name, _ in self.stack)

    def _tag(self, found: re.Match[str], span: Span) -> None:
        name = str(found["open"] or found["close"])
        here = Span(span.path, span.line, span.column, len(name) + (1 if found["open"] else 2))
        if found["close"]:
            self._close(name, here)
            return
        if not self._defaults:
            self.tags.append((name, attributes(found[0]), here))
        if name.startswith("mj") and name not in ELEMENTS:
            self._fault(f"there is no MJML element `<{name}>`", here, hint=did_you_mean(name, ELEMENTS))
        elif not self.ending and not name.startswith("mj"):
            self._fault(f"`<{name}>` stands between MJML elements", here, hint="put it into `<mj-text>` or `<mj-raw>`")
        if (not found["empty"] and name not in _VOID and self.ending != "mj-raw") or (
            name == "mj-raw" and not found["empty"]
        ):
            self.stack.append((name, here))

    def _close(self, name: str, span: Span) -> None:
        if self.ending == "mj-raw" and name != "mj-raw":
            return
        if self.stack and self.stack[-1][0] == name:
            self.stack.pop()
        elif any(open_ == name for open_, _ in self.stack):
            while self.stack[-1][0] != name:
                open_, opened = self.stack.pop()
                self._fault(
                    f"`<{open_}>` is never closed",
                    opened,
                    expected=f"`</{open_}>` before line {span.line}, column {span.column}",
                )
            self.stack.pop()
        else:
            self._fault(f"`</{name}>` closes nothing", span)


def _at(piece: Piece, offset: int) -> Span:
    return Origin(piece.text, piece.span.path, piece.span.line, piece.span.column).span(offset)


def _tag_end(begun: str, text: str) -> int:
    """How much of `text` still belongs to the tag that `begun` starts."""
    quote = ""
    for char in begun:
        quote = ("" if char == quote else quote) if quote else (char if char in "\"'" else "")
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == ">":
            return index + 1
    return len(text)


def _ascii_attributes(tag: str, woven: Woven, piece: Piece) -> str:
    """The tag with what is not ASCII set aside: mrml prints some such characters of attributes as Rust escapes."""
    verbatim = Piece(Kind.DATA, "", piece.span)
    return re.sub(r"[^\x00-\x7f]+", lambda m: f"zqj{woven.keep(m[0], verbatim)}jqz", tag)


def to_html(woven: Woven, locale: str, span: Span) -> tuple[str, list[Diagnostic]]:
    """HTML with marks in it, and what is wrong with it; the document's language is set to `locale`."""
    source = re.sub(r"<mjml(?![^>]*\blang=)", f'<mjml lang="{html.escape(locale)}"', woven.text, count=1)
    try:
        content = str(mrml.to_html(source).content)
    except (OSError, ValueError) as error:
        return "", [Diagnostic("T010", f"MJML: {error}", span)]
    content = content.replace(_PREVIEW, _HIDDEN, 1)
    lost = [
        Diagnostic(
            "T010",
            "this has no place in the finished email",
            place,
            hint="is the attribute spelt right?",
            severity=Severity.ERROR,
        )
        for place in dict.fromkeys(woven.vanished(content))
    ]
    return content, lost


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a tag as written."""
    return {name: value[1:-1] for name, value in _ATTRIBUTE.findall(tag)}
