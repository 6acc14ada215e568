"""What a client says counts for emails that a worker has in hand already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from regulars.core import clock
from regulars.db.engine import write
from regulars.delivery.parcel import Parcel
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.smtp.provider import Provider
from regulars.delivery.transport import Delivery, Transport
from regulars.dispatch.dispatcher import Dispatcher, Options
from regulars.dispatch.lane import Lane
from regulars.planner.plan import plan
from regulars.profile import facts
from regulars.rules.model import Kind
from regulars.workspace.starter import starter
from tests.common.people import SECRET
from tests.common.smtp import Inbox
from tests.web.shop import NOW, Shop, rules_of

pytestmark = pytest.mark.slow


@dataclass
class Interrupted(Transport):
    """A courier, before whose first chunk something happens."""

    courier: Courier
    happens: Callable[[], None] | None

    server: str = "interrupted"

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        if self.happens is not None:
            await asyncio.to_thread(self.happens)
            self.happens = None
        return await self.courier.deliver(parcels)

    async def close(self) -> None:
        await self.courier.close()


def birthdays(shop: Shop) -> None:
    """Two clients have their birthday today, and an email each is planned."""
    rules = rules_of(starter())
    with write(shop.engine) as connection:
        plan(connection, rules, NOW - timedelta(days=2))
    for name in ("ada", "bob"):
        shop.customer(name, birthday="1984-06-10")
    with write(shop.engine) as connection:
        facts.refresh(connection)
        plan(connection, rules, NOW)
    assert [row["state"] for row in shop.rows("promises")] == ["planned", "planned"]


def send(shop: Shop, inbox: Inbox, happens: Callable[[], None] | None = None) -> list[str]:
    """Sends one email at a time, all claimed at once; gives who got one."""

    async def run() -> None:
        courier = Courier(Provider.parse(inbox.url))
        lanes = [Lane("main", frozenset(Kind), Interrupted(courier, happens))]
        options = Options("http://127.0.0.1", SECRET, chunk=1)
        rules = rules_of(starter())
        at = clock.frozen(NOW)
        await Dispatcher(shop.engine, rules, lanes, options, clock=at, wall=clock.system).run()
        await courier.close()

    asyncio.run(run())
    return sorted(message.recipients[0] for message in inbox.messages)


def test_an_email_already_claimed_is_withheld_after_one_click(shop: Shop, smtp_inbox: Inbox) -> None:
    birthdays(shop)
    first, second = shop.rows("promises")

    def leaves() -> None:
        assert [row["state"] for row in shop.rows("promises")] == ["planned", "planned"]
        assert [row["sending"] for row in shop.rows("claims")] == [[first["id"]]]
        shop.post(shop.link("u", second["id"]), **{"List-Unsubscribe": "One-Click"})

    addresses = {row["id"]: row["email"] for row in shop.rows("customers")}
    assert send(shop, smtp_inbox, leaves) == [addresses[first["customer_id"]]]
    after = shop.rows("promises")
    assert [(row["state"], row["reason"]) for row in after] == [("sent", None), ("skipped", "unsubscribed")]


def test_somebody_who_left_and_came_back_in_between_gets_it(shop: Shop, smtp_inbox: Inbox) -> None:
    birthdays(shop)
    second = shop.link("u", shop.rows("promises")[1]["id"])

    def leaves_and_returns() -> None:
        shop.post(second, leave="all")
        shop.post(second, leave="back")

    assert send(shop, smtp_inbox, leaves_and_returns) == ["ada@client.example", "bob@client.example"]
