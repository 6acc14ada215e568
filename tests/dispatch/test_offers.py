"""Offers: where codes come from, how long they hold, and what becomes of emails when there are no more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, select

from regulars.consent.rights import MARKETING, withdraw
from regulars.coupons.assignment import Assigned, CouponKey, assign_coupons
from regulars.coupons.redemption import CouponStatus, Use, redeem
from regulars.db.engine import read, write
from regulars.db.states import Reason
from regulars.db.tables import coupons, customers
from regulars.importing.options import ImportOptions
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from regulars.profile import facts
from regulars.rules.offer import Coupon
from regulars.simulation.plan_ahead import forecast
from tests.common.bench import at
from tests.common.people import SECRET, add_customer
from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, Office

pytestmark = pytest.mark.slow

LATER = "2026-06-10T18:00"


def _office(
    open_office: Open, inbox: Inbox | ScriptedServer, coupon: dict[str, Any], *clients: str, **rule: Any
) -> Office:
    office = open_office(inbox.url)
    news = NEWS | {"offer": {"coupon": coupon}} | rule
    write_workspace(office.root, {"news": news}, lines={"news": "Yours: {{ coupon.code }}"})
    office.clients(*clients)
    with write(office.engine) as connection:
        facts.refresh(connection)
    return office


def _add_codes(office: Office, *codes: str, pool: str = "tills") -> None:
    path = office.root / "codes.csv"
    path.write_text("\n".join(["code", *codes]), encoding="utf-8")
    options = ImportOptions(pool=pool)
    report = import_file(office.engine, Kind.COUPONS, path, now=at(LATER), secret=SECRET, options=options)
    assert report.refused == 0


def _codes(office: Office) -> dict[str, str]:
    query = select(customers.c.external_id, coupons.c.code).join_from(coupons, customers)
    with read(office.engine) as connection:
        return dict(connection.execute(query).all())


def test_codes_of_a_pool_go_out_one_by_one_and_the_rest_waits_for_more(open_office: Open, smtp_inbox: Inbox) -> None:
    office = _office(open_office, smtp_inbox, {"percent": 10, "pool": "tills"}, "ada", "bo", "cy")
    _add_codes(office, "aa-1", "aa-2")
    ahead = forecast(office.engine, office.runtime.rules, at("2026-06-10T12:00"), 2)
    assert (ahead.campaigns["news"].due, ahead.campaigns["news"].held) == (2, {"no-coupon": 1})
    assert [dict(day.sent) for day in ahead.days][:1] == [{"news": 2}]
    assert office.tick().sent == 2
    assert office.states() == {"ada": ("sent", None), "bo": ("sent", None), "cy": ("held", "no-coupon")}
    assert office.tick("2026-06-10T15:00").sent == 0
    _add_codes(office, "aa-1", "aa-2", "aa-3", "aa-4")
    assert office.tick(LATER).sent == 1
    assert _codes(office) == {"ada": "aa-1", "bo": "aa-2", "cy": "aa-3"}
    body = smtp_inbox.messages[-1].message.get_body(("plain",))
    assert body is not None
    assert "Yours: aa-3" in str(body.get_content())


def test_what_no_codes_came_for_in_time_is_skipped_with_that_reason(open_office: Open, smtp_inbox: Inbox) -> None:
    office = _office(open_office, smtp_inbox, {"percent": 10, "pool": "tills"}, "ada")
    assert office.tick().sent == 0
    assert office.states() == {"ada": ("held", "no-coupon")}
    _add_codes(office, "other", pool="elsewhere")
    assert office.tick("2026-06-12T11:00").sent == 0
    _add_codes(office, "aa-1")
    office.tick("2026-06-12T12:01")  # the rule came on the tenth at noon, and two days is the limit
    assert office.states() == {"ada": ("skipped", "no-coupon")}


def test_a_stock_is_for_so_many_in_all_and_a_larger_one_lets_the_rest_go(open_office: Open, smtp_inbox: Inbox) -> None:
    office = _office(open_office, smtp_inbox, {"gift": "a comb", "stock": 2}, "ada", "bo", "cy", "di")
    assert office.tick().sent == 2
    assert [state for state, _ in office.states().values()] == ["sent", "sent", "held", "held"]
    office.close()
    larger = NEWS | {"offer": {"coupon": {"gift": "a comb", "stock": 3}}}
    write_workspace(office.root, {"news": larger}, lines={"news": "Yours: {{ coupon.code }}"})
    assert office.tick(LATER).sent == 1
    assert len(set(_codes(office).values())) == 3


def test_a_shared_code_is_the_same_for_all(open_office: Open, smtp_inbox: Inbox) -> None:
    coupon = {"amount": "5", "shared": "SUMMER26", "from": "2026-06-15", "until": "2026-06-30"}
    office = _office(open_office, smtp_inbox, coupon, "ada", "bo")
    assert office.tick().sent == 2
    assert _codes(office) == {"ada": "SUMMER26", "bo": "SUMMER26"}
    with read(office.engine) as connection:
        times = connection.execute(select(coupons.c.valid_from, coupons.c.valid_until).distinct()).one()
    assert tuple(times) == (at("2026-06-15T00:00"), at("2026-06-30T23:59:59"))


def test_no_email_goes_for_an_offer_that_is_over(open_office: Open, smtp_inbox: Inbox) -> None:
    office = _office(open_office, smtp_inbox, {"percent": 5, "until": "2026-06-10 13:00"}, "ada", send="within 9 hours")
    office.plan("2026-06-10T12:00")
    assert office.dispatch("2026-06-10T13:00:01").sent == 0
    assert office.states() == {"ada": ("skipped", "offer-over")}


def test_one_client_gets_no_more_than_the_rule_gives(open_office: Open, smtp_inbox: Inbox) -> None:
    moments = ["2026-06-10 10:00", "2026-06-11 10:00", "2026-06-12 10:00"]
    office = _office(open_office, smtp_inbox, {"percent": 5, "per_client": 2}, "ada", at=moments)
    for day in (10, 11, 12):
        office.tick(f"2026-06-{day}T12:00")
    assert [(row["state"], row["reason"]) for row in office.rows()] == [
        ("sent", None), ("sent", None), ("skipped", "coupon-limit"),
    ]  # fmt: skip


def test_a_code_whose_email_was_refused_for_good_goes_to_the_next_client(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text="550 5.7.1 blocked", match="ada@")]) as server:
        office = _office(open_office, server, {"percent": 10, "pool": "tills"}, "ada", "bo")
        _add_codes(office, "aa-1")
        office.tick()
        assert office.states() == {"ada": ("failed", "refused"), "bo": ("held", "no-coupon")}
        assert office.tick("2026-06-10T12:01").sent == 1
        assert office.tick("2026-06-10T12:02").sent == 0
    assert office.states() == {"ada": ("failed", "refused"), "bo": ("sent", None)}
    assert _codes(office) == {"bo": "aa-1"}
    assert len(server.accepted) == 1


def test_a_coupon_of_a_stock_whose_email_was_skipped_is_there_again(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text="450 4.2.0 busy", match="ada@")]) as server:
        coupon = {"gift": "a comb", "stock": 1}
        office = _office(open_office, server, coupon, "ada", "bo", late="6 hours")
        office.tick()
        assert office.states() == {"ada": ("held", "retry"), "bo": ("held", "no-coupon")}
        with write(office.engine) as connection:
            key = connection.scalar(select(customers.c.id).where(customers.c.external_id == "ada"))
            withdraw(connection, key or 0, MARKETING, at=at("2026-06-10T12:30"), source="one-click")
        assert office.tick("2026-06-10T13:00").sent == 0  # the retry is skipped by this plan
        assert office.tick("2026-06-10T13:01").sent == 1
    assert office.states() == {"ada": ("skipped", "unsubscribed"), "bo": ("sent", None)}
    assert list(_codes(office)) == ["bo"]


def test_a_coupon_that_may_have_arrived_counts(open_office: Open) -> None:
    """The connection breaks after the message: nobody knows."""
    with ScriptedServer([Fault(Stage.DOT, act=Act.CLOSE, on=(1,))]) as server:
        office = _office(open_office, server, {"percent": 10, "pool": "tills"}, "ada", "bo")
        _add_codes(office, "aa-1")
        for minute in range(3):
            office.tick(f"2026-06-10T12:0{minute}")
    assert office.states() == {"ada": ("uncertain", "connection-lost"), "bo": ("held", "no-coupon")}
    assert _codes(office) == {"ada": "aa-1"}


def test_a_refused_email_leaves_its_client_the_coupon_of_the_next_one(open_office: Open) -> None:
    moments = ["2026-06-10 10:00", "2026-06-11 10:00", "2026-06-12 10:00"]
    with ScriptedServer([Fault(Stage.RCPT, text="550 5.7.1 blocked", on=(1,))]) as server:
        office = _office(open_office, server, {"percent": 5, "per_client": 1}, "ada", at=moments)
        for day in (10, 11, 12):
            office.tick(f"2026-06-{day}T12:00")
    assert [(row["state"], row["reason"]) for row in office.rows()] == [
        ("failed", "refused"), ("sent", None), ("skipped", "coupon-limit"),
    ]  # fmt: skip


def test_what_was_used_at_the_till_is_not_taken_back(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text="550 5.7.1 blocked", match="ada@")]) as server:
        office = _office(open_office, server, {"percent": 10, "pool": "tills"}, "ada", "bo")
        _add_codes(office, "aa-1")
        office.tick()
        with write(office.engine) as connection:
            checked, new = redeem(connection, Use("aa-1", "receipt-1", at("2026-06-10T12:00:30")), at(NOON))
            assert (checked.standing, new) == (CouponStatus.REDEEMED, True)
        assert office.tick("2026-06-10T12:01").sent == 0
    assert _codes(office) == {"ada": "aa-1"}


@pytest.mark.parametrize("limit", [{"pool": "tills"}, {"stock": 30}], ids=["pool", "stock"])
def test_two_workers_never_give_one_code_to_two_clients(engine: Engine, tmp_path: Path, limit: dict[str, Any]) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("code\n" + "".join(f"C-{n}\n" for n in range(30)), encoding="utf-8")
    import_file(engine, Kind.COUPONS, path, now=at(LATER), secret=SECRET, options=ImportOptions(pool="tills"))
    with write(engine) as connection:
        keys = [add_customer(connection, f"c-{n}") for n in range(40)]
    offer, start = Coupon(percent=5, **limit), Barrier(4)

    def worker(mine: list[int]) -> Assigned:
        start.wait()
        with write(engine) as connection:
            return assign_coupons(connection, {CouponKey("news", key, "once"): offer for key in mine}, at(LATER), "UTC")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(worker, [keys[n::4] for n in range(4)]))
    given = [row["code"] for one in found for row in one.rows.values()]
    refused = [reason for one in found for reason in one.refused.values()]
    assert len(set(given)) == len(given)
    assert len(given) + len(refused) == 40
    assert set(refused) == {Reason.NO_COUPON}
    if "stock" in limit:
        assert len(given) == 30
    with write(engine) as connection:  # those who came while others held the last codes ask again
        again = assign_coupons(connection, {CouponKey("news", key, "once"): offer for key in keys}, at(LATER), "UTC")
    assert len(again.rows) == 30
    assert len({row["code"] for row in again.rows.values()}) == 30
