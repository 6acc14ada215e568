"""Every kind of link that carries a token: how a client comes by a genuine one, and what it lets them say.

`KINDS` is held against the routes of the application, so that a new kind of link cannot be forgotten.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from regulars.consent import signups
from regulars.core import signing
from regulars.db.engine import read, write
from regulars.db.tables import events
from regulars.dispatch.template_context import token
from regulars.ledger.sent_copies import SentCopy, save_copies
from regulars.workspace.starter import starter
from tests.common.people import SECRET, add_event
from tests.web.shop import NOW, Answer, Shop, rules_of

DAY = timedelta(days=1)
LINKS = timedelta(days=400)
"""How long links work unless the policy says otherwise."""
TARGET = "https://studio.example/sale"

Source = Callable[[Shop, int], int | None]
"""Lets something happen to a client that an email is then about; gives the event."""


def nothing(shop: Shop, customer: int) -> None:
    """The email is about no event."""


def a_visit(shop: Shop, customer: int) -> int:
    """A visit tomorrow."""
    data = {"visit": f"w-{customer}", "starts_at": (NOW + DAY).isoformat(), "service": "Spring service"}
    with write(shop.engine) as connection:
        return add_event(connection, customer, "visit.booked", NOW - 2 * DAY, data)


def a_wish(shop: Shop, customer: int) -> int:
    """A sign-up by the form an hour ago."""
    (person,) = [row for row in shop.rows("customers") if row["id"] == customer]
    form = rules_of(starter()).rulebook.signup
    assert form is not None
    wish = signups.SignupRequest(person["email"], form.text["en"], "page", "en")
    with write(shop.engine) as connection:
        assert signups.request_signup(connection, wish, form, SECRET, NOW - timedelta(hours=1))
    return newest(shop, customer, "signup.requested")


def newest(shop: Shop, customer: int, name: str) -> int:
    """The client's last event of that name."""
    query = select(events.c.id).where(events.c.customer_id == customer, events.c.name == name)
    with read(shop.engine) as connection:
        return int(connection.scalars(query.order_by(events.c.id.desc())).first() or 0)


@dataclass(frozen=True)
class Kind:
    """One kind of link."""

    page: str
    campaign: str = "win-back"
    says: Mapping[str, str] | None = None
    """The form that its page sends; None where there is nothing to say."""
    source: Source = nothing
    tail: str = ""
    """What stands behind the token."""
    age: timedelta | None = LINKS
    """How old the email may be; None where a link never expires."""
    copied: bool = False
    """Whether it needs the email as it was sent."""
    about: bool = False
    """Whether it opens only what its own email was about: for other emails there is no such page."""
    changes: bool = True
    """Whether saying something changes something."""

    def __str__(self) -> str:
        return self.page

    def path(self, token: str) -> str:
        """The path of such a link with this token."""
        return f"/{self.page}/{token}{self.tail}"


@dataclass(frozen=True)
class Link:
    """A link in the hands of a client."""

    kind: Kind
    shop: Shop
    customer: int
    promise: int
    token: str
    event: int | None = None

    @property
    def path(self) -> str:
        """Where it leads."""
        return self.kind.path(self.token)

    def say(self, **more: str) -> Answer:
        """The page's form is sent; where it has none, it is asked for."""
        if self.kind.says is None:
            return self.shop.get(self.path)
        return self.shop.post(self.path, **{**self.kind.says, **more})


VISIT: dict[str, Any] = {"campaign": "appointment-reminder", "source": a_visit, "about": True}
KINDS = (
    Kind("u", says={"leave": "all"}, age=None),
    Kind("p", says={"act": "save", "topic": "marketing", "gap": "7"}, age=None),
    Kind("v", copied=True, about=True),
    Kind("c", copied=True, about=True, tail="/1"),
    Kind("o"),
    Kind("s", "quality-survey", {"score": "9"}, about=True),
    Kind("b", says={"note": "On Monday"}),
    Kind("d", "your-data", {}, age=DAY, about=True, changes=False),
    Kind("y", says={"seen": "0"}, **VISIT),
    Kind("m", says={"seen": "0", "note": "After noon"}, **VISIT),
    Kind("x", says={"seen": "0", "note": "A cold"}, **VISIT),
    Kind("i", tail=".ics", **VISIT),
    Kind("j", "confirm-subscription", {}, a_wish, about=True),
)


def genuine(shop: Shop, kind: Kind, name: str, **fields: Any) -> Link:
    """The link in an email to a client of that name, known or new, sent an hour ago; `fields` are of its promise."""
    known = [row["id"] for row in shop.rows("customers") if row["external_id"] == name]
    customer = known[0] if known else shop.customer(name)
    event = fields.pop("event", None) or kind.source(shop, customer)
    row = {"campaign": kind.campaign, "source_id": event, "occurrence": f"{kind}/{shop.count('promises')}", **fields}
    promise = shop.promise(customer, row.pop("campaign"), **row)
    mark = token(promise, SECRET)
    if kind.copied:
        with write(shop.engine) as connection:
            save_copies(connection, [SentCopy(promise, "layout", f"<p>To {name}</p>", mark, (TARGET,))])
    return Link(kind, shop, customer, promise, mark, event)


def of(shop: Shop, customer: int) -> dict[str, list[dict[str, Any]]]:
    """All that is kept of one client."""
    whole = shop.everything()
    mine = {name: [row for row in rows if row.get("customer_id") == customer] for name, rows in whole.items()}
    return mine | {"customers": [row for row in whole["customers"] if row["id"] == customer]}


def wrong_tokens(good: str) -> dict[str, str]:
    """Tokens that nobody should be able to use."""
    raw = base64.urlsafe_b64decode(good + "=" * (-len(good) % 4))
    other = base64.urlsafe_b64encode(raw[:15] + str(int(raw[15:]) + 1).encode()).rstrip(b"=").decode()
    return {
        "another client's number under the same mark": other,
        "one character changed": ("A" if good[0] != "A" else "B") + good[1:],
        "cut": good[:-3],
        "longer": good + "AAAA",
        "very long": "A" * 5000,
        "another purpose": signing.sign("coupon", "1", SECRET),
        "another secret": signing.sign("promise", "1", b"another secret"),
        "no such promise": signing.sign("promise", "999999", SECRET),
        "a huge number": signing.sign("promise", "9" * 40, SECRET),
        "no number": signing.sign("promise", "one", SECRET),
        "another alphabet's digits": signing.sign("promise", "١٢", SECRET),
        "not base64": "%F0%9F%8C%B7",
        "zero": "%00",
        "percent": "%25%25",
        "two dots": "..%2F..",
    }
