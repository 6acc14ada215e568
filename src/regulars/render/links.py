"""Countable links: passes each link in the parsed HTML of an email through the filter `followed`.

This happens once, when the email is compiled. All other bytes stay the same: programs such as Outlook depend on
comments and quirks that serialising a parse tree would lose. The text part shows addresses as the author wrote them.
Reasons: docs/decisions/0014.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape

from regulars.render.html_positions import PlacedReader
from regulars.render.link_guard import OPEN, expression
from regulars.render.link_tracking import PIXEL, TRAP, WEB
from regulars.render.marks import MARK, Woven

_END = (
    f'{{% if {TRAP} %}}<div style="display:none;mso-hide:all" aria-hidden="true"><a href="{{{{ {TRAP} }}}}" '
    f'tabindex="-1" rel="nofollow"></a></div>{{% endif %}}{{% if {PIXEL} %}}<img src="{{{{ {PIXEL} }}}}" width="1" '
    'height="1" alt="" style="display:block;border:0">{% endif %}'
)
"""Appended to the body: a hidden link, and the tracking pixel."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A part of the document that is replaced."""

    start: int
    end: int
    text: str


class _Reader(PlacedReader):
    """Finds the links and the end of the body, ignoring comments and styles."""

    def __init__(self, text: str, source: Callable[[str], str | None]) -> None:
        self._source, self.cuts, self.end = source, list[_Cut](), len(text)
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An opening tag; in a link, `href` is replaced."""
        href = dict(attrs).get("href") if tag == "a" else None
        source = self._source(href) if href else None
        if source is None:
            return
        written = self.get_starttag_text() or ""
        parts = [_attribute(name, source if name == "href" else value, name == "href") for name, value in attrs]
        self.cuts.append(_Cut(self.here, self.here + len(written), f"<a {' '.join(parts)}>"))

    def handle_endtag(self, tag: str) -> None:
        """A closing tag; that of the body ends the email."""
        if tag == "body":
            self.end = self.here


def _attribute(name: str, value: str | None, source: bool) -> str:
    if value is None:
        return name
    return f'{name}="{value if source else _escaped(value)}"'


def _escaped(value: str) -> str:
    return escape(value, quote=False).replace('"', "&quot;")


def trace(content: str, woven: Woven) -> str:
    """HTML with marks, its links passed through `followed`; the marks are not restored yet."""
    read = _Reader(content, lambda href: _source(href, woven))
    out: list[str] = []
    at = 0
    for cut in [*read.cuts, _Cut(read.end, read.end, _END)]:
        out += (content[at : cut.start], cut.text)
        at = cut.end
    return "".join([*out, content[at:]])


def _source(href: str, woven: Woven) -> str | None:
    """The Jinja source that replaces a link's address; None for one that stays."""
    if not any(map(woven.dynamic, woven.numbers(href))):
        plain = unescape(woven.restore(href))
        return f"{{{{ {_quoted(plain)} | followed }}}}" if plain.startswith(WEB) else None
    first = next((found for found in MARK.finditer(href) if woven.kept[int(found["word"])] != OPEN), None)
    if not first or woven.restore(href[: first.start()]) not in ("", OPEN):
        # Its beginning is literal: it is a web address, or cannot become one.
        return _block(href) if href.startswith(WEB) else None
    inner = expression(woven.kept[int(first["word"])])
    if inner is not None and inner.lstrip("( ").startswith("links."):
        return None
    if inner is not None and MARK.fullmatch(href):
        return f"{{{{ ({inner}) | followed }}}}"
    return _block(href)


def _block(href: str) -> str:
    """An address of several parts, joined before it is checked."""
    return f"{{% set _address %}}{_escaped(href)}{{% endset %}}{{{{ _address | followed }}}}"


def _quoted(text: str) -> str:
    """A Jinja string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
