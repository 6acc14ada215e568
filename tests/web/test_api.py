"""The API: keys, coupons under concurrency, batches that can be sent again."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from regulars.core import api_keys, signing
from regulars.db import tables
from regulars.db.engine import write
from regulars.web.api.openapi import EXAMPLES
from tests.common.people import SECRET
from tests.web.shop import NOW, Answer, Shop

KEY = api_keys.make("till-1", api_keys.SCOPES, SECRET)


def call(shop: Shop, path: str, body: Any = None, key: str | None = KEY) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    answer: Answer = shop.ask("POST", path, json.dumps(body) if body is not None else None, headers)
    assert answer.headers["content-type"] == "application/json"
    return answer.status, json.loads(answer.text)


def coupon(shop: Shop, code: str = "BACK-AB2CD3EF", **fields: Any) -> str:
    row = {
        "code": code, "campaign": "win-back", "occurrence": "1",
        "customer_id": fields.get("customer_id") or shop.customer(f"holder-{code}"),
        "offer": {"percent": 50}, "uses": 1, "used": 0, "given_at": NOW, "valid_from": NOW - timedelta(days=1),
        "valid_until": NOW + timedelta(days=13), **fields,
    }  # fmt: skip
    with write(shop.engine) as connection:
        connection.execute(insert(tables.coupons).values(row))
    return f"/api/coupons/{code}"


@pytest.mark.slow
def test_a_single_use_code_under_100_redemptions_at_once(shop: Shop) -> None:
    path = coupon(shop)
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda n: call(shop, f"{path}/redeem", {"reference": f"receipt {n}"}), range(100)))
    assert Counter((status, body["standing"]) for status, body in found) == {(200, "redeemed"): 1, (409, "used-up"): 99}
    assert [row["used"] for row in shop.rows("coupons")] == [1]
    (event,) = shop.rows("events")
    assert (event["name"], event["data"]["campaign"]) == ("coupon.redeemed", "win-back")


def test_the_same_receipt_at_once_counts_once(shop: Shop) -> None:
    path = coupon(shop, uses=5)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: call(shop, f"{path}/redeem", {"reference": "receipt 1"}), range(16)))
    assert {(status, body["standing"]) for status, body in found} == {(200, "redeemed")}
    assert [row["used"] for row in shop.rows("coupons")] == [1]


def test_checking_changes_nothing_and_reads_what_people_type(shop: Shop) -> None:
    coupon(shop)
    before = shop.everything()
    status, body = call(shop, "/api/coupons/back-ab2c%20d3ef/check")
    assert (status, body["standing"], body["offer"]) == (200, "valid", {"percent": 50})
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("fields", "status", "standing"),
    [
        ({"valid_until": NOW - timedelta(seconds=1)}, 409, "expired"),
        ({"valid_from": NOW + timedelta(seconds=1)}, 409, "not-yet"),
        ({"used": 1}, 409, "used-up"),
        ({}, 404, "unknown"),
    ],
)
def test_a_code_that_is_not_valid(shop: Shop, fields: dict[str, Any], status: int, standing: str) -> None:
    path = coupon(shop, **fields) if fields else "/api/coupons/NOSUCH"
    for act, body in (("check", None), ("redeem", {"reference": "r"})):
        answer = call(shop, f"{path}/{act}", body)
        assert (answer[0], answer[1]["standing"]) == (status, standing)
    assert shop.count("events") == 0


def test_a_till_that_knows_the_client_is_told_whose_code_it_is(small_shop: Shop) -> None:
    own = coupon(small_shop)
    for name in ("ann", "bob"):
        coupon(small_shop, "SUMMER26", customer_id=small_shop.customer(name), shared=True, occurrence=name)
    told = [
        call(small_shop, f"{path}/redeem", {"reference": f"r-{n}", "customer": whose})
        for n, (path, whose) in enumerate(
            [(own, "ann"), (own, None), ("/api/coupons/SUMMER26", None), ("/api/coupons/summer26", "ann"),
             ("/api/coupons/SUMMER26", "ann"), ("/api/coupons/SUMMER26", "bob")]
        )
    ]  # fmt: skip
    assert [(status, body["standing"]) for status, body in told] == [
        (409, "not-theirs"), (200, "redeemed"), (409, "whose"), (200, "redeemed"), (409, "used-up"), (200, "redeemed"),
    ]  # fmt: skip
    assert call(small_shop, f"{own}/check", {"customer": ["ann"]})[0] == 422


@pytest.mark.parametrize("kind", ["customers", "purchases", "events"])
def test_a_batch_sent_again_adds_nothing(shop: Shop, kind: str) -> None:
    shop.customer("c-17", email="ada@client.example")
    call(shop, f"/api/{kind}", EXAMPLES[kind])
    before = shop.everything()
    status, report = call(shop, f"/api/{kind}", EXAMPLES[kind])
    assert (status, report["added"], report["changed"], report["refused"]) == (200, 0, 0, 0)
    assert shop.everything() == before
    assert shop.count(kind) == 1


def test_good_rows_are_in_and_bad_rows_are_named(shop: Shop) -> None:
    shop.customer("c-17")
    rows = [*EXAMPLES["events"], {**EXAMPLES["events"][0], "id": "v-5", "customer": "nobody"}]
    status, report = call(shop, "/api/events", rows)
    assert (status, report["added"], report["refused"], report["bad"][0]["line"]) == (200, 1, 1, 2)


@pytest.mark.parametrize("body", [{}, "x", 1, [1], [[]], None])
def test_json_of_another_shape_is_refused(small_shop: Shop, body: Any) -> None:
    assert call(small_shop, "/api/events", body)[0] == 422


def test_a_refused_batch_says_what_the_import_says(small_shop: Shop) -> None:
    status, said = call(small_shop, "/api/customers", [{"email": "a@client.example", "Club GDPR": "yes"}])
    assert status == 422
    assert said["error"][0].endswith(
        "; expected to know what a yes in it means; send it as `subscribed` or `unsubscribed`, or leave it out"
    )
    assert "10,000 objects" in call(small_shop, "/api/events", {})[1]["error"][0]


def test_amounts_in_cents_are_scaled(small_shop: Shop) -> None:
    small_shop.customer("ann")
    row = {"id": "p-1", "customer": "ann", "occurred_at": "2026-06-01T10:00:00Z", "amount": 1999, "discount": "1.50"}
    assert call(small_shop, "/api/purchases?scale=amount=0.01", [row])[0] == 200
    (bought,) = small_shop.rows("purchases")
    assert (str(bought["amount"]), str(bought["discount"])) == ("19.99", "1.5")
    for wrong in ("amount", "amount=0", "amount=x", "total=0.01", "amount=nan"):
        status, said = call(small_shop, f"/api/purchases?scale={wrong}", [row])
        assert (status, "such as `amount=0.01`" in said["error"][0]) == (422, True)
    assert call(small_shop, "/api/events?scale=amount=0.01", [row])[0] == 422


def test_what_is_not_json_is_refused(small_shop: Shop) -> None:
    answer = small_shop.ask("POST", "/api/events", b"\xff{", {"authorization": f"Bearer {KEY}"})
    assert answer.status == 400


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (None, 401),
        ("nonsense", 401),
        (KEY[:-2], 401),
        (signing.sign("promise", "till-1 coupons", SECRET), 401),
        (api_keys.make("crm", ["events"], SECRET), 403),
    ],
)
def test_a_key_opens_only_what_it_is_for(small_shop: Shop, key: str | None, status: int) -> None:
    path = coupon(small_shop)
    assert call(small_shop, f"{path}/redeem", {"reference": "r"}, key)[0] == status
    assert small_shop.count("events") == 0


def test_a_revoked_key_is_refused(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_REVOKED_KEYS", "old-till till-1")
    assert call(small_shop, "/api/events", [])[0] == 401


@pytest.mark.parametrize(
    ("name", "scopes"), [("Till", ["events"]), ("till", []), ("till", ["all"]), ("a b", ["events"])]
)
def test_a_key_that_cannot_be(name: str, scopes: list[str]) -> None:
    with pytest.raises(ValueError, match="a key has a name"):
        api_keys.make(name, scopes, SECRET)


def test_the_document_lists_what_there_is(small_shop: Shop) -> None:
    described = json.loads(small_shop.get("/openapi.json").text)
    for path, methods in described["paths"].items():
        if "post" not in methods:
            continue
        status, _ = call(small_shop, path.replace("{code}", "NOSUCH"), {"reference": "r"})
        assert status in ((401,) if path.startswith("/hooks/") else (404, 422)), path


def test_the_report_as_the_command_gives_it(shop: Shop) -> None:
    def asked(query: str, key: str = KEY) -> tuple[int, Any]:
        answer = shop.ask("GET", f"/api/report{query}", headers={"authorization": f"Bearer {key}"})
        return answer.status, json.loads(answer.text)

    status, found = asked("?since=2026-01-01T00:00:00Z&until=2026-12-31T00:00:00%2B02:00")
    assert (status, found["since"]) == (200, "2026-01-01T00:00:00+00:00")
    assert found["revenue"]["total"] == {"events": 0, "mailboxes": 0, "values": [], "unvalued": 0}
    assert set(found["campaigns"]) >= {"win-back"}
    for wrong in ("?since=soon", "?since=2026-01-01", "?since=0001-01-01T00:00:00Z", "?until=a&until=b"):
        assert asked(wrong)[0] == 422
    assert asked("", api_keys.make("till-2", ["coupons"], SECRET))[0] == 403
