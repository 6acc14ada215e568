"""Renders the templates of `pages/`, and the stylesheet in the company's colour."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from regulars.rules.model import Company
from regulars.web.recipient.page_words import Words, text_in

_ENVIRONMENT = Environment(
    loader=PackageLoader("regulars.web.recipient", "pages"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip


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
    light = _against(color, (255, 255, 255))
    dark = _against(color, (24, 26, 27))
    return f":root {{ --brand: {light}; --brand-dark: {dark}; }}\n{_css()}"


@cache
def _css() -> str:
    return (files("regulars.web.recipient") / "pages" / "style.css").read_text("utf-8")


_READABLE = 4.6
"""The contrast for small text, WCAG 2 AA, with a margin."""


def _against(color: str, context: tuple[int, int, int]) -> str:
    """The colour, moved towards black or white until text in it can be read on the background."""
    mixed = tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))
    goal = 0 if _luminance(context) > 0.4 else 255
    for _ in range(40):
        if _contrast(mixed, context) >= _READABLE:
            break
        mixed = tuple(round(part + (goal - part) * 0.1 + (1 if goal else -1) * 0.5) for part in mixed)
        mixed = tuple(min(255, max(0, part)) for part in mixed)
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: tuple[int, ...]) -> float:
    parts = [part / 255 for part in color]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
