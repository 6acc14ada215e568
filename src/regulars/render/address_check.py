"""Checks the links and pictures of an email: targets, encoding, and third parties that would learn of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from html import unescape
from urllib.parse import urlsplit

from jinja2 import Environment, TemplateSyntaxError, nodes

from regulars.core.diagnostics import Diagnostic, Severity, Span
from regulars.render.draft import Draft
from regulars.render.link_guard import expression, unguarded
from regulars.render.marks import MARK
from regulars.render.template_pieces import Kind, origin_of

_SCHEMES = ("https://", "http://", "mailto:", "tel:", "sms:", "#", "zqj")
_PICTURES: dict[str, tuple[str, ...]] = {
    "mj-image": ("src",),
    "img": ("src",),
    "mj-carousel-image": ("src", "thumbnails-src"),
    "mj-social-element": ("src",),
    "mj-section": ("background-url",),
    "mj-wrapper": ("background-url",),
    "mj-hero": ("background-url",),
    "mj-carousel": ("left-icon", "right-icon"),
    "mj-accordion": ("icon-wrapped-url", "icon-unwrapped-url"),
}
_STYLES = re.compile(r"""(?:@import\s*+["']?|url\(\s*+["']?)((?:https?:)?//[^"')\s;]++)""")
_CONSTANT = re.compile(r"\{%-?\s*+(?:for\s++(\w++)\s++in|set\s++(\w++)\s*+=)\s*+(?:[\[('\"\d]|(?P<name>\w++)\s*+-?%\})")
_ENCODED = frozenset({"urlencode", "int", "length", "count", "round"})
"""Filters whose results mean themselves in a query."""
_OURS = frozenset({"loop", "links"})
_PLAIN = re.compile(r"[\w-]*")
_GRAMMAR = Environment(autoescape=True)
"""Only to read expressions."""


def check_addresses(read: Draft, own: Collection[str]) -> Iterator[Diagnostic]:
    """Diagnostics of all addresses; `own`: the company's hosts, from which (and subdomains) resources may come."""
    constants = _constants(piece.text for piece in read.html if piece.kind is Kind.BLOCK)
    for name, attributes, span in read.weaver.tags:
        if name in ("mj-image", "img") and "alt" not in attributes:
            hint = 'say what it shows, or `alt=""` if it only decorates'
            yield Diagnostic("T011", "a picture without `alt` says nothing when it is not loaded", span, hint=hint)
        yield from _link(name, attributes, span)
        for attribute in ("href", "src"):
            yield from _query(read, attributes.get(attribute, ""), constants)
        for attribute in _PICTURES.get(name, ()):
            yield from _picture(_written(read, attributes.get(attribute)), span, own)
        if name in ("mj-font", "link"):
            yield from _elsewhere("a font or style", _written(read, attributes.get("href")), span, own)
    yield from _styles(read, own)


def _constants(statements: Iterable[str]) -> set[str]:
    """Names whose values are written in the email itself, such as `{% for score in [1, 2] %}`."""
    known: set[str] = set()
    for statement in statements:
        found = _CONSTANT.match(statement)
        if found and (not found["name"] or found["name"] in known):
            known.add(found[1] or found[2])
    return known


def _written(read: Draft, value: str | None) -> str | None:
    """The literal text of an address before its first value; None where a value comes first."""
    if value is None:
        return None
    woven = read.weaver.woven
    first = next((m for m in MARK.finditer(value) if woven.dynamic(int(m["comment"] or m["word"]))), None)
    if first is None:
        return unescape(woven.restore(value)).strip()
    return unescape(woven.restore(value[: first.start()])).strip() or None


def _link(name: str, attributes: dict[str, str], span: Span) -> Iterator[Diagnostic]:
    href = attributes.get("href")
    if href is None:
        if name in ("mj-button", "a") and "name" not in attributes and "id" not in attributes:
            yield Diagnostic("T013", f"`<{name}>` has no `href`", span)
        return
    address = unescape(href).strip()
    if not address.startswith(_SCHEMES) and name not in ("mj-font", "link", "mj-navbar-link"):
        expected = "`https://…`, `mailto:` or `tel:`"
        yield Diagnostic("T013", f"the link `{MARK.sub('…', href)[:80]}` leads nowhere", span, expected=expected)
    elif " " in address and not address.startswith(("tel:", "sms:")):
        yield Diagnostic(
            "T013",
            "the address has a blank in it, where many programs end it",
            span,
            expected="`%20` for a blank",
            severity=Severity.WARNING,
        )


def _query(read: Draft, address: str, constants: Collection[str]) -> Iterator[Diagnostic]:
    """Unencoded values in the query of a link: `&`, `#` and `+` in them would have a meaning there."""
    woven = read.weaver.woven
    at = address.find("?")
    if at < 0:
        return
    for found in MARK.finditer(address, at):
        number = int(found["word"] or found["comment"])
        value = expression(unguarded(woven.kept[number])) if woven.dynamic(number) else None
        if value is None:
            continue
        read_value = _parsed(value)
        if read_value is not None and _means_itself(read_value, constants):
            continue
        simple = isinstance(read_value, nodes.Name | nodes.Getattr | nodes.Getitem | nodes.Filter | nodes.Call)
        encoded = value[:60] if simple else f"({value[:60]})"
        yield Diagnostic(
            "T019",
            f"`{value[:60]}` stands in the query of a link as it is: with `&`, `+` or `#` in it, the link is another",
            woven.pieces[number].span,
            hint=f"`{{{{ {encoded} | urlencode }}}}`",
            severity=Severity.WARNING,
        )


def _parsed(value: str) -> nodes.Expr | None:
    """The expression as a whole: a filter binds more closely than `or`. None where it cannot be read."""
    try:
        (output,) = _GRAMMAR.parse(f"{{{{ {value} }}}}").find_all(nodes.Output)
    except (TemplateSyntaxError, ValueError):
        return None
    return output.nodes[0] if len(output.nodes) == 1 else None


def _means_itself(value: nodes.Node | None, constants: Collection[str]) -> bool:
    """Whether no result of the expression can contain a character with a meaning in a query."""
    if isinstance(value, nodes.Filter):
        return value.name in _ENCODED
    if isinstance(value, nodes.Or | nodes.And):
        return _means_itself(value.left, constants) and _means_itself(value.right, constants)
    if isinstance(value, nodes.CondExpr):
        return _means_itself(value.expr1, constants) and (value.expr2 is None or _means_itself(value.expr2, constants))
    if isinstance(value, nodes.Neg):
        return _means_itself(value.node, constants)
    if isinstance(value, nodes.Const):
        return not isinstance(value.value, str) or _PLAIN.fullmatch(value.value) is not None
    if isinstance(value, nodes.Getattr):
        return isinstance(value.node, nodes.Name) and value.node.name in _OURS
    return isinstance(value, nodes.Name) and value.name in constants


def _picture(address: str | None, span: Span, own: Collection[str]) -> Iterator[Diagnostic]:
    if not address or address.startswith(("cid:", "data:")):
        return
    if address.startswith("http://"):
        yield _warning("a picture by `http:` is not shown by programs that load pictures safely", span, "`https://…`")
    elif not address.startswith("https://"):
        yield _warning(
            f"the picture `{address[:60]}` is not in the email and has no whole address", span, "`https://…`"
        )
    yield from _elsewhere("a picture", address, span, own) if own else ()


def _elsewhere(what: str, address: str | None, span: Span, own: Collection[str]) -> Iterator[Diagnostic]:
    host = (urlsplit(address or "").hostname or "") if "[" not in (address or "") else "?"
    if host and not any(host == each or host.endswith(f".{each}") for each in own):
        yield _warning(f"{what} is loaded from {host}, which so learns who reads the email and when", span)


def _styles(read: Draft, own: Collection[str]) -> Iterator[Diagnostic]:
    for piece in read.html:
        for found in _STYLES.finditer(piece.text) if piece.kind is Kind.DATA else ():
            span = origin_of(piece).span(found.start(1), len(found[1]))
            yield from _elsewhere("a font, style or picture", found[1], span, own)


def _warning(message: str, span: Span, expected: str | None = None) -> Diagnostic:
    return Diagnostic("T020", message, span, expected=expected, severity=Severity.WARNING)
