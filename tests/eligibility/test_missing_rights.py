"""Rights and quiet hours: asked when planning, and again for what waited."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from regulars.consent.rights import withdraw
from regulars.db.engine import write
from regulars.db.tables import customers
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event, add_suppression
from tests.common.rules import rules

VISIT: dict[str, Any] = {"on": "visit.done", "email": "mail"}
RECEIPT: dict[str, Any] = VISIT | {"kind": "transactional"}


def _visitor(bench: Bench, name: str = "ada", time: str = "2026-06-10T12:00", **fields: Any) -> int:
    with write(bench.engine) as connection:
        key = add_customer(connection, name, **fields)
        add_event(connection, key, "visit.done", time)
    return key


def _outcomes(bench: Bench) -> dict[str, tuple[str, str | None]]:
    return {row["campaign"]: (row["state"], row["reason"]) for row in bench.ledger()}


def _ready(bench: Bench, policy: dict[str, Any] | None = None) -> None:
    bench.rules = rules({"news": VISIT, "receipt": RECEIPT}, policy=policy)
    bench.plan("2026-06-10T11:00")


def test_somebody_who_left_gets_what_they_ordered_and_no_marketing(bench: Bench) -> None:
    _ready(bench)
    ada = _visitor(bench)
    with write(bench.engine) as connection:
        withdraw(connection, ada, "marketing", at=at("2026-06-01T12:00"), source="test")
    bench.plan("2026-06-10T12:01")
    assert _outcomes(bench) == {"news": ("skipped", "unsubscribed"), "receipt": ("planned", None)}


@pytest.mark.parametrize(("scope", "receipt"), [("all", ("skipped", "suppressed")), ("marketing", ("planned", None))])
def test_a_suppressed_address(bench: Bench, scope: str, receipt: tuple[str, str | None]) -> None:
    _ready(bench)
    _visitor(bench)
    with write(bench.engine) as connection:
        add_suppression(connection, "ada@client.example", scope=scope)
    bench.plan("2026-06-10T12:01")
    assert _outcomes(bench) == {"news": ("skipped", "suppressed"), "receipt": receipt}


def test_no_address_is_named(bench: Bench) -> None:
    _ready(bench)
    _visitor(bench, email=None)
    bench.plan("2026-06-10T12:01")
    assert _outcomes(bench) == {"news": ("skipped", "no-address"), "receipt": ("skipped", "no-address")}


@pytest.mark.parametrize(
    ("consent", "expected"), [("opt-in", ("skipped", "no-consent")), ("opt-out", ("planned", None))]
)
def test_silence_about_consent_is_read_by_policy(bench: Bench, consent: str, expected: tuple[str, str | None]) -> None:
    _ready(bench, {"consent": consent})
    _visitor(bench, consent=False)
    bench.plan("2026-06-10T12:01")
    assert _outcomes(bench) == {"news": expected, "receipt": ("planned", None)}


def test_leaving_while_an_email_waits_for_the_morning_counts(bench: Bench) -> None:
    _ready(bench, {"quiet_hours": "20:00-09:00"})
    ada = _visitor(bench, time="2026-06-10T22:00")
    bench.plan("2026-06-10T22:01")
    assert _outcomes(bench)["news"] == ("held", "quiet-hours")
    with write(bench.engine) as connection:
        withdraw(connection, ada, "marketing", at=at("2026-06-11T01:00"), source="test")
    bench.plan("2026-06-11T09:00")
    assert _outcomes(bench)["news"] == ("skipped", "unsubscribed")


@pytest.mark.parametrize(
    ("zone", "until"),
    [
        ("UTC", "2026-06-11T09:00"),
        ("Asia/Tokyo", "2026-06-11T00:00"),  # 07:01 there
        ("Pacific/Auckland", None),  # 10:01
        ("America/New_York", None),  # 18:01
        ("Pacific/Kiritimati", None),  # 12:01, UTC+14
        ("Asia/Kathmandu", "2026-06-11T03:15"),  # 03:46, UTC+5:45
    ],
)
def test_quiet_hours_are_the_clients_own(bench: Bench, zone: str, until: str | None) -> None:
    _ready(bench, {"quiet_hours": "20:00-09:00"})
    _visitor(bench, time="2026-06-10T22:00", timezone=zone)
    bench.plan("2026-06-10T22:01")
    rows = {row["campaign"]: row for row in bench.ledger()}
    assert rows["receipt"]["state"] == "planned"
    if until is None:
        assert rows["news"]["state"] == "planned"
    else:
        assert (rows["news"]["reason"], rows["news"]["next_at"]) == ("quiet-hours", at(until))


def test_quiet_hours_end_by_the_new_clock_after_a_change_of_time(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT}, policy={"quiet_hours": "20:00-09:00"})
    bench.plan("2026-03-28T11:00")
    _visitor(bench, time="2026-03-28T22:00", timezone="Europe/Chisinau")  # +2 at night, +3 in the morning
    bench.plan("2026-03-28T22:01")
    (row,) = bench.ledger()
    assert row["next_at"] == at("2026-03-29T06:00")


@pytest.mark.slow
def test_a_holdout_is_sticky_and_counted(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | {"holdout": "30%"}})
    bench.plan("2026-06-10T11:00")
    for number in range(200):
        _visitor(bench, f"c{number}")
    bench.plan("2026-06-10T12:01")
    first = {r["customer"] for r in bench.ledger("skipped")}
    assert 40 <= len(first) <= 80
    with write(bench.engine) as connection:
        for key in connection.scalars(select(customers.c.id)).all():
            add_event(connection, key, "visit.done", "2026-07-10T12:00")
    bench.plan("2026-07-10T12:01")
    again = {r["customer"] for r in bench.ledger("skipped") if r["due_at"] == at("2026-07-10T12:00")}
    assert again == first
