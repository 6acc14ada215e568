"""Codes from files, and their uses from files and as events: each limit holds, and each refusal says why."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from regulars.coupons.redemption import CouponStatus, Use, check, redeem
from regulars.db import tables
from regulars.db.engine import write
from regulars.importing.report import Kind
from regulars.profile import facts
from tests.common.bench import at
from tests.common.people import add_customer
from tests.importing.conftest import NOW, Desk

DAY = timedelta(days=1)


def give(desk: Desk, code: str, client: str, **fields: Any) -> None:
    """A coupon that the client was given."""
    with write(desk.engine) as connection:
        found = connection.scalar(tables.customers.select().where(tables.customers.c.external_id == client))
        row = {
            "code": code, "campaign": "win-back", "customer_id": found or add_customer(connection, client),
            "occurrence": f"{client}-{code}", "offer": {"percent": 50}, "uses": 1, "given_at": NOW - 9 * DAY,
            "valid_from": NOW - 9 * DAY, "valid_until": NOW + DAY, **fields,
        }  # fmt: skip
        connection.execute(insert(tables.coupons).values(row))
        facts.refresh(connection)


def why(report: Any) -> dict[int, str]:
    return {bad.line: bad.reason for bad in report.bad}


def test_codes_go_into_their_pool_once(desk: Desk) -> None:
    give(desk, "OWN-1", "ann")
    first = desk.bring(Kind.COUPONS, "Voucher Code\nA-1\nb-2\n", pool="tills")
    assert (first.added, first.unchanged, first.refused) == (2, 0, 0)
    again = desk.bring(Kind.COUPONS, "code,pool\nA-1,tills\nb-2,shop\nA-3,shop\nOWN-1,tills\nA-3,shop\n")
    assert (again.added, again.unchanged, again.refused) == (1, 1, 3)
    taken = "is of another pool already, or a client's own code"
    assert why(again) == {3: taken, 5: taken, 6: "code `A-3` is on line 4 already"}
    assert desk.rows(tables.coupon_codes, "code", "pool") == [("A-1", "tills"), ("b-2", "tills"), ("A-3", "shop")]
    nowhere = desk.bring(Kind.COUPONS, "code\nC-1\n")
    assert why(nowhere) == {2: "does not say which pool the code is for"}


def test_a_file_of_uses_counts_each_once_however_often_it_comes(desk: Desk) -> None:
    give(desk, "BACK-1", "ann", uses=3)
    give(desk, "b-2", "bob")
    file = "coupon,order,date\nback-1,o-1,2026-06-09\nBACK-1,o-2,2026-06-09\nb-2,,2026-06-09 12:00\n"
    first = desk.bring(Kind.REDEMPTIONS, file)
    assert (first.added, first.refused) == (3, 0)
    before = desk.rows(tables.events, "id", "data")
    again = desk.bring(Kind.REDEMPTIONS, file)
    assert (again.added, again.unchanged, again.refused) == (0, 3, 0)
    assert desk.rows(tables.events, "id", "data") == before
    assert desk.rows(tables.coupons, "used") == [(2,), (1,)]
    uses = {data["reference"]: (name, data) for name, data in desk.rows(tables.events, "name", "data")}
    assert uses["o-1"] == ("coupon.redeemed", {"code": "BACK-1", "campaign": "win-back", "reference": "o-1"})
    assert set(desk.rows(tables.facts, "stage")) == {("visitor",)}


REFUSALS = [
    ("NOSUCH", {}, "coupon `NOSUCH` was never given to anybody"),
    ("USED", {"used": 1}, "coupon `USED` is used up"),
    ("OLD", {"valid_until": NOW - 5 * DAY}, "coupon `OLD` had expired"),
    ("EARLY", {"valid_from": NOW}, "coupon `EARLY` was not valid yet"),
    ("BOBS", {}, "coupon `BOBS` is another client's"),
    ("MANY", {"shared": True}, "coupon `MANY` is shared by many"),
]


@pytest.mark.parametrize(("code", "fields", "reason"), REFUSALS, ids=[code for code, _, _ in REFUSALS])
@pytest.mark.parametrize("kind", ["file", "event"])
def test_what_cannot_be_used_is_named(
    sqlite_desk: Desk, code: str, fields: Mapping[str, Any], reason: str, kind: str
) -> None:
    desk = sqlite_desk
    give(desk, "ANNS", "ann")
    if code != "NOSUCH":
        give(desk, code, "bob" if code == "BOBS" else "ann", **fields)
    whose = "" if code == "MANY" else "ann"
    if kind == "file":
        report = desk.bring(Kind.REDEMPTIONS, f"code,reference,date,customer\n{code},r-1,2026-06-09,{whose}\n")
    elif code == "MANY":
        return  # an event always says whose it is
    else:
        row = f'{whose},coupon.redeemed,2026-06-09,"{{""code"": ""{code}""}}"'
        report = desk.bring(Kind.EVENTS, f"customer,name,occurred_at,data\n{row}\n")
    assert why(report) == {2: reason}
    assert desk.rows(tables.events, "id") == []
    assert [used for (used,) in desk.rows(tables.coupons, "used")] == [0, fields.get("used", 0)][
        : 1 + (code != "NOSUCH")
    ]


def test_an_event_uses_the_coupon_and_the_till_knows(desk: Desk) -> None:
    give(desk, "BACK-1", "ann")
    row = 'e-1,ann,coupon.redeemed,2026-06-09,"{""code"": ""back-1"", ""reference"": ""o-1"", ""shop"": ""North""}"'
    for added in (1, 0):
        report = desk.bring(Kind.EVENTS, f"id,customer,name,occurred_at,data\n{row}\n")
        assert (report.added, report.unchanged, report.refused) == (added, 1 - added, 0)
    with write(desk.engine) as connection:
        assert check(connection, "BACK-1", NOW).standing is CouponStatus.USED_UP
        assert redeem(connection, Use("BACK-1", "o-1", NOW), NOW)[0].standing is CouponStatus.REDEEMED
        assert redeem(connection, Use("BACK-1", "o-2", NOW), NOW)[0].standing is CouponStatus.USED_UP
    assert desk.rows(tables.events, "data") == [
        ({"code": "BACK-1", "campaign": "win-back", "reference": "o-1", "shop": "North"},)
    ]


def test_a_shared_code_is_used_by_each_client_as_often_as_the_rule_says(desk: Desk) -> None:
    for client in ("ann", "bob"):
        give(desk, "SUMMER26", client, shared=True)
    file = "code,reference,date,customer\nSUMMER26,o-1,2026-06-09,ann\nSUMMER26,o-2,2026-06-09,ann\n"
    report = desk.bring(Kind.REDEMPTIONS, file + "SUMMER26,o-3,2026-06-09,bob\n")
    assert (report.added, why(report)) == (2, {3: "coupon `SUMMER26` is used up"})


def test_files_tills_and_events_at_once_use_a_coupon_once(desk: Desk) -> None:
    give(desk, "BACK-1", "ann")

    def till(number: int) -> int:
        with write(desk.engine) as connection:
            return int(redeem(connection, Use("BACK-1", f"till {number}", at("2026-06-10T08:00")), NOW)[1])

    def file(number: int) -> int:
        content = f"code,reference,date\nBACK-1,file {number},2026-06-09\n"
        return desk.bring(Kind.REDEMPTIONS, content, f"uses-{number}.csv").added

    def event(number: int) -> int:
        row = f'e-{number},ann,coupon.redeemed,2026-06-09,"{{""code"": ""BACK-1""}}"'
        return desk.bring(Kind.EVENTS, f"id,customer,name,occurred_at,data\n{row}\n", f"events-{number}.csv").added

    with ThreadPoolExecutor(6) as pool:
        found = [pool.submit(work, number) for number in range(4) for work in (till, file, event)]
        assert sum(one.result() for one in found) == 1
    assert desk.rows(tables.coupons, "used") == [(1,)]
    assert len(desk.rows(tables.events, "id")) == 1


def test_a_use_counts_by_its_own_day(desk: Desk) -> None:
    give(desk, "BACK-1", "ann", valid_until=datetime.fromisoformat("2026-06-08T21:00:00+00:00"))
    report = desk.bring(Kind.REDEMPTIONS, "code,reference,date\nBACK-1,o-1,2026-06-08 23:59\n", now=NOW + 90 * DAY)
    assert report.added == 1
