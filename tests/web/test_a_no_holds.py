"""Whoever said no is tried again through everything that has a door to the web, and by copies to managers.

Real HTTP, the real sender and a real mail server: what counts is what arrives at the mailbox. The ways by files, merges
and aliases are in tests/consent/test_mailbox.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from regulars.consent.merge import add_aliases
from regulars.core import api_keys, ids, webhook_signing
from regulars.db import tables
from regulars.db.engine import write
from tests.common.people import SECRET, add_manager
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.office import Office
from tests.web.shop import NOW, Shop, open_shop

pytestmark = pytest.mark.slow

SPELLINGS = ("lena@client.example", "Lena@Client.Example", "LENA@client.EXAMPLE")
UNICODE = ("j\u00fcri@p\u00f5ld.example", "ju\u0308ri@po\u0303ld.example", "J\u00dcRI@xn--pld-ona.example")
BEFORE, LATER = "2026-06-10T09:00", "2026-06-10T12:30"
NEWS: dict[str, Any] = {"at": "2026-06-10 12:15", "email": "news", "backfill": "all", "cc": "manager"}
HELLO: dict[str, Any] = {"when": "customer.email is not none", "email": "hello", "backfill": "all"}
DOORS = {
    "hooks": {"shop": {"take": {"order.paid": {"customers": {"id": "data.id", "email": "data.email"}}}}},
    "signup": {"title": {"en": "News"}, "text": {"en": "You may send me news."}},
}
KEY = {"authorization": f"Bearer {api_keys.make('crm', ['customers', 'suppressions'], SECRET)}"}


@dataclass
class Doors:
    """The site and the sender of one workspace."""

    shop: Shop
    office: Office
    inbox: Inbox
    seen: int = 0
    joins: int = 0

    def post(self, path: str, body: Any) -> int:
        """A program's request."""
        return self.shop.ask("POST", path, json.dumps(body), KEY).status

    def arrived(self, mailbox: str) -> list[str]:
        """The emails that this mailbox got since the last call, in whatever spelling."""
        fresh, self.seen = self.inbox.messages[self.seen :], len(self.inbox.messages)
        return [
            str(one.message["subject"]).split()[0]
            for one in fresh
            if ids.address_hash(mailbox, SECRET) in {ids.address_hash(to, SECRET) for to in one.recipients}
        ]


@pytest.fixture
def doors(sqlite_engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> Iterator[Doors]:
    """A workspace with a form, a hook, and two campaigns that go to everybody."""
    office = Office(sqlite_engine, tmp_path / "workspace", smtp_inbox.url, REGULARS_SECRET=SECRET.decode())
    write_workspace(office.root, {"news": NEWS, "hello": HELLO})
    (office.root / "campaigns" / "doors.yaml").write_text(yaml.safe_dump(DOORS), encoding="utf-8")
    with open_shop(sqlite_engine, root=office.root, unlimited=True) as shop:
        yield Doors(shop, office, smtp_inbox)
    office.close()


Way = Callable[[Doors, str, int], None]


def _by_api(doors: Doors, address: str, number: int) -> None:
    assert doors.post("/api/customers", [{"id": f"api-{number}", "email": address, "subscribed": True}]) == 200


def _by_api_under_a_known_id(doors: Doors, address: str, number: int) -> None:
    """Somebody else, who may be written to, gets this address."""
    doors.office.clients(f"else-{number}")
    assert doors.post("/api/customers", [{"id": f"else-{number}", "email": address, "subscribed": True}]) == 200


def _by_hook(doors: Doors, address: str, number: int) -> None:
    body = json.dumps({"type": "order.paid", "data": {"id": f"hook-{number}", "email": address}}).encode()
    headers = webhook_signing.sign(webhook_signing.secret_of("shop", SECRET), f"msg_{number}", NOW, body)
    assert doors.shop.ask("POST", "/hooks/shop", body, headers).status == 200


def _by_form(doors: Doors, address: str, number: int) -> None:
    """Anybody can type in anybody's address; nobody presses the button in the email."""
    doors.joins += 1  # each from a network of its own: no network may ask often
    headers = {"content-type": "application/x-www-form-urlencoded", "x-forwarded-for": f"2001:db8:{doors.joins:x}::1"}
    assert doors.shop.ask("POST", "/join", urlencode({"email": address, "lang": "en"}), headers).status == 303


def _suppressed_and_lifted(doors: Doors, address: str, number: int) -> None:
    """A suppression is the operator's, the no is the person's: lifting the first leaves the second."""
    assert doors.post("/api/suppressions", [{"email": address, "reason": "manual"}]) == 200
    assert doors.post("/api/suppressions/remove", {"emails": [address], "why": "a mistake"}) == 200


def _by_alias(doors: Doors, address: str, number: int) -> None:
    with write(doors.shop.engine) as connection:
        key = connection.scalars(select(tables.customers.c.id).order_by(tables.customers.c.id)).first()
        assert key is not None
        add_aliases(connection, key, [f"till-{number}"], now=NOW, by="alias")
    _by_api(doors, address, number + 100)
    assert doors.post("/api/customers", [{"id": f"till-{number}", "subscribed": True, "first_name": "Lena"}]) == 200


def _as_a_manager(doors: Doors, address: str, number: int) -> None:
    """The copy of another client's email would go to the mailbox."""
    with write(doors.shop.engine) as connection:
        add_manager(connection, f"boss-{number}", name="Boss", email=address)
    doors.office.clients(f"other-{number}", manager=f"boss-{number}")


WAYS = (
    _by_api, _by_api_under_a_known_id, _by_hook, _by_form, _suppressed_and_lifted, _by_alias, _as_a_manager,
)  # fmt: skip


def _begin(doors: Doors, address: str, said: str) -> None:
    """An empty database; a client of that address has had an email, and says no."""
    with write(doors.shop.engine) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table))
    doors.office.close()
    doors.office.plan("2026-06-10T08:00")
    assert doors.post("/api/customers", [{"id": "1", "email": address, "subscribed": True}]) == 200
    assert doors.office.tick(BEFORE).sent == 1
    assert doors.arrived(address) == ["hello"]
    (row,) = doors.office.rows()
    fields = {"List-Unsubscribe": "One-Click"} if said == "one-click" else {"leave": "all"}
    assert doors.shop.send(doors.shop.link("u", row["id"]), list(fields.items())).status in (200, 303)
    (word,) = [row for row in doors.shop.rows("consents") if row["topic"] == "marketing"]
    assert (word["granted"], word["source"]) == (False, said)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    said=st.sampled_from(["one-click", "page"]),
    first=st.sampled_from([*SPELLINGS, *UNICODE]),
    ways=st.lists(st.sampled_from(WAYS), min_size=1, max_size=4),
    data=st.data(),
)
def test_who_said_no_gets_no_marketing_by_any_door(
    doors: Doors, said: str, first: str, ways: list[Way], data: st.DataObject
) -> None:
    _begin(doors, first, said)
    family = SPELLINGS if first in SPELLINGS else UNICODE
    for number, way in enumerate(ways):
        way(doors, data.draw(st.sampled_from(family)), number)
    doors.office.tick(LATER)
    doors.office.tick("2026-06-10T13:30")
    assert doors.arrived(first) == []


def test_a_manager_who_is_willing_gets_the_copy(doors: Doors) -> None:
    _begin(doors, SPELLINGS[0], "one-click")
    _as_a_manager(doors, "boss@studio.example", 1)
    doors.office.tick(LATER)
    assert doors.arrived("boss@studio.example") == ["news"]


def test_one_mailbox_in_three_rows_gets_one_copy(doors: Doors) -> None:
    _begin(doors, "other@client.example", "one-click")
    for number, address in enumerate(SPELLINGS):
        _by_api(doors, address, number)
    doors.office.tick(LATER)
    doors.office.tick("2026-06-10T13:30")
    assert sorted(doors.arrived(SPELLINGS[0])) == ["hello", "news"]
