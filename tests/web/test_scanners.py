"""Mail scanners open every link of every email, some with a real browser: nothing may change by it.

Clicks and opens are counted here, in service emails too, so that every kind of link is among them. The emails are in
one language each, the languages taking turns; REGULARS_EVERY_LINK=1 makes it all of them in all languages.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import html
from playwright.sync_api import Browser
from sqlalchemy import Engine, insert

from regulars.db import tables
from regulars.db.engine import write
from regulars.dispatch.template_context import links
from regulars.ledger.sent_copies import SentCopy, save_copies
from regulars.render.compile import Templates
from regulars.render.link_tracking import LinkRules, LinkTracking
from regulars.render.message import render
from regulars.rules.model import Campaign
from regulars.rules.tracking import Tracking
from regulars.web.recipient.page_words import LANGUAGES
from regulars.workspace.folder import Workspace
from regulars.workspace.starter import starter
from tests.common.people import SECRET
from tests.web.browsing import Chromium, tab
from tests.web.every_link import KINDS, a_visit, a_wish
from tests.web.shop import NOW, Shop, open_shop, rules_of

pytestmark = pytest.mark.slow

Links = Mapping[tuple[str, str], Sequence[str]]
"""The paths of our pages, by email and language."""
SOURCES = {"visit": a_visit, "signup": a_wish}
"""What emails are about, by the beginning of the event that sets them off."""


@cache
def counting(root: Path) -> Workspace:
    """The rules of the starter, clicks and opens counted in all emails."""
    plain = rules_of(root)
    book = plain.rulebook
    counted = {name: campaign.model_copy(update={"tracking": True}) for name, campaign in book.campaigns.items()}
    policy = book.policy.model_copy(update={"tracking": Tracking(clicks=True, opens=True)})
    return replace(plain, rulebook=replace(book, policy=policy, campaigns=counted))


@contextmanager
def patient_shop(engine: Engine) -> Iterator[Shop]:
    """A shop that is asked more often than a person would."""
    with open_shop(engine, unlimited=True, read=counting) as shop:
        _ = shop.site and shop.site.rules
        with_coupon(shop)
        yield shop


def every_link(shop: Shop, *, also_unwritten: bool = False) -> Links:
    """The links to our pages in every email of the starter, each email sent to a client of its own.

    `also_unwritten` are all that could be made of the token of such an email.
    """
    workspace = counting(starter())
    whole = os.environ.get("REGULARS_EVERY_LINK") == "1"
    steps = [(c, step.key, step.email) for c in workspace.rulebook.campaigns.values() for step in c.all_steps]
    found: dict[tuple[str, str], Sequence[str]] = {}
    for number, (campaign, step, email) in enumerate(steps):
        for language in LANGUAGES if whole else [LANGUAGES[number % len(LANGUAGES)]]:
            promise = _sent(shop, campaign, step, f"{campaign.name}-{step}-{language}", language)
            written, given = _in_email(shop, workspace.templates, email, language, promise)
            paths = {*written, *given} if also_unwritten else {*written, next(p for p in given if p[1] == "u")}
            found[f"{campaign.name}/{step}", language] = sorted(paths)
    return found


def _sent(shop: Shop, campaign: Campaign, step: str, name: str, language: str) -> int:
    customer = shop.customer(name, locale=language)
    source = SOURCES.get((campaign.on or "").partition(".")[0])
    about = source(shop, customer) if source else None
    fields = {"step": step, "kind": str(campaign.kind), "recipient": campaign.to, "source_id": about}
    return shop.promise(customer, campaign.name, **fields)


def _in_email(shop: Shop, templates: Templates, email: str, language: str, promise: int) -> tuple[list[str], list[str]]:
    """The paths that an email leads to, which is kept as it was sent; and all that there are for its promise."""
    values = templates.sample(email)
    values["links"] = {**values["links"], **links(promise, "http://us", SECRET)}
    mark = values["links"]["view"].rpartition("/")[2]
    trail = LinkTracking(LinkRules("http://us/"), f"http://us/c/{mark}/", f"http://us/o/{mark}")
    made = render(templates.compiled(email, language, traced=True), values, trail).html
    with write(shop.engine) as connection:
        save_copies(connection, [SentCopy(promise, f"{email}-{language}", made, mark, trail.targets)])
    nodes = html.document_fromstring(made).iter("a", "img")
    return _paths(str(node.get("href") or node.get("src")) for node in nodes), _paths(
        map(str, values["links"].values())
    )


def _paths(addresses: Iterable[str]) -> list[str]:
    return [address.removeprefix("http://us") for address in addresses if address.startswith("http://us/")]


def with_coupon(shop: Shop) -> None:
    row = {
        "code": "BACK-AAAAAAAA", "campaign": "win-back", "customer_id": shop.customer("holder"), "occurrence": "1",
        "offer": {"percent": 50}, "uses": 1, "used": 0, "given_at": NOW, "valid_from": NOW, "valid_until": NOW,
    }  # fmt: skip
    with write(shop.engine) as connection:
        connection.execute(insert(tables.coupons).values(row))


def test_getting_every_link_of_every_email_changes_nothing_but_what_counts_clicks(engine: Engine) -> None:
    with patient_shop(engine) as shop:
        found = every_link(shop, also_unwritten=True)
        before = shop.everything()
        answered = {key: [(path, *_asked(shop, path, key[1])) for path in paths] for key, paths in found.items()}
        assert shop.everything() == before
        assert shop.site is not None
        assert shop.site.hit_writer.flush()
        noted = {(row["kind"], (row["link"] or "").partition("/")[0]) for row in shop.rows("hits")}
    assert {language for _, language in found} == set(LANGUAGES)
    assert min(map(len, found.values())) >= 5
    opened = {path[1] for answers in answered.values() for path, status in answers if status in (200, 204, 302)}
    assert opened == {kind.page for kind in KINDS}, "no kind of page was seen only as not to be had"
    assert noted == {("click", "https:"), ("click", "book"), ("click", "survey"), ("open", ""), ("trap", "")}


def _asked(shop: Shop, path: str, language: str) -> tuple[int]:
    """By GET as by HEAD, in the language of the email; gives the status."""
    answer = shop.get(path)
    assert answer.status in (200, 204, 302, 404, 410), path
    if answer.status == 200 and "<html" in answer.text and path[1] != "v":
        assert f'<html lang="{language}">' in answer.text, path
    assert shop.ask("HEAD", path).status == answer.status, path
    return (answer.status,)


def test_a_browser_that_runs_scripts_and_opens_every_page_changes_nothing(
    sqlite_engine: Engine, chromium: Chromium
) -> None:
    with patient_shop(sqlite_engine) as shop:
        paths = [path for found in every_link(shop).values() for path in pages(found)]
        before = shop.everything()
        opened = chromium(lambda browser: _open(browser, f"http://127.0.0.1:{shop.port}", paths))
        assert opened == len(paths) >= 100
        assert {urlsplit(path).path[1] for path in paths} == {kind.page for kind in KINDS} - {"c", "o", "i"}
        assert shop.everything() == before


def pages(paths: Sequence[str]) -> list[str]:
    """Those that are pages of ours, each once, with the answer that its first link has chosen."""
    shown = [path for path in paths if path[1] not in "coi"]
    return list({urlsplit(path).path: path for path in reversed(shown)}.values())


def _open(browser: Browser, root: str, paths: Sequence[str]) -> int:
    """Opens each as a suspicious scanner does: loads all of it, runs scripts, moves, scrolls, types keys."""
    page = tab(browser, java_script_enabled=True)
    opened = 0
    for path in paths:
        page.goto(root + path, wait_until="load")
        page.mouse.move(200, 200)
        page.mouse.wheel(0, 2000)
        page.keyboard.press("Tab")
        assert urlsplit(page.url).path == urlsplit(path).path, "a GET leads nowhere else"
        headings = page.evaluate("document.querySelectorAll('h1').length")
        assert path[1] == "v" or headings == 1, path
        opened += 1
    page.context.close()
    return opened
