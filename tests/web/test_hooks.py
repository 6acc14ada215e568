"""Signed messages from a shop: taken once, whole, and only from whoever holds the secret."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from regulars.core import webhook_signing
from regulars.db.engine import write
from regulars.responses import received_hooks
from tests.common.people import SECRET
from tests.web.shop import NOW, Answer, Shop, open_shop

RULES = """\
company: {name: Studio Ana, from: Ana <ana@studio.example>, address: "7 Florilor St, Chișinău"}
events:
  complaint.opened: {about: text}
hooks:
  shop:
    keys: [shop, shop-2]
    take:
      order.paid:
        customers: {id: data.buyer.id, email: data.buyer.email}
        purchases:
          id: data.number
          customer: data.buyer.id
          occurred_at: data.paid_at
          amount: data.total
          products: data.lines[].sku
      order.updated:
        purchases:
          id: data.number
          customer: data.buyer.id
          occurred_at: data.paid_at
          amount: data.total
          status: data.status
          products: data.lines
      ticket.opened:
        events: {name: = complaint.opened, customer: data.client, about: data.subject}
"""
ORDER = {
    "type": "order.paid",
    "data": {
        "number": "118", "paid_at": "2026-06-09T16:20:00+03:00", "total": "149.90",
        "buyer": {"id": "c-17", "email": "ada@client.example"}, "lines": [{"sku": "mower"}, {"sku": "oil"}],
    },
}  # fmt: skip
TICKET = {"type": "ticket.opened", "data": {"client": "c-17", "subject": "It stopped"}}
WHSEC = webhook_signing.secret_of("shop", SECRET)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with a hook and no campaign."""
    folder = tmp_path / "workspace"
    (folder / "campaigns").mkdir(parents=True)
    (folder / "campaigns" / "company.yaml").write_text(RULES, encoding="utf-8")
    return folder


@pytest.fixture
def shop(engine: Engine, root: Path) -> Iterator[Shop]:
    """A shop that sends messages, on both databases."""
    with open_shop(engine, root=root) as found:
        yield found


@pytest.fixture
def small_shop(sqlite_engine: Engine, root: Path) -> Iterator[Shop]:
    """The same on SQLite alone, for what does not concern the database."""
    with open_shop(sqlite_engine, root=root) as found:
        yield found


def send(shop: Shop, message: Any, identity: str = "msg_1", secret: str = WHSEC, hook: str = "shop") -> Answer:
    body = json.dumps(message).encode()
    return shop.ask("POST", f"/hooks/{hook}", body, webhook_signing.sign(secret, identity, NOW, body))


def test_an_order_brings_the_client_and_the_purchase(shop: Shop) -> None:
    answer = send(shop, ORDER)
    assert answer.status == 200, answer.text
    rows = json.loads(answer.text)["rows"]
    assert [(row["kind"], row["added"]) for row in rows] == [("customers", 1), ("purchases", 1)]
    (bought,) = shop.rows("purchases")
    assert (bought["external_id"], bought["amount"]) == ("118", Decimal("149.90"))
    assert shop.count("purchase_lines") == 2


def test_a_refund_takes_back_the_purchase_of_an_order(shop: Shop) -> None:
    send(shop, ORDER)
    lines = [{"sku": "mower", "name": "Mower", "quantity": 3, "price": "40"}, {"sku": None, "name": "Gift wrap"}]
    data = {**ORDER["data"], "status": "paid", "paid_at": 1780000000, "lines": lines}  # type: ignore[dict-item]
    assert send(shop, {"type": "order.updated", "data": data}, "msg_2").status == 200
    (bought,) = shop.rows("purchases")
    assert bought["occurred_at"].isoformat() == "2026-05-28T20:26:40+00:00"
    assert [(line["quantity"], line["amount"]) for line in shop.rows("purchase_lines")] == [(3, 120), (1, None)]
    unknown = send(shop, {"type": "order.updated", "data": {**data, "status": "sent back"}}, "msg_3")
    assert (unknown.status, "is a status that we do not know" in unknown.text) == (422, True)
    assert send(shop, {"type": "order.updated", "data": {**data, "status": "refunded"}}, "msg_3").status == 200
    assert shop.count("purchases") == shop.count("purchase_lines") == 0


def test_a_message_sent_again_changes_nothing(shop: Shop) -> None:
    send(shop, ORDER)
    before = shop.everything()
    changed = {**ORDER, "data": {**ORDER["data"], "number": "119"}}  # type: ignore[dict-item]
    answer = send(shop, changed)
    assert (answer.status, json.loads(answer.text)["repeated"]) == (200, True)
    assert shop.everything() == before


def test_messages_of_one_id_at_once_count_once(shop: Shop) -> None:
    shop.customer("c-17")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(shop, TICKET), range(16)))
    assert {answer.status for answer in answers} == {200}
    (event,) = shop.rows("events")
    assert (event["name"], event["data"], event["occurred_at"]) == ("complaint.opened", {"about": "It stopped"}, NOW)
    assert shop.count("deliveries") == 1


def test_what_was_refused_may_come_again(shop: Shop) -> None:
    answer = send(shop, TICKET)
    assert answer.status == 422
    assert "c-17" in answer.text
    assert shop.count("deliveries") == 0
    shop.customer("c-17")
    assert send(shop, TICKET).status == 200
    assert shop.count("events") == 1


@pytest.mark.parametrize("message", [{"type": "order.cancelled"}, {}, [], "text", 7, None, {"type": ["order.paid"]}])
def test_a_message_of_another_type_is_let_pass(small_shop: Shop, message: Any) -> None:
    before = small_shop.everything()
    answer = send(small_shop, message)
    assert (answer.status, json.loads(answer.text)["type"]) == (200, None)
    assert small_shop.everything() == {**before, "deliveries": small_shop.rows("deliveries")}


@pytest.mark.parametrize("data", [None, {}, {"number": {}}, {"buyer": {"id": ["x"]}}, {"number": "1" * 500}])
def test_a_message_without_what_is_needed_is_refused(small_shop: Shop, data: Any) -> None:
    before = small_shop.everything()
    assert send(small_shop, {"type": "order.paid", "data": data}).status == 422
    assert small_shop.everything()["purchases"] == before["purchases"]


def test_either_key_of_the_hook_signs(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    second = webhook_signing.secret_of("shop-2", SECRET)
    assert send(small_shop, ORDER, "msg_2", second).status == 200
    monkeypatch.setenv("REGULARS_REVOKED_KEYS", "shop-2")
    assert send(small_shop, ORDER, "msg_3", second).status == 401
    assert send(small_shop, ORDER, "msg_3").status == 200


def test_the_signatures_of_two_keys_stand_beside_each_other(small_shop: Shop) -> None:
    body = json.dumps(ORDER).encode()
    headers = webhook_signing.sign(WHSEC, "msg_1", NOW, body)
    headers["webhook-signature"] = f"v1,!! v2,AAAA v1,AAAA {headers['webhook-signature']}"
    assert small_shop.ask("POST", "/hooks/shop", body, headers).status == 200


def test_what_is_not_genuine_is_refused(small_shop: Shop) -> None:
    shop, body = small_shop, json.dumps(ORDER).encode()
    good = webhook_signing.sign(WHSEC, "msg_1", NOW, body)
    wrong: dict[str, dict[str, str]] = {
        "no headers": {},
        "another key": webhook_signing.sign(webhook_signing.secret_of("shop-3", SECRET), "msg_1", NOW, body),
        "another workspace": webhook_signing.sign(
            webhook_signing.secret_of("shop", b"another secret"), "msg_1", NOW, body
        ),
        "another body": webhook_signing.sign(WHSEC, "msg_1", NOW, body + b" "),
        "another id": {**good, "webhook-id": "msg_2"},
        "no id": {**good, "webhook-id": ""},
        "a long id": webhook_signing.sign(WHSEC, "m" * 101, NOW, body),
        "another time": {**good, "webhook-timestamp": str(int(NOW.timestamp()) + 1)},
        "no number": {**good, "webhook-timestamp": "soon"},
        "replayed": webhook_signing.sign(WHSEC, "msg_1", NOW - timedelta(minutes=6), body),
        "from tomorrow": webhook_signing.sign(WHSEC, "msg_1", NOW + timedelta(minutes=6), body),
        "another version": {**good, "webhook-signature": good["webhook-signature"].replace("v1", "v1a")},
        "cut": {**good, "webhook-signature": good["webhook-signature"][:-4]},
    }
    before = shop.everything()
    for what, headers in wrong.items():
        assert shop.ask("POST", "/hooks/shop", body, headers).status == 401, what
    assert shop.ask("POST", "/hooks/nobody", body, good).status == 401
    assert shop.everything() == before
    assert shop.count("deliveries") == 0


def test_one_signature_does_not_hold_for_two_messages(small_shop: Shop) -> None:
    """`a.1781092800.{}` could be the id `a` with that time, or the id `a.1781092800` with another."""
    stamp = str(int(NOW.timestamp()))
    body = f"{stamp}.".encode() + json.dumps(ORDER).encode()
    good = webhook_signing.sign(WHSEC, "a", NOW, body)
    split = {**good, "webhook-id": f"a.{stamp}"}
    answer = small_shop.ask("POST", "/hooks/shop", json.dumps(ORDER), split)
    assert answer.status == 401
    assert json.loads(answer.text) == {"error": webhook_signing.ID_RULE}
    assert small_shop.count("deliveries") == small_shop.count("purchases") == 0


@pytest.mark.parametrize("identity", ["a.b", "a/b", "a b", "ä", "a:b", ""])
def test_an_id_has_letters_digits_and_two_marks(small_shop: Shop, identity: str) -> None:
    body = json.dumps(ORDER).encode()
    headers = {**webhook_signing.sign(WHSEC, identity, NOW, body), "webhook-id": identity.encode().decode("latin-1")}
    answer = small_shop.ask("POST", "/hooks/shop", body, headers)
    assert (answer.status, json.loads(answer.text)["error"]) == (401, webhook_signing.ID_RULE)


def test_guessing_becomes_slow(small_shop: Shop) -> None:
    assert {small_shop.ask("POST", "/hooks/shop", b"{}").status for _ in range(60)} == {401, 429}
    assert send(small_shop, ORDER).status == 200


def test_signed_nonsense_is_refused(small_shop: Shop) -> None:
    body = b"\xff{"
    answer = small_shop.ask("POST", "/hooks/shop", body, webhook_signing.sign(WHSEC, "m", NOW, body))
    assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
    assert small_shop.get("/hooks/shop").status == 405


def test_what_nobody_repeats_is_forgotten(shop: Shop) -> None:
    send(shop, ORDER)
    with write(shop.engine) as connection:
        assert received_hooks.was_received(connection, "shop", "msg_1")
        received_hooks.remember_message(
            connection, "shop", "msg_2", NOW + received_hooks.REMEMBERED + timedelta(seconds=1)
        )
        assert not received_hooks.was_received(connection, "shop", "msg_1")
        assert received_hooks.was_received(connection, "shop", "msg_2")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_the_signature_is_what_another_program_makes() -> None:
    secret = "whsec_" + base64.b64encode(b"a secret of twenty-four").decode()
    headers = webhook_signing.sign(secret, "msg_1", NOW, b'{"test": 1}')
    command = ["openssl", "dgst", "-sha256", "-hmac", "a secret of twenty-four", "-binary"]
    content = f"msg_1.{headers['webhook-timestamp']}.".encode() + b'{"test": 1}'
    mark = subprocess.run(command, input=content, capture_output=True, check=True).stdout
    assert headers["webhook-signature"] == "v1," + base64.b64encode(mark).decode()
