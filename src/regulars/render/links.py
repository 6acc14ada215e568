"""Links that can be counted: in the HTML of an email, read by a parser, each link is put through the filter `followed`.

That happens once, when the email is compiled. What is not a link stays as it is to the byte: programs such as Outlook
depend on comments and quirks that a tree written out anew would lose. The text part shows addresses as the author wrote
them. Why so: docs/decisions/0014.
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
"""At the end of the body: a link that no person sees, and the picture that tells that the email was shown."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A stretch of the document that becomes something else."""

    start: int
    end: int
    text: str


class _Reader(PlacedReader):
    """Finds the links, and where the body ends. What stands in comments and styles is neither."""

    def __init__(self, text: str, source: Callable[[str], str | None]) -> None:
        self._source, self.cuts, self.end = source, list[_Cut](), len(text)
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An opening tag; of a link, `href` changes."""
        href = dict(attrs).get("href") if tag == "a" else None
        source = self._source(href) if href else None
        if source is None:
            return
        written = self.get_starttag_text() or ""
        parts = [_attribute(name, source if name == "href" else value, name == "href") for name, value in attrs]
        self.cuts.append(_Cut(self.here, self.here + len(written), f"<a {' '.join(parts)}>"))

    def handle_endtag(self, tag: str) -> None:
        """A closing tag; that of the body is where the email ends."""
        if tag == "body":
            self.end = self.here


def _attribute(name: str, value: str | None, source: bool) -> str:
    if value is None:
        return name
    return f'{name}="{value if source else _escaped(value)}"'


def _escaped(value: str) -> str:
    return escape(value, quote=False).replace('"', "&quot;")


def trace(content: str, woven: Woven) -> str:
    """HTML with marks, its links put through `followed`; the marks are still to be restored."""
    read = _Reader(content, lambda href: _source(href, woven))
    out: list[str] = []
    at = 0
    for cut in [*read.cuts, _Cut(read.end, read.end, _END)]:
        out += (content[at : cut.start], cut.text)
        at = cut.end
    return "".join([*out, content[at:]])


def _source(href: str, woven: Woven) -> str | None:
    """The Jinja source that takes the place of a link's address; None for one that stays."""
    if not any(map(woven.dynamic, woven.numbers(href))):
        plain = unescape(woven.restore(href))
        return f"{{{{ {_quoted(plain)} | followed }}}}" if plain.startswith(WEB) else None
    first = next((found for found in MARK.finditer(href) if woven.kept[int(found["word"])] != OPEN), None)
    if not first or woven.restore(href[: first.start()]) not in ("", OPEN):
        # It begins as the author wrote it: it is an address of the web, or cannot become one.
        return _block(href) if href.startswith(WEB) else None
    inner = expression(woven.kept[int(first["word"])])
    if inner is not None and inner.lstrip("( ").startswith("links."):
        return None
    if inner is not None and MARK.fullmatch(href):
        return f"{{{{ ({inner}) | followed }}}}"
    return _block(href)


def _block(href: str) -> str:
    """An address of several parts, put together before it is looked at."""
    return f"{{% set _address %}}{_escaped(href)}{{% endset %}}{{{{ _address | followed }}}}"


def _quoted(text: str) -> str:
    """A string literal of Jinja's."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
