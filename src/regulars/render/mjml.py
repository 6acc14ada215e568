"""Compiles MJML with marks to HTML with marks, without resources that the author did not write.

The compiler has defaults of its own: third-party fonts and icons, share links. Fonts are left out; anything else
that would be loaded from a third party is a mistake.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from regulars.core.diagnostics import Diagnostic, Span
from regulars.render import mjml_process
from regulars.render.link_guard import unguarded_addresses
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
"""Third-party defaults of elements, and how to override them."""

Tags = Sequence[tuple[str, dict[str, str], Span]]


def to_html(woven: Woven, locale: str, span: Span, tags: Tags = ()) -> tuple[str, list[Diagnostic]]:
    """HTML with marks, and its diagnostics; the document's language is set to `locale`."""
    source = _ROOT.sub(f'<mjml lang="{html.escape(locale)}"', woven.text, count=1)
    try:
        content = _compiled(source)
    except mjml_process.CompilerFailed as error:
        return "", [Diagnostic("T010", f"MJML: {error}", span)]
    faults = [
        Diagnostic("T010", "this has no place in the finished email", place, hint="is the attribute spelt right?")
        for place in dict.fromkeys(woven.lost_tags(content))
    ]
    return content, [*faults, *unguarded_addresses(content, woven), *_added_addresses(content, source, span, tags)]


@lru_cache(maxsize=512)
def _compiled(source: str) -> str:
    """Cached, however often an email is checked, previewed and reloaded."""
    return mjml_process.compile_mjml(source).replace(_PREVIEW, _HIDDEN, 1)


def _added_addresses(content: str, source: str, span: Span, tags: Tags) -> Iterator[Diagnostic]:
    """Addresses that the compiler added to the email."""
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
