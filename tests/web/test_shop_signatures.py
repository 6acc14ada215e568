"""Webhooks of Shopify, WooCommerce and Stripe, signed as they document it: taken once, and only if they are genuine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from regulars.core.shop_signatures import verify_shop
from regulars.db.engine import write
from regulars.responses import received_hooks
from tests.web.shop import NOW, Answer, Shop, open_shop

RULES = """\
company: {name: Studio Ana, from: Ana <ana@studio.example>, address: "7 Florilor St, Chișinău"}
hooks:
  shopify:
    signature: shopify
    secret: TEST_SHOPIFY_SECRET
    take:
      orders/paid: &order
        customers: {id: customer.id, email: customer.email, first_name: customer.first_name}
        purchases:
          id: name
          customer: customer.id
          occurred_at: created_at
          amount: total_price
          currency: currency
          products: line_items
      orders/cancelled: *order
  woo:
    signature: woocommerce
    secret: TEST_WOO_SECRET
    take:
      order.updated:
        customers: {email: billing.email}
        purchases:
          id: number
          email: billing.email
          occurred_at: date_created_gmt
          amount: total
          status: status
          quantity: line_items[0].quantity
  stripe:
    signature: stripe
    secret: TEST_STRIPE_SECRET
    take:
      charge.succeeded:
        customers: {email: data.object.billing_details.email}
        purchases:
          id: data.object.id
          email: data.object.billing_details.email
          occurred_at: data.object.created
          amount: data.object.amount
          currency: data.object.currency
          products: data.object.items
        scale: {amount: 0.01, price: 0.01}
"""
ORDER = {
    "name": "#1001", "created_at": "2026-06-09T16:20:00+03:00", "total_price": "403.00", "currency": "USD",
    "customer": {"id": 7001, "email": "ada@client.example", "first_name": "Ada"},
    "line_items": [
        {"sku": "IPOD", "quantity": 3, "price": "100.00", "name": "Pod"},
        {"sku": None, "quantity": 1, "price": "103.00", "name": "Gift wrap"},
    ],
}  # fmt: skip
CHARGE = {
    "id": "evt_1", "type": "charge.succeeded",
    "data": {"object": {
        "id": "ch_1", "amount": 1999, "currency": "eur", "created": 1780920000,
        "billing_details": {"email": "ada@client.example"},
        "items": [{"sku": "tea", "quantity": 2, "price": 999}],
    }},
}  # fmt: skip
SECRETS = {"shopify": "shpss_one", "woo": "words of the shop", "stripe": "whsec_raw"}


@pytest.fixture
def shop(sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A workspace with a hook for each shop, whose secrets are in the environment."""
    monkeypatch.setenv("TEST_SHOPIFY_SECRET", f"an old one, {SECRETS['shopify']}")
    monkeypatch.setenv("TEST_WOO_SECRET", SECRETS["woo"])
    monkeypatch.setenv("TEST_STRIPE_SECRET", SECRETS["stripe"])
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "company.yaml").write_text(RULES, encoding="utf-8")
    with open_shop(sqlite_engine, root=tmp_path) as found:
        yield found


def base64_of(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def shopify(
    shop: Shop, message: Any, topic: str = "orders/paid", identity: str = "b54557e4-1", **change: str
) -> Answer:
    body = json.dumps(message).encode()
    headers = {
        "X-Shopify-Hmac-Sha256": base64_of(SECRETS["shopify"], body), "X-Shopify-Topic": topic,
        "X-Shopify-Webhook-Id": identity, "X-Shopify-Shop-Domain": "ana.myshopify.example",
    }  # fmt: skip
    return shop.ask("POST", "/hooks/shopify", body, headers | change)


def stripe_signature(body: bytes, at: datetime = NOW, secret: str = SECRETS["stripe"]) -> str:
    stamp = int(at.timestamp())
    mark = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={'0' * 64},v1={mark},v0=whatever"


def test_an_order_of_shopify_comes_with_its_lines(shop: Shop) -> None:
    answer = shopify(shop, ORDER)
    assert (answer.status, json.loads(answer.text)["type"]) == (200, "orders/paid"), answer.text
    (bought,) = shop.rows("purchases")
    assert (bought["external_id"], bought["amount"], bought["quantity"]) == ("#1001", Decimal(403), 4)
    assert [(line["quantity"], line["amount"]) for line in shop.rows("purchase_lines")] == [(3, 300), (1, 103)]
    assert shop.rows("customers")[0]["external_id"] == "7001"


def test_shopify_sends_again_and_nothing_changes(shop: Shop) -> None:
    shopify(shop, ORDER)
    before = shop.everything()
    assert json.loads(shopify(shop, {**ORDER, "total_price": "1.00"}).text)["repeated"] is True  # the same delivery
    # The id of a delivery is not signed: the same content under another one is known as well.
    assert json.loads(shopify(shop, ORDER, identity="another").text)["repeated"] is True
    assert shop.everything() == before
    assert json.loads(shopify(shop, ORDER, "orders/cancelled", "b54557e4-2").text)["repeated"] is False


@pytest.mark.parametrize(
    "signature",
    ["", "x", base64_of("another", json.dumps(ORDER).encode()), hashlib.sha256(b"").hexdigest(), "\u00e9"],
)
def test_a_wrong_signature_of_shopify_is_refused(shop: Shop, signature: str) -> None:
    change = {"X-Shopify-Hmac-Sha256": signature}
    assert shopify(shop, ORDER, **change).status == 401
    assert shop.count("purchases") == 0


def test_a_refused_row_can_be_sent_again(shop: Shop) -> None:
    broken = {**ORDER, "total_price": "12 USD"}
    answer = shopify(shop, broken)
    assert answer.status == 422
    assert "only the number: the currency goes into a column of its own" in answer.text
    assert shopify(shop, ORDER).status == 200


def test_an_order_of_woocommerce(shop: Shop) -> None:
    order = {
        "number": "727", "date_created_gmt": "2026-06-09T13:20:00", "total": "29.35", "status": "processing",
        "billing": {"email": "bo@client.example"}, "line_items": [{"quantity": 2}],
    }  # fmt: skip

    def send(message: Any, delivery: str) -> Answer:
        body = json.dumps(message).encode()
        headers = {
            "X-WC-Webhook-Signature": base64_of(SECRETS["woo"], body), "X-WC-Webhook-Topic": "order.updated",
            "X-WC-Webhook-Delivery-ID": delivery, "X-WC-Webhook-ID": "3",
        }  # fmt: skip
        return shop.ask("POST", "/hooks/woo", body, headers)

    assert send(order, "d1").status == 200
    (bought,) = shop.rows("purchases")
    assert (bought["external_id"], bought["amount"], bought["quantity"]) == ("727", Decimal("29.35"), 2)
    assert send({**order, "status": "refunded"}, "d2").status == 200
    assert shop.count("purchases") == 0
    assert json.loads(send(order, "d3").text)["repeated"] is True  # an old message would bring the order back
    assert shop.count("purchases") == 0


def test_content_is_remembered_longer_than_ids(shop: Shop) -> None:
    shopify(shop, ORDER)
    with write(shop.engine) as connection:
        received_hooks.remember_message(connection, "shopify", "x", NOW + timedelta(days=60))
    assert sorted(len(row["message"]) for row in shop.rows("deliveries")) == [1, 64]
    assert json.loads(shopify(shop, ORDER, identity="another").text)["repeated"] is True


@pytest.mark.parametrize("name", ["woo", "shopify", "nobody"])
def test_the_unsigned_ping_of_woocommerce_is_answered_whatever_the_name(shop: Shop, name: str) -> None:
    before = shop.everything()
    answer = shop.ask("POST", f"/hooks/{name}", b"webhook_id=3", {"User-Agent": "WooCommerce/9.0 Hookshot"})
    assert (answer.status, json.loads(answer.text)["rows"]) == (200, [])
    assert shop.ask("POST", f"/hooks/{name}", b"webhook_id=3&status=paid").status == 401
    assert shop.everything() == before


def test_cents_of_stripe(shop: Shop) -> None:
    body = json.dumps(CHARGE).encode()
    answer = shop.ask("POST", "/hooks/stripe", body, {"Stripe-Signature": stripe_signature(body)})
    assert answer.status == 200, answer.text
    (bought,) = shop.rows("purchases")
    assert (bought["external_id"], bought["amount"], bought["currency"]) == ("ch_1", Decimal("19.99"), "EUR")
    assert bought["occurred_at"].isoformat() == "2026-06-08T12:00:00+00:00"
    assert [(line["quantity"], line["amount"]) for line in shop.rows("purchase_lines")] == [(2, Decimal("19.98"))]
    again = shop.ask(
        "POST", "/hooks/stripe", body, {"Stripe-Signature": stripe_signature(body, NOW + timedelta(minutes=1))}
    )
    assert json.loads(again.text)["repeated"] is True


@pytest.mark.parametrize("late", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_an_old_signature_of_stripe_is_refused(shop: Shop, late: timedelta) -> None:
    body = json.dumps(CHARGE).encode()
    assert (
        shop.ask("POST", "/hooks/stripe", body, {"Stripe-Signature": stripe_signature(body, NOW - late)}).status == 401
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        "t=1",
        "v1=aa",
        f"t={int(NOW.timestamp())}",
        f"t={int(NOW.timestamp())},v1=é",
        "t=99999999999,v1=" + "0" * 64,
    ],
)
def test_a_header_that_is_not_stripes_is_refused(header: str) -> None:
    assert verify_shop("stripe", {"stripe-signature": header}, b"{}", [b"whsec_raw"], NOW) is None


def test_without_its_secret_a_hook_takes_nothing_and_says_why(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TEST_SHOPIFY_SECRET", " , ")
    empty = {"X-Shopify-Hmac-Sha256": base64_of("", json.dumps(ORDER).encode())}
    assert shopify(shop, ORDER, **empty).status == 401
    assert "TEST_SHOPIFY_SECRET has no secret" in caplog.text
