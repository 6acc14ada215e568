"""Mail scanners open every link of every email, some with a real browser: nothing may change by it.

By default the browser opens every link of every email in one language each, the languages taking turns;
REGULARS_EVERY_LINK=1 makes it all of them in all languages, as many seconds as there are hundreds of links.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import count
from urllib.parse import urlsplit

import pytest
from lxml import html
from playwright.sync_api import Browser
from sqlalchemy import Engine, insert

from regulars.dispatch.context import links
from regulars.render import Templates, render
from regulars.rules.model import Campaign
from regulars.store import tables
from regulars.store.engine import write
from regulars.web.words import LANGUAGES
from regulars.workspace import starter
from tests.common.people import SECRET
from tests.web.browsing import Chromium, tab
from tests.web.shop import NOW, Shop, open_shop, rules_of

Links = dict[tuple[str, str], list[str]]
"""The paths of our pages, by email and language."""


@pytest.fixture
def patient_shop(sqlite_engine: Engine) -> Iterator[Shop]:
    """A shop that is asked more often than a person would."""
    with open_shop(sqlite_engine, unlimited=True) as shop:
        yield shop


def every_link(shop: Shop, *, by_turns: bool = False) -> Links:
    """The links to our pages in every email of the starter, each email sent to a client of its own."""
    workspace = rules_of(starter())
    steps = [(c, step.key, step.email) for c in workspace.rulebook.campaigns.values() for step in c.all_steps]
    found: Links = {}
    for number, (campaign, step, email) in enumerate(steps):
        turn = [LANGUAGES[number % len(LANGUAGES)]]
        for language in turn if by_turns else LANGUAGES:
            promise = _sent(shop, campaign, step, f"{campaign.name}-{step}-{language}", language)
            found[f"{campaign.name}/{step}", language] = _in_email(workspace.templates, email, language, promise)
    return found


def _sent(shop: Shop, campaign: Campaign, step: str, name: str, language: str) -> int:
    customer = shop.customer(name, locale=language)
    return shop.promise(customer, campaign.name, step=step, kind=str(campaign.kind), recipient=campaign.to)


def _in_email(templates: Templates, email: str, language: str, promise: int) -> list[str]:
    values = templates.sample(email)
    values["links"] = {**values["links"], **links(promise, "http://us", SECRET)}
    document = html.document_fromstring(render(templates.compiled(email, language), values).html)
    ours = {str(a.get("href")) for a in document.iter("a") if str(a.get("href")).startswith("http://us/")}
    given = {address for address in values["links"].values() if str(address).startswith("http://us/")}
    return sorted(address.removeprefix("http://us") for address in ours | given)


def with_coupon(shop: Shop) -> None:
    row = {
        "code": "BACK-AAAAAAAA", "campaign": "win-back", "customer_id": shop.customer("holder"), "occurrence": "1",
        "offer": {"percent": 50}, "uses": 1, "used": 0, "given_at": NOW, "valid_from": NOW, "valid_until": NOW,
    }  # fmt: skip
    with write(shop.engine) as connection:
        connection.execute(insert(tables.coupons).values(row))


def test_getting_every_link_of_every_email_in_every_language_changes_nothing(patient_shop: Shop) -> None:
    shop = patient_shop
    with_coupon(shop)
    found = every_link(shop)
    before = shop.everything()
    assert {language for _, language in found} == set(LANGUAGES)
    assert min(map(len, found.values())) >= 5
    assert any("?score=" in path for paths in found.values() for path in paths)
    for (email, language), paths in found.items():
        for path in paths:
            answer = shop.get(path)
            assert answer.status in (200, 204, 302, 404, 410), (email, path)
            if answer.status == 200 and "<html" in answer.text and path[1] != "v":
                assert f'<html lang="{language}">' in answer.text, (email, path)
            assert shop.ask("HEAD", path).status == answer.status, (email, path)
    assert shop.everything() == before


def test_getting_the_links_of_every_email_changes_nothing_on_postgresql_either(postgres_engine: Engine) -> None:
    with open_shop(postgres_engine, unlimited=True) as shop:
        with_coupon(shop)
        paths = [path for found in every_link(shop, by_turns=True).values() for path in found]
        before = shop.everything()
        for path in paths:
            assert shop.get(path).status < 500
            assert shop.ask("HEAD", path).status < 500
        assert shop.everything() == before


def test_a_browser_that_runs_scripts_and_opens_every_link_changes_nothing(
    patient_shop: Shop, chromium: Chromium
) -> None:
    shop = patient_shop
    with_coupon(shop)
    whole = os.environ.get("REGULARS_EVERY_LINK") == "1"
    paths = [path for found in every_link(shop, by_turns=not whole).values() for path in found]
    before = shop.everything()
    opened = chromium(lambda browser: _open(browser, f"http://127.0.0.1:{shop.port}", paths))
    assert opened == len(paths) >= 50
    assert shop.everything() == before


def _open(browser: Browser, root: str, paths: Sequence[str]) -> int:
    """Opens each as a suspicious scanner does: loads all of it, runs scripts, moves, scrolls, types keys."""
    page = tab(browser, java_script_enabled=True)
    number = count()
    for path in paths:
        page.goto(root + path, wait_until="load")
        assert page.evaluate("1 + 1") == 2
        page.mouse.move(200, 200)
        page.mouse.wheel(0, 2000)
        page.keyboard.press("Tab")
        assert urlsplit(page.url).path == urlsplit(path).path, "a GET leads nowhere else"
        assert page.locator("h1").count() == 1, path
        next(number)
    page.context.close()
    return next(number)
