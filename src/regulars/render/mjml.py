"""MJML with marks becomes HTML with marks, and nothing in it that the author did not write.

The compiler brings defaults of its own along: fonts from one company, icons from another, links that share. Fonts are
left out; what else would be loaded from a third party is a mistake to mend.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from regulars.core.diagnostics import Diagnostic, Span
from regulars.render import mjml_process
from regulars.render.link_guard import missed
from regulars.render.marks import Woven

_PREVIEW = "display:none;font-size:1px;color:#ffffff;line-height:1px;"
"""How the compiler hides the preheader. Spam filters count white on white, and one pixel, against an email."""
_HIDDEN = "display:none;line-height:1px;"
_ROOT = re.compile(r"<mjml(?![^>]*\blang=)")
_LOADED = re.compile(r"""(?:\b(?:href|src|background)\s*+=\s*+["']|url\(["']?)\s*+((?:https?:)?//[^"')\s]++)""")
_BRINGS = {
    "mj-social-element": ("an icon, and a link that shares", 'write `src="…"`, and a name such as `facebook-noshare`'),
    "mj-carousel": ("arrows", 'write `left-icon="…"` and `right-icon="…"`'),
    "mj-accordion": ("icons", 'write `icon-wrapped-url="…"` and `icon-unwrapped-url="…"`'),
}
"""What elements bring along unless they are told otherwise, and how they are told."""

Tags = Sequence[tuple[str, dict[str, str], Span]]


def to_html(woven: Woven, locale: str, span: Span, tags: Tags = ()) -> tuple[str, list[Diagnostic]]:
    """HTML with marks in it, and what is wrong with it; the document's language is set to `locale`."""
    source = _ROOT.sub(f'<mjml lang="{html.escape(locale)}"', woven.text, count=1)
    try:
        content = _compiled(source)
    except mjml_process.CompilerFailed as error:
        return "", [Diagnostic("T010", f"MJML: {error}", span)]
    faults = [
        Diagnostic("T010", "this has no place in the finished email", place, hint="is the attribute spelt right?")
        for place in dict.fromkeys(woven.vanished(content))
    ]
    return content, [*faults, *missed(content, woven), *_brought_along(content, source, span, tags)]


@lru_cache(maxsize=512)
def _compiled(source: str) -> str:
    """Compiled once, however often an email is checked, previewed and loaded anew."""
    return mjml_process.compile_mjml(source).replace(_PREVIEW, _HIDDEN, 1)


def _brought_along(content: str, source: str, span: Span, tags: Tags) -> Iterator[Diagnostic]:
    """Addresses that the compiler wrote into the email by itself."""
    written = html.unescape(source)
    added = {url for url in map(html.unescape, _LOADED.findall(content)) if url not in written}
    hosts = sorted({urlsplit(url).netloc for url in added})
    if not hosts:
        return
    blamed = [(place, *_BRINGS[name]) for name, _, place in tags if name in _BRINGS]
    for place, what, hint in blamed or [(span, "something", "write the address of your own")]:
        yield Diagnostic(
            "T018", f"this brings {what} along from {', '.join(hosts)}, which nobody wrote", place, hint=hint
        )
