"""A client's way through the pages, from email to email: what they answer decides what comes next."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import Engine

from regulars.core import clock
from regulars.db.engine import write
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.smtp.provider import Provider
from regulars.dispatch.dispatcher import Dispatcher, Options
from regulars.dispatch.lane import Lane
from regulars.planner.plan import plan
from regulars.rules.model import Kind
from regulars.workspace.folder import Workspace, open_workspace
from regulars.workspace.starter import starter
from tests.common.people import SECRET, add_event
from tests.common.smtp import Inbox
from tests.web.shop import NOW, Shop, open_shop

pytestmark = pytest.mark.slow

USED = ("company", "quality-survey", "surveys")
FOLLOW_UP = """
campaigns:
  unhappy-followup:
    about: Somebody was not happy with our work
    on: survey.answered
    audience: event.survey == 'quality' and event.score <= 6
    kind: transactional
    email: thank-you
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What the starter needs to ask how we did, with a campaign that follows up on an unhappy answer."""
    folder = tmp_path / "workspace"
    (folder / "campaigns").mkdir(parents=True)
    for name in USED:
        shutil.copy(starter() / "campaigns" / f"{name}.yaml", folder / "campaigns")
    (folder / "campaigns" / "followup.yaml").write_text(FOLLOW_UP, encoding="utf-8")
    return folder


@pytest.fixture
def walk(engine: Engine, root: Path, smtp_inbox: Inbox) -> Iterator[Walk]:
    """The shop with its inbox."""
    rules = open_workspace(root)
    with open_shop(engine, root=root, read=lambda _: rules) as shop:
        yield Walk(shop, rules, smtp_inbox)


class Walk:
    """The business works at a given time; the client reads and clicks."""

    def __init__(self, shop: Shop, rules: Workspace, inbox: Inbox) -> None:
        self.shop, self.rules, self.inbox = shop, rules, inbox

    def work(self, after: timedelta) -> list[EmailMessage]:
        """Plans and sends; gives what arrived by it."""
        at, seen = NOW + after, len(self.inbox.messages)
        with write(self.shop.engine) as connection:
            plan(connection, self.rules, at)

        async def send() -> None:
            courier = Courier(Provider.parse(self.inbox.url))
            lanes = [Lane("main", frozenset(Kind), courier)]
            options = Options("http://us", SECRET)
            frozen = clock.frozen(at)
            await Dispatcher(self.shop.engine, self.rules, lanes, options, clock=frozen, wall=clock.system).run()
            await courier.close()

        asyncio.run(send())
        return [received.message for received in self.inbox.messages[seen:]]

    def contract(self, customer: int, after: timedelta) -> None:
        """A contract was completed."""
        with write(self.shop.engine) as connection:
            add_event(connection, customer, "contract.completed", NOW + after, {"project": "Spring service"})


def link(message: EmailMessage, page: str) -> str:
    """The path of a link in an email."""
    body = message.get_body(("html",))
    assert body is not None
    found = re.search(rf'http://us(/{page}/[^"?]+)', str(body.get_content()))
    assert found is not None
    return found[1]


def test_an_unhappy_answer_brings_a_follow_up(walk: Walk) -> None:
    walk.work(-timedelta(days=3))
    ada = walk.shop.customer()
    walk.contract(ada, -timedelta(days=1, hours=1))
    (survey,) = walk.work(-timedelta(minutes=1))
    path = link(survey, "s")
    assert "checked" in walk.shop.get(path + "?score=3").text
    assert walk.work(timedelta(minutes=1)) == []
    walk.shop.post(path + "?score=3", score="3")
    (follow_up,) = walk.work(timedelta(minutes=2))
    assert follow_up["to"].endswith("<ada@client.example>")
    walk.shop.post(path, score="2", words="Still")
    assert walk.work(timedelta(minutes=3)) == []


def test_preferences_change_the_language_of_the_next_email(walk: Walk) -> None:
    walk.work(-timedelta(days=3))
    ada = walk.shop.customer(locale="en")
    walk.contract(ada, -timedelta(days=1, hours=1))
    (english,) = walk.work(-timedelta(minutes=1))
    fields = [("act", "save"), ("topic", "marketing"), ("topic", "surveys"), ("gap", "0"), ("language", "uk")]
    assert walk.shop.send(link(english, "p"), fields).status == 303
    walk.contract(ada, timedelta(hours=1))
    (ukrainian,) = walk.work(timedelta(days=1, hours=2))
    assert english["subject"] != ukrainian["subject"]
    assert "як ми впоралися" in ukrainian["subject"]


def test_who_leaves_gets_nothing_until_they_come_back(walk: Walk) -> None:
    walk.work(-timedelta(days=3))
    ada = walk.shop.customer()
    walk.contract(ada, -timedelta(days=1, hours=1))
    (first,) = walk.work(-timedelta(minutes=1))
    header = str(first["list-unsubscribe"])
    path = re.search(r"<http://us(/u/[^>]+)>", header)
    assert path is not None
    walk.shop.post(path[1], **{"List-Unsubscribe": "One-Click"})
    walk.contract(ada, timedelta(hours=1))
    assert walk.work(timedelta(days=1, hours=2)) == []
    walk.shop.post(path[1], leave="back")
    walk.contract(ada, timedelta(days=2))
    assert len(walk.work(timedelta(days=3, hours=1))) == 1
