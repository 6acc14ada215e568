"""The page that shows an email in a browser."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import update

from regulars.consent.rights import erase
from regulars.db import tables
from regulars.db.engine import write
from regulars.profile import facts
from tests.common.smtp import Inbox
from tests.web.shop import NOW, Shop
from tests.web.test_before_sending import birthdays, send

pytestmark = pytest.mark.slow


def _html(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_it_is_what_was_sent_whatever_has_changed_since(shop: Shop, smtp_inbox: Inbox) -> None:
    birthdays(shop)
    send(shop, smtp_inbox)
    with write(shop.engine) as connection:
        connection.execute(update(tables.customers).values(first_name="Other", birthday=None, locale="et"))
        facts.refresh(connection)
    promises = {row["message_id"]: row["id"] for row in shop.rows("promises")}
    for received in smtp_inbox.messages:
        path = shop.link("v", promises[received.message["message-id"]])
        page = shop.get(path)
        assert page.text.strip() == _html(received.message).strip()
        assert path.rpartition("/")[2] in page.text
        assert "sandbox" in page.headers["content-security-policy"]
    assert shop.count("layouts") == 1


def test_no_secret_is_kept_and_little_else(shop: Shop, smtp_inbox: Inbox) -> None:
    birthdays(shop)
    send(shop, smtp_inbox)
    whole = min(len(_html(received.message)) for received in smtp_inbox.messages)
    sizes = [len(row["html"]) for row in shop.rows("copies")]
    assert max(sizes) < whole / 20, sizes


def test_an_email_that_has_not_gone_is_not_shown(shop: Shop) -> None:
    birthdays(shop)
    (first, _) = shop.rows("promises")
    assert shop.get(shop.link("v", first["id"])).status == 404


def test_an_erased_client_leaves_no_email_behind(shop: Shop, smtp_inbox: Inbox) -> None:
    birthdays(shop)
    send(shop, smtp_inbox)
    first, second = shop.rows("promises")
    with write(shop.engine) as connection:
        erase(connection, first["customer_id"], NOW + timedelta(hours=1))
    assert shop.get(shop.link("v", first["id"])).status == 404
    assert shop.get(shop.link("v", second["id"])).status == 200
