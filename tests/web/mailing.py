"""A business that counts clicks: one email sent by the real sender, its links in the recipient's hands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, update

from regulars.core import signing
from regulars.db import tables
from regulars.db.engine import write
from tests.common.people import SECRET
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.office import Office
from tests.web.shop import NOW, Answer, Shop, open_shop

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0"
NEWS = {"at": "2026-06-10 10:00", "email": "news", "backfill": "all"}
LINKS = (
    '<a href="https://studio.example/sale?x=1&amp;y=2#now">Sale</a> '
    '<a href="https://elsewhere.example/{{ customer.external_id }}">Yours</a> <a href="{{ links.book }}">Book</a> '
    '<a href="{{ links.view }}">View</a>'
)
ON = {"tracking": {"clicks": True}}


@dataclass
class Mailing:
    """The shop, the office that sends, and what arrived."""

    shop: Shop
    office: Office
    inbox: Inbox

    def html(self, customer: str) -> str:
        """The HTML that the client got."""
        (found,) = [m for m in self.inbox.messages if m.recipients[0].startswith(f"{customer}@")]
        part = found.message.get_body(("html",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n").strip()

    def promise(self, customer: str) -> int:
        """The promise whose email it was."""
        (row,) = [row for row in self.office.rows() if row["customer"] == customer and row["step"] == "news"]
        return int(row["id"])

    def link(self, customer: str, place: int | str = 1, page: str = "c") -> str:
        """The path of a counted link in the client's email."""
        token = signing.sign("promise", str(self.promise(customer)), SECRET)
        return f"/{page}/{token}/{place}" if page == "c" else f"/{page}/{token}"

    def get(self, path: str, agent: str = PERSON, method: str = "GET") -> Answer:
        """As somebody's browser asks."""
        return self.shop.ask(method, path, headers={"user-agent": agent})

    def hits(self) -> list[tuple[str, str | None, str]]:
        """What was written down: kind, link and grade."""
        assert self.shop.site is not None
        assert self.shop.site.hit_writer.flush()
        return [(row["kind"], row["link"], row["grade"]) for row in self.shop.rows("hits")]


@contextmanager
def mailing(
    engine: Engine,
    root: Path,
    inbox: Inbox,
    policy: Mapping[str, Any] = ON,
    campaigns: Mapping[str, Mapping[str, Any]] | None = None,
    objecting: str | None = None,
) -> Iterator[Mailing]:
    """Two clients, `ada` and `bob`, who have got `news` an hour ago."""
    company = {"website": "https://www.studio.example"}
    write_workspace(root, {"news": NEWS, **(campaigns or {})}, policy=policy, company=company, lines={"news": LINKS})
    office = Office(
        engine, root, inbox.url, REGULARS_SECRET=SECRET.decode(), REGULARS_WEB_URL="https://us.example"
    )  # fmt: skip
    with open_shop(engine, root=root, unlimited=True) as shop:
        for name in ("ada", "bob"):
            key = shop.customer(name)
            if name == objecting:
                object_to(shop, key)
        office.tick("2026-06-10T11:00")
        assert len(inbox.messages) >= 2
        yield Mailing(shop, office, inbox)
    office.close()


def object_to(shop: Shop, customer: int) -> None:
    """The client does not want to be measured."""
    row = {"customer_id": customer, "topic": "email.tracking", "granted": False, "source": "preferences"}
    with write(shop.engine) as connection:
        connection.execute(tables.consents.insert().values(**row, at=NOW - timedelta(hours=10)))


def age(shop: Shop, days: int) -> None:
    """Lets all emails be so many days old."""
    earlier = NOW - timedelta(days=days)
    with write(shop.engine) as connection:
        connection.execute(update(tables.promises).values(settled_at=earlier, due_at=earlier))


def ours(html: str) -> list[str]:
    """Where the links of an email lead."""
    return re.findall(r'href="([^"]+)"', html)
