"""A client's way in a real browser: from the local inbox to the survey and the follow-up, to leaving and coming back,
and to the preferences that change the language of the next email.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page
from sqlalchemy import Engine

from regulars.core import clock
from regulars.db.engine import write
from regulars.delivery.inbox.server import Inbox, write_index
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.smtp.provider import Provider
from regulars.dispatch.dispatcher import Dispatcher, Options
from regulars.dispatch.lane import Lane
from regulars.planner.plan import plan
from regulars.rules.model import Kind
from regulars.workspace.folder import Workspace, open_workspace
from regulars.workspace.starter import starter
from tests.common.people import SECRET, add_event
from tests.web.browsing import Chromium, tab
from tests.web.shop import NOW, Shop, open_shop

USED = ("company", "quality-survey", "surveys")
FOLLOW_UP = """
campaigns:
  unhappy-answer:
    on: survey.answered
    audience: event.survey == 'quality' and event.score <= 6
    kind: transactional
    email: thank-you
"""


class Business:
    """Works at a given time; what it sends arrives in the local inbox, whose pages are files."""

    def __init__(self, shop: Shop, rules: Workspace, inbox: Inbox) -> None:
        self.shop, self.rules, self.inbox = shop, rules, inbox
        self.url = f"http://127.0.0.1:{shop.port}"
        self.index = inbox.folder / "index.html"

    def work(self, after: timedelta) -> list[str]:
        """Plans and sends; gives the subjects of what arrived, and renews the inbox's pages."""
        at, seen = NOW + after, len(self.inbox.messages())
        with write(self.shop.engine) as connection:
            plan(connection, self.rules, at)

        async def send() -> None:
            courier = Courier(Provider.parse(self.inbox.url))
            lanes = [Lane("main", frozenset(Kind), courier)]
            frozen = clock.frozen(at)
            options = Options(self.url, SECRET)
            await Dispatcher(self.shop.engine, self.rules, lanes, options, clock=frozen, wall=clock.system).run()
            await courier.close()

        asyncio.run(send())
        write_index(self.inbox.folder)
        return [str(one.message["subject"]) for one in self.inbox.messages()[seen:]]

    def contract(self, customer: int, after: timedelta) -> None:
        """A contract was completed."""
        with write(self.shop.engine) as connection:
            add_event(connection, customer, "contract.completed", NOW + after, {"project": "Spring service"})


@pytest.fixture
def business(engine: Engine, tmp_path: Path) -> Iterator[Business]:
    """A business that has asked Ada how it did, in English."""
    root = tmp_path / "workspace"
    (root / "campaigns").mkdir(parents=True)
    for name in USED:
        shutil.copy(starter() / "campaigns" / f"{name}.yaml", root / "campaigns")
    (root / "campaigns" / "follow-up.yaml").write_text(FOLLOW_UP, encoding="utf-8")
    rules = open_workspace(root)
    with Inbox(tmp_path / "inbox") as inbox, open_shop(engine, root=root, read=lambda _: rules) as shop:
        found = Business(shop, rules, inbox)
        found.work(-timedelta(days=3))
        found.contract(shop.customer(locale="en"), -timedelta(days=1, hours=1))
        assert len(found.work(-timedelta(minutes=1))) == 1
        yield found


def letter(browser: Browser, business: Business) -> Page:
    """The local inbox in a tab; it shows the newest email."""
    page = tab(browser, locale="en-GB")
    page.goto(business.index.as_uri())
    return page


def body(inbox: Page) -> FrameLocator:
    """The email as the inbox shows it: a frame in the frame of its page."""
    return inbox.frame_locator("iframe.reader").frame_locator("iframe.html")


def follow(inbox: Page, link: str) -> Page:
    """The tab that a link of the email opens."""
    with inbox.context.expect_page() as opened:
        body(inbox).get_by_role("link", name=link, exact=True).click()
    opened.value.wait_for_load_state()
    return opened.value


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def test_from_the_inbox_to_the_survey_and_the_follow_up(business: Business, chromium: Chromium) -> None:
    inbox = chromium(lambda browser: letter(browser, business))
    survey = chromium(lambda _: follow(inbox, "3"))

    def chosen(_: Browser) -> str:
        assert heading(survey) == "How did we do?"
        return str(survey.locator("input[name=score]:checked").get_attribute("value"))

    assert chromium(chosen) == "3"
    assert business.shop.count("events") == 1, "the tap alone records nothing"

    def answer(_: Browser) -> str:
        survey.get_by_label("What should we do better?").fill("Come on time")
        survey.get_by_role("button", name="Send my answers").click()
        return heading(survey)

    assert chromium(answer) == "Thank you for your answers"
    given = [row["data"] for row in business.shop.rows("events") if row["name"] == "survey.answered"]
    assert given == [{"survey": "quality", "score": 3, "words": "Come on time"}]
    (follow_up,) = business.work(timedelta(minutes=2))

    def newest(_: Browser) -> str:
        inbox.reload()
        return inbox.locator("li .subject").first.inner_text()

    assert chromium(newest) == follow_up
    chromium(lambda _: inbox.context.close())


def test_leaving_and_coming_back(business: Business, chromium: Chromium) -> None:
    inbox = chromium(lambda browser: letter(browser, business))
    page = chromium(lambda _: follow(inbox, "Unsubscribe"))

    def leave(_: Browser) -> str:
        page.get_by_role("button", name="Stop all news and offers").click()
        return heading(page)

    assert chromium(leave) == "You are unsubscribed"
    business.contract(business.shop.rows("customers")[0]["id"], timedelta(hours=1))
    assert business.work(timedelta(days=1, hours=2)) == []

    def back(_: Browser) -> str:
        page.get_by_role("button", name="Send me emails again").click()
        return heading(page)

    assert chromium(back) == "Stop our emails?"
    business.contract(business.shop.rows("customers")[0]["id"], timedelta(days=2))
    assert len(business.work(timedelta(days=3, hours=1))) == 1
    assert [(line["granted"], line["source"]) for line in business.shop.rows("consent_log")] == [
        (False, "page"), (True, "page"),
    ]  # fmt: skip
    chromium(lambda _: inbox.context.close())


def test_the_language_chosen_by_keyboard_is_that_of_the_next_email(business: Business, chromium: Chromium) -> None:
    inbox = chromium(lambda browser: letter(browser, business))
    page = chromium(lambda _: follow(inbox, "Choose what we write about"))

    def choose(_: Browser) -> str:
        page.get_by_label("Language of our emails").select_option(label="Українська")
        page.get_by_role("button", name="Save", exact=True).focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**saved=1")
        return str(page.locator("html").get_attribute("lang"))

    assert chromium(choose) == "uk"
    business.contract(business.shop.rows("customers")[0]["id"], timedelta(hours=1))
    (subject,) = business.work(timedelta(days=1, hours=2))
    assert "як ми впоралися" in subject

    def shown(_: Browser) -> str:
        inbox.reload()
        return body(inbox).locator("html").get_attribute("lang") or ""

    assert chromium(shown) == "uk"
    chromium(lambda _: inbox.context.close())
