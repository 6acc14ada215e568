"""Builds MJML with marks from pieces: parses the markup around the tags, and reports its faults.

The MJML compiler never sees a Jinja tag, so it cannot refuse, escape or move one. Inside text a block tag's mark is a
comment (HTML parsers keep comments in place, also between table rows); inside attributes a mark is a word.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from regulars.core.diagnostics import Diagnostic, Span, did_you_mean
from regulars.render.link_guard import guard
from regulars.render.marks import Woven
from regulars.render.mjml_elements import ELEMENTS, ENDINGS, PLAIN, VOID
from regulars.render.template_pieces import Kind, Origin, Piece, unclosed

MAX_DEPTH = 100
"""Maximum nesting of elements. The MJML compiler uses stack for each, and an overflow crashes the process."""
_TOKEN = re.compile(
    r"(?P<section><!--|<!\[CDATA\[)|</(?P<close>[a-zA-Z][\w-]*+)\s*+>|<(?P<open>[a-zA-Z][\w-]*+)"
    r"""(?P<attributes>(?:[^"'<>]|"[^"]*+"|'[^']*+')*+)>""",
    re.DOTALL,
)
_BEGUN = re.compile(r"<[/a-zA-Z!]")
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([\w:-]++)\s*+=\s*+("[^"]*+"|'[^']*+')""", re.DOTALL)
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_UNQUOTED = re.compile(r"""=\s*+[^\s"'>]*?zqj\d+jqz""")
_SPACE = re.compile(r"[ \t\r\n\f]+")


@dataclass
class _Open:
    """The beginning of a tag that pieces interrupt: its text so far, first piece, offset, and open quote."""

    parts: list[str]
    piece: Piece
    at: int
    quote: str = ""


class Weaver:
    """Reads pieces in order and tracks the position of each in the markup."""

    def __init__(self) -> None:
        self.woven = Woven()
        self.faults: list[Diagnostic] = []
        self.stack: list[tuple[str, Span]] = []
        self.tags: list[tuple[str, dict[str, str], Span]] = []
        """Every opening tag with its attributes, for checks."""
        self._out: list[str] = []
        self._open: _Open | None = None

    def weave(self, pieces: Sequence[Piece]) -> Woven:
        """MJML with marks; faults are left in `faults`."""
        for piece in pieces:
            if self._too_deep:
                return self.woven
            if piece.kind is Kind.COMMENT:
                continue
            if piece.kind is Kind.DATA and not piece.word:
                self._data(piece)
            else:
                self._put(piece)
        if self._too_deep:  # reading ended there
            return self.woven
        for name, span in self.stack:
            self._fault(f"`<{name}>` is never closed", span, expected=f"`</{name}>`")
        if self._open:
            self._fault("this tag is never closed", _at(self._open.piece, self._open.at), expected="`>`")
        self.woven.text = "".join(self._out)
        return self.woven

    @property
    def ending(self) -> str | None:
        """The enclosing element with free HTML or text content, if any."""
        return next((name for name, _ in self.stack if name in ENDINGS or name not in ELEMENTS), None)

    @property
    def _too_deep(self) -> bool:
        """Whether the nesting limit is exceeded."""
        return len(self.stack) > MAX_DEPTH

    def _fault(self, message: str, span: Span, *, expected: str | None = None, hint: str | None = None) -> None:
        self.faults.append(Diagnostic("T010", message, span, expected=expected, hint=hint))

    def _put(self, piece: Piece) -> None:
        """Writes a tag or a part of a word."""
        if piece.word and piece.kind is Kind.DATA:
            self._word(piece)
            return
        number = self.woven.keep(piece.text, piece)
        if self._defaults:
            self.woven.defaults.add(number)
        mark = f"zqj{number}jqz"
        if self._open:
            self._open.parts.append(mark)
        elif self.ending in PLAIN:
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
            self._open.parts.append(f"zqj{self.woven.keep(_SPACE.sub(' ', text), piece)}jqz")
            return
        if not self.ending:
            self._fault("text stands between elements", piece.span, hint="put it into `<mj-text>`")
        self._out.append(_SPACE.sub(" ", text) if self.ending in PLAIN else text.replace("\n", "<br/>"))

    def _data(self, piece: Piece) -> None:
        at = 0
        if self._open:
            at, self._open.quote = _tag_end(piece.text, 0, self._open.quote)
            self._open.parts.append(piece.text[:at])
            if self._open.quote or not piece.text[:at].endswith(">"):
                return
            self._interrupted(self._open, piece)
            self._open = None
        self._rest(piece, at)

    def _interrupted(self, begun: _Open, piece: Piece) -> None:
        """A whole tag with other pieces inside."""
        whole, place = "".join(begun.parts), _at(begun.piece, begun.at)
        whole = guard(whole, self.woven)
        if not whole.startswith("<!"):
            outside = _QUOTED.sub('""', whole)
            if _UNQUOTED.search(outside):
                self._fault("a value in an attribute needs quotes", place, expected='`href="{{ … }}"`')
            elif any(self.woven.pieces[number].kind is Kind.PRINT for number in self.woven.numbers(outside)):
                self._fault("a value stands between the attributes of a tag", place, expected='`title="{{ … }}"`')
        found = _TOKEN.fullmatch(whole)
        if found and (found["open"] or found["close"]):
            self._tag(found, place)
        self._out.append(_ascii_attributes(whole, self.woven, piece))

    def _rest(self, piece: Piece, at: int) -> None:
        for found, end in _tokens(piece.text, at):
            if self._too_deep:
                return
            self._text(piece, at, found.start())
            at = end
            if not found["section"]:
                self._tag(found, _at(piece, found.start()))
                self._out.append(_ascii_attributes(found[0], self.woven, piece))
            else:
                section = piece.text[found.start() : end]
                if section.startswith(("<!--[if", "<!--<![endif")) or (self.ending and not section.startswith("<!--")):
                    self._out.append(section)
        begun = _BEGUN.search(piece.text, at)
        if begun:
            self._text(piece, at, begun.start())
            rest = piece.text[begun.start() :]
            self._open = _Open([rest], piece, begun.start(), _open_quote(rest))
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
        empty = found["attributes"].endswith("/")
        if not empty and ((name not in VOID and self.ending != "mj-raw") or name == "mj-raw"):
            self.stack.append((name, here))
            if self._too_deep:
                self._fault(f"elements are nested more than {MAX_DEPTH} deep", here)

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


def _open_quote(text: str) -> str:
    """The open quote at the end of a text that begins outside quotes."""
    at, quote = 0, ""
    while at < len(text):
        at, quote = _tag_end(text, at, "")
    return quote


_CLOSED_BY = {"<!--": "-->", "<![CDATA[": "]]>"}


def _tokens(text: str, at: int) -> Iterator[tuple[re.Match[str], int]]:
    """Tags, comments and CDATA sections, each with its end. An unclosed one is searched for only once."""
    endless: set[str] = set()
    while found := _TOKEN.search(text, at):
        section = found["section"]
        at = found.end()
        if section:
            closing = _CLOSED_BY[section]
            end = -1 if section in endless else text.find(closing, at)
            if end < 0:
                endless.add(section)
                continue
            at = end + len(closing)
        yield found, at


_TAG_PART = re.compile(r"""[^"'>]*+(["'>])?""")


def _tag_end(text: str, at: int, quote: str) -> tuple[int, str]:
    """The end of the tag that `text` continues, and the quote open there: "" unless the text ends inside it."""
    while at < len(text):
        if quote:
            closing = text.find(quote, at)
            if closing < 0:
                return len(text), quote
            at, quote = closing + 1, ""
        found = _TAG_PART.match(text, at)
        assert found
        at = found.end()
        if found[1] == ">":
            return at, ""
        quote = found[1] or ""
    return at, quote


def _ascii_attributes(tag: str, woven: Woven, piece: Piece) -> str:
    """The tag with non-ASCII text replaced by marks: mrml prints some such characters of attributes as Rust escapes."""
    verbatim = Piece(Kind.DATA, "", piece.span)
    return re.sub(r"[^\x00-\x7f]+", lambda m: f"zqj{woven.keep(m[0], verbatim)}jqz", tag)


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a tag as written, by lower-case name."""
    return {name.lower(): value[1:-1] for name, value in _ATTRIBUTE.findall(tag)}
