"""Every page in a real browser: nothing that axe-core finds wrong, light and dark, and nothing to scroll sideways.

REGULARS_PICTURES=folder keeps a picture of each at 320, 768 and 1280 pixels.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from regulars.render.message import render
from regulars.web.recipient.page_words import LANGUAGES
from regulars.workspace.starter import starter
from tests.web.browsing import Chromium, faults, tab
from tests.web.every_page import Kind, broken_shop, copy_of, kinds, title
from tests.web.shop import Shop, rules_of

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""What an email is held to: landmarks and a first heading are for pages, by axe's best practices beyond WCAG."""
WIDTHS = (320, 768, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def looked_over(browser: Browser, pages: list[Kind], locale: str, *, sandboxed: bool = False) -> dict[str, list[str]]:
    """What is wrong, by page. In a `sandboxed` one, an email, no script runs unless its policy is lifted."""
    page = tab(browser, locale=locale, viewport={"width": 320, "height": 800}, bypass_csp=sandboxed)
    found: dict[str, list[str]] = {}
    for kind in pages:
        kind.show(page)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            again = scheme != SCHEMES[0]
            found[f"{kind.name} {scheme}"] = faults(page, WCAG if sandboxed else None, colours_only=again)
            _keep(page, f"{kind.name}-{locale}-{scheme}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        found[f"{kind.name} 320 px"] = [] if wide <= 320 else [f"{wide} px wide"]
    page.context.close()
    return {name: wrong for name, wrong in found.items() if wrong}


def _keep(page: Page, name: str) -> None:
    folder = os.environ.get("REGULARS_PICTURES")
    if folder:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": WIDTHS[0], "height": 800})


@pytest.mark.parametrize("locale", ["en", "uk"])
def test_no_page_has_a_fault_for_axe_light_or_dark(small_shop: Shop, chromium: Chromium, locale: str) -> None:
    pages = list(kinds(small_shop, locale))
    assert len(pages) >= 20
    assert {kind.answer.status for kind in pages} >= {200, 400, 404, 410, 429}
    assert all(f'<html lang="{locale}">' in kind.answer.text for kind in pages)
    assert len({title(kind.answer) for kind in pages}) >= 12
    assert chromium(lambda browser: looked_over(browser, pages, locale)) == {}


def test_the_page_of_our_own_failure_has_none_either(chromium: Chromium, tmp_path: Path) -> None:
    with broken_shop(tmp_path) as kind:
        assert kind.answer.status == 503
        assert chromium(lambda browser: looked_over(browser, [kind], "en")) == {}


def test_an_email_shown_in_a_browser_has_none_either(small_shop: Shop, chromium: Chromium) -> None:
    root = f"http://127.0.0.1:{small_shop.port}"
    paths = {email: copy_of(small_shop, email, "ro") for email in ("quality-survey", "win-back", "meeting-summary")}
    shown = [Kind(email, root, path, small_shop.get(path)) for email, path in paths.items()]
    assert {kind.answer.status for kind in shown} == {200}
    assert chromium(lambda browser: looked_over(browser, shown, "ro", sandboxed=True)) == {}


def test_no_email_of_the_starter_has_a_fault_on_a_phone(chromium: Chromium) -> None:
    templates = rules_of(starter()).templates
    shown = {
        email: render(templates.compiled(email, LANGUAGES[place % len(LANGUAGES)]), templates.sample(email)).html
        for place, email in enumerate(templates.names())
    }
    assert len(shown) >= 30

    def look(browser: Browser) -> dict[str, list[str]]:
        page = tab(browser, viewport={"width": 320, "height": 800}, offline=True)
        found = {}
        for email, html in shown.items():
            page.set_content(html)
            found[email] = faults(page, WCAG)
            if page.evaluate("document.documentElement.scrollWidth") > 320:
                found[email].append("wider than 320 px")
        page.context.close()
        return {email: wrong for email, wrong in found.items() if wrong}

    assert chromium(look) == {}


def test_two_links_on_one_another_in_small_print_are_a_fault(chromium: Chromium) -> None:
    """As the footer of emails once was: the check can fail."""
    two = '<a href="#a">One</a><br><a href="#b">Two</a>'
    html = f'<html lang="en"><title>x</title><p style="font:13px/1.4 Arial">Us<br>{two}'

    def look(browser: Browser) -> list[str]:
        page = tab(browser)
        page.set_content(html)
        found = faults(page, WCAG)
        page.context.close()
        return [fault.partition(":")[0] for fault in found]

    assert chromium(look) == ["target-size"]
