"""Guards links and pictures whose address comes from data: the finished address must have a permitted scheme.

An address with a literal scheme cannot change its kind. Any other is joined as a whole and passed through the
filter `web_address`, however it is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from regulars.core.diagnostics import Diagnostic
from regulars.render.marks import MARK, Woven
from regulars.render.template_pieces import Kind, Piece

GUARD = " | web_address"
OPEN = "{% set _address %}"
CLOSE = f"{{% endset %}}{{{{ _address{GUARD} }}}}"
_ADDRESSES = re.compile(
    r"(?:[\w-]*:)?(?:href|src|srcset|action|formaction|background|poster|cite|data|longdesc|(?:[\w-]+-)?url"
    r"|[\w-]+-src|(?:left|right)-icon)",
    re.IGNORECASE,
)
"""Attributes of HTML, VML and MJML with an address."""
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([\w:-]++)\s*+=\s*+("[^"]*+"|'[^']*+')""")
_KNOWN = re.compile(r"(?:https?|mailto|tel|sms|cid):|[/?#]")
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff]+")
"""Characters that browsers ignore when they parse the scheme."""
_PATH = re.compile(r"\w+(?:\.\w+)*")


def bare(address: str) -> str:
    """An address as browsers parse it for the scheme."""
    return _IGNORED.sub("", address).lower()


def expression(tag: str) -> str | None:
    """`event.url` of `{{ event.url }}`; None for other tags."""
    if not (tag.startswith("{{") and tag.endswith("}}")) or "}}" in tag[2:-2]:
        return None
    inner = tag[2:-2]
    return inner.removeprefix("-").removeprefix("+").removesuffix("-").removesuffix("+").strip()


def unguarded(text: str) -> str:
    """A restored text without the guards."""
    return text.replace(OPEN, "").replace(CLOSE, "").replace(GUARD, "")


def guard(tag: str, woven: Woven) -> str:
    """An opening tag with marks, its addresses guarded where their scheme can come from data."""
    return _ATTRIBUTE.sub(lambda found: _guarded(found, woven), tag)


def _guarded(found: re.Match[str], woven: Woven) -> str:
    value = found[2][1:-1]
    first = _unsafe(found[1], value, woven)
    if first is None:
        return found[0]
    whole = MARK.fullmatch(value.strip())
    inner = expression(woven.kept[first])
    if whole and inner is not None:
        woven.kept[first] = f"{{{{ {inner if _PATH.fullmatch(inner) else f'({inner})'}{GUARD} }}}}"
        return found[0]
    span = woven.pieces[first].span
    begin = woven.keep(OPEN, Piece(Kind.BLOCK, OPEN, span))
    end = woven.keep(CLOSE, Piece(Kind.PRINT, CLOSE, span))
    if {*woven.numbers(value)} & woven.defaults:
        woven.defaults |= {begin, end}
    quote = found[2][0]
    before = tag_until(found)
    return f"{before}{quote}zqj{begin}jqz{value}zqj{end}jqz{quote}"


def tag_until(found: re.Match[str]) -> str:
    """The part of an attribute before its value."""
    return found[0][: found.start(2) - found.start()]


def _unsafe(name: str, value: str, woven: Woven) -> int | None:
    """The first mark of an address whose scheme can come from data; None if it cannot, or is guarded."""
    if not _ADDRESSES.fullmatch(name):
        return None
    for found in MARK.finditer(value):
        number = int(found["comment"] or found["word"])
        if not woven.dynamic(number):
            continue
        before = bare(unescape(woven.restore(value[: found.start()])))
        tag = woven.kept[number]
        inner = expression(tag)
        ours = not before and inner is not None and inner.startswith("links.") and _PATH.fullmatch(inner)
        safe = _KNOWN.match(before) or tag == OPEN or tag.endswith(f"{GUARD} }}}}") or (ours and value != found[0])
        return None if safe else number
    return None


def unguarded_addresses(content: str, woven: Woven) -> Iterator[Diagnostic]:
    """Unguarded addresses of the finished HTML that `guard` did not see."""
    for found in _ATTRIBUTE.finditer(content):
        number = _unsafe(found[1], found[2][1:-1], woven)
        if number is not None:
            yield Diagnostic(
                "T013",
                "data decide where this leads, and nothing looks at it",
                woven.pieces[number].span,
                hint='write the address into `href="…"`',
            )
