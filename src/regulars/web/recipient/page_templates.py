"""Renders the templates of `pages/`, and the stylesheet in the company's colour."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from regulars.core.colour import WHITE, hexadecimal, parse, readable
from regulars.rules.model import Company
from regulars.web.recipient.page_words import Words, text_in

_ENVIRONMENT = Environment(
    loader=PackageLoader("regulars.web.recipient", "pages"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
_DARK = (24, 26, 27)
_RATIO = 4.6
"""The contrast for small text, WCAG 2 AA, with a margin."""


def page(
    request: Request, template: str, t: Words, company: Company, *, status: int = 200, **values: object
) -> HTMLResponse:
    """A page of `pages/` as a response."""
    html = _ENVIRONMENT.get_template(template).render(
        t=t, company=company.localized(t.language), up=_up(request),
        said=lambda texts: text_in(texts, t.language), **values,
    )  # fmt: skip
    return HTMLResponse(html, status)


def message(
    request: Request, t: Words, company: Company, name: str, *, status: int = 200, **values: object
) -> HTMLResponse:
    """A page with one message: the words `NAME_title` and `NAME_text`."""
    return page(
        request, "message.html", t, company, status=status, title=t(f"{name}_title"), text=t(f"{name}_text", **values)
    )


def _up(request: Request) -> str:
    """The relative path from the page to the site's root, so that links work below any prefix."""
    below = str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", "")))
    return "../" * (below.count("/") - 1) or "./"


def stylesheet(color: str) -> str:
    """The stylesheet; links and buttons in the company's colour, adjusted for contrast on light and dark."""
    brand = parse(color)
    assert brand is not None  # rule files have no other
    light, dark = (hexadecimal(readable(brand, context, ratio=_RATIO)) for context in (WHITE, _DARK))
    return f":root {{ --brand: {light}; --brand-dark: {dark}; }}\n{_css()}"


@cache
def _css() -> str:
    return (files("regulars.web.recipient") / "pages" / "style.css").read_text("utf-8")
