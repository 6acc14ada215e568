"""Every kind of page that a client may see, each as the server really answers it, errors too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, Route

from regulars.db.engine import open_engine, write
from regulars.db.tables import metadata
from regulars.dispatch.template_context import token
from regulars.ledger.sent_copies import SentCopy, save_copies
from regulars.render.message import render
from regulars.workspace.starter import starter
from tests.common.people import SECRET, add_event
from tests.web.shop import NOW, Answer, Shop, open_shop, rules_of


@dataclass(frozen=True)
class Kind:
    """One kind of page: its address, and the answer that the server gave."""

    name: str
    root: str
    path: str
    answer: Answer

    def show(self, page: Page) -> None:
        """The answer in the browser, also one to a POST; what it refers to comes from the server."""
        kept = {name: value for name, value in self.answer.headers.items() if name.startswith("content-")}
        kept.pop("content-length", None)

        def answered(route: Route) -> None:
            route.fulfill(status=self.answer.status, headers=kept, body=self.answer.text)

        page.route(self.root + self.path, answered)
        page.goto(self.root + self.path, wait_until="load")
        page.unroute(self.root + self.path)


@dataclass(frozen=True)
class _Visitor:
    """Somebody new at every page, who reads one language."""

    shop: Shop
    locale: str

    def client(self) -> int:
        return self.shop.customer(f"c{self.shop.count('customers')}", locale=self.locale)

    def path(self, page: str, campaign: str = "quality-survey", **fields: object) -> str:
        """The page of a new client's email."""
        return self.shop.link(page, self.shop.promise(self.client(), campaign, **fields))

    def visit(self, page: str) -> str:
        """The page of a new client's visit."""
        customer = self.client()
        tomorrow, later = ((NOW + timedelta(days=n)).isoformat() for n in (1, 2))
        data = {"starts_at": tomorrow, "service": "Spring service", "place": "14 Columna St", "slots": [later]}
        with write(self.shop.engine) as connection:
            event = add_event(connection, customer, "visit.booked", NOW - timedelta(days=2), data)
        return self.shop.link(page, self.shop.promise(customer, "appointment-reminder", source_id=event))

    def seen(self, name: str, where: str, form: str | None = None, query: str = "") -> Kind:
        """What the server answers; where it sends the browser on, what it answers there."""
        ask = {"accept-language": self.locale, "content-type": "application/x-www-form-urlencoded"}
        answer = self.shop.ask("GET" if form is None else "POST", where + query, form, ask)
        if answer.status == 303:
            answer = self.shop.ask("GET", where.rpartition("/")[0] + "/" + answer.headers["location"], None, ask)
        return Kind(name, f"http://127.0.0.1:{self.shop.port}", where, answer)


def kinds(shop: Shop, locale: str) -> Iterator[Kind]:
    """The pages in a language; each client who meets them is new."""
    visitor = _Visitor(shop, locale)
    for part in (_leaving, _asked, _visits, _joining, _failures):
        yield from part(visitor)


def _leaving(by: _Visitor) -> Iterator[Kind]:
    seen, path = by.seen, by.path
    yield seen("unsubscribe", path("u"))
    yield seen("unsubscribed", path("u"), "leave=all")
    yield seen("unsubscribed-topic", path("u"), "leave=topic")
    yield seen("preferences", path("p"))
    yield seen("preferences-saved", path("p"), "act=save&topic=marketing&weeks=2")
    yield seen("preferences-birthday", path("p"), "act=save&birthday=2999-01-01")
    yield seen("preferences-data", path("p"), "act=data")
    yield seen("erase-wrong", path("p"), "act=erase&email=x")
    yield seen("erased", path("p"), f"act=erase&email=c{by.shop.count('customers') - 1}@client.example")


def _asked(by: _Visitor) -> Iterator[Kind]:
    seen, path = by.seen, by.path
    campaigns = rules_of(starter()).rulebook.campaigns.values()
    for survey, campaign in sorted({c.survey: c.name for c in campaigns if c.survey}.items()):
        yield seen(f"survey-{survey}", path("s", campaign), query="?score=3")
        yield seen(f"survey-{survey}-empty", path("s", campaign), "words=")
    yield seen("thanks", path("s"), "score=3")
    yield seen("book", path("b"))
    yield seen("called", path("b"), "note=After+noon")
    yield seen("data", path("d", "your-data"))
    yield seen("data-late", path("d", "your-data", settled_at=NOW - timedelta(days=2)))


def _visits(by: _Visitor) -> Iterator[Kind]:
    seen, visit = by.seen, by.visit
    yield seen("visit", visit("y"))
    yield seen("visit-confirmed", visit("y"), "seen=0")
    yield seen("visit-move", visit("m"))
    yield seen("visit-wrong-time", visit("m"), "seen=0&own=yesterday")
    yield seen("visit-asked", visit("m"), "seen=0&own=2026-06-15T10:00&note=After+noon")
    yield seen("visit-cancel", visit("x"))
    yield seen("visit-cancelled", visit("x"), "seen=0")


def _joining(by: _Visitor) -> Iterator[Kind]:
    seen, path = by.seen, by.path
    yield seen("join", "/join")
    yield seen("join-wrong", "/join", "email=nonsense")
    yield seen("join-sent", "/join", "email=somebody@client.example")
    yield seen("join-gone", path("j", "confirm-subscription"))


def _failures(by: _Visitor) -> Iterator[Kind]:
    seen, path = by.seen, by.path
    yield seen("unkept", path("v"))
    yield seen("unclear", path("u"), "leave=what")
    yield seen("copy", "/copy/unsubscribe")
    yield seen("unknown", "/u/guess")
    yield seen("nothing-there", "/nothing")
    yield next(one for _ in range(99) if (one := seen("busy", "/u/guess")).answer.status == 429)


def copy_of(shop: Shop, email: str, locale: str) -> str:
    """The path at which an email is shown in a browser as it was sent."""
    templates = rules_of(starter()).templates
    promise = shop.promise(shop.customer(f"{email}-{locale}", locale=locale))
    made = render(templates.compiled(email, locale), templates.sample(email))
    mark = token(promise, SECRET)
    with write(shop.engine) as connection:
        save_copies(connection, [SentCopy(promise, f"{email}-{locale}", made.html, mark)])
    return shop.link("v", promise)


@contextmanager
def broken_shop(folder: Path) -> Iterator[Kind]:
    """The page of a server whose database has lost its tables."""
    engine = open_engine(f"sqlite:///{folder / 'empty.sqlite'}")
    metadata.create_all(engine)
    with open_shop(engine) as shop:
        metadata.drop_all(engine)
        path = shop.link("u", 1)
        yield Kind("failed", f"http://127.0.0.1:{shop.port}", path, shop.get(path))
    engine.dispose()


def title(answer: Answer) -> str:
    """The heading of a page."""
    found = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert found is not None
    return found[1]
