"""Recurring dates and schedules: leap days, zones, ends of the year, outages, the day a rule comes."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from regulars.db.engine import write
from regulars.db.tables import customers
from tests.common.bench import Bench
from tests.common.people import add_customer, add_purchase
from tests.common.rules import rules

BIRTHDAY = {"birthday": {"every": "year since customer.birthday", "email": "card"}}


def _born(bench: Bench, name: str, day: str, zone: str | None = None) -> None:
    with write(bench.engine) as connection:
        add_customer(connection, name, birthday=day, timezone=zone)


@pytest.mark.parametrize(
    ("leap_day", "year", "day"),
    [
        ("feb-28", 2026, "02-28"),
        ("mar-1", 2026, "03-01"),
        ("feb-28", 2028, "02-29"),
        ("mar-1", 2028, "02-29"),
    ],
)
def test_a_leap_day_birthday_is_kept_once_by_policy(bench: Bench, leap_day: str, year: int, day: str) -> None:
    _born(bench, "ada", "2000-02-29")
    bench.rules = rules(BIRTHDAY, policy={"leap_day": leap_day})
    bench.plan(f"{year}-02-20T12:00")
    days = [d for d in ("02-27", "02-28", "02-29", "03-01", "03-02") if d != "02-29" or year == 2028]
    sent = {d: bench.send(f"{year}-{d}T12:00") for d in days}
    assert [d for d, found in sent.items() if found] == [day]


def test_greetings_go_at_ten_by_each_clients_clock(bench: Bench) -> None:
    _born(bench, "apia", "1980-06-10", "Pacific/Apia")  # UTC+13
    _born(bench, "london", "1980-06-10", "Europe/London")
    _born(bench, "pago", "1980-06-10", "Pacific/Pago_Pago")  # UTC-11
    bench.rules = rules(BIRTHDAY)
    bench.plan("2026-06-08T12:00")
    assert bench.send("2026-06-09T20:59") == []
    assert bench.send("2026-06-09T21:00") == [("apia", "birthday", "card")]
    assert bench.send("2026-06-10T08:59") == []
    assert bench.send("2026-06-10T09:00") == [("london", "birthday", "card")]
    assert bench.send("2026-06-10T21:00") == [("pago", "birthday", "card")]
    assert bench.send("2026-06-11T12:00") == []


def test_an_unknown_zone_costs_its_cell_and_nothing_else(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    _born(bench, "ada", "1980-06-10", "Mars/Olympus")
    _born(bench, "bo", "1980-06-10", "")
    _born(bench, "cy", "1980-06-10", "Pacific/Apia")
    news = {"at": "2026-06-10 12:00", "email": "card", "backfill": "all"}
    bench.rules = rules(BIRTHDAY | {"news": news}, policy={"quiet_hours": "20:00-08:00"})
    for _ in range(3):
        bench.plan("2026-06-08T12:00")
    told = [record.getMessage() for record in caplog.records]
    assert [words for words in told if "Mars" in words] == [
        "the time zone `Mars/Olympus` is unknown and was removed; the company's holds for its clients (1)"
    ]
    assert len(told) == 2  # once for each name
    assert bench.send("2026-06-09T21:30") == [("cy", "birthday", "card")]
    assert {row[0] for row in bench.send("2026-06-10T12:00")} == {"ada", "bo"}  # it is night in Apia
    with write(bench.engine) as connection:
        zones = connection.scalars(select(customers.c.timezone).order_by(customers.c.external_id)).all()
    assert zones == [None, None, "Pacific/Apia"]


def test_new_year_is_not_lost_between_two_years(bench: Bench) -> None:
    _born(bench, "eve", "1980-12-31")
    _born(bench, "new", "1981-01-01")
    _born(bench, "soon", "1981-01-03")
    bench.rules = rules({"card": {"every": "year since customer.birthday, 3 days before", "email": "card"}})
    bench.plan("2026-12-20T12:00")
    assert bench.send("2026-12-28T12:00") == [("eve", "card", "card")]
    assert bench.send("2026-12-29T12:00") == [("new", "card", "card")]
    assert bench.send("2026-12-31T12:00") == [("soon", "card", "card")]
    assert [r["occurrence"] for r in bench.ledger()] == ["2026", "2027", "2027"]


def test_an_outage_of_three_days_is_named_and_the_fresh_part_sent(bench: Bench) -> None:
    for day in range(10, 16):
        _born(bench, f"c{day}", f"1980-06-{day}")
    bench.rules = rules(BIRTHDAY, policy={"late": "2 days"})
    assert bench.send("2026-06-10T12:00") == [("c10", "birthday", "card")]
    assert [c for c, _, _ in bench.send("2026-06-15T11:00")] == ["c14", "c15"]
    assert [(r["customer"], r["reason"]) for r in bench.ledger("skipped")] == [
        ("c11", "late"),
        ("c12", "late"),
        ("c13", "late"),
    ]


def test_the_day_on_which_a_rule_comes_counts_as_a_whole(bench: Bench) -> None:
    _born(bench, "today", "1980-06-10")
    _born(bench, "yesterday", "1980-06-09")
    bench.rules = rules(BIRTHDAY)
    assert bench.send("2026-06-10T15:00") == [("today", "birthday", "card")]


def test_a_sentinel_date_greets_nobody(bench: Bench) -> None:
    _born(bench, "nobody", "1970-01-01")
    _born(bench, "old", "1900-01-01")
    bench.rules = rules(BIRTHDAY)
    bench.plan("2025-12-30T12:00")
    assert bench.send("2026-01-01T12:00") == []


def test_an_anniversary_begins_a_year_after_the_first_purchase(bench: Bench) -> None:
    with write(bench.engine) as connection:
        ada = add_customer(connection, "ada")
        add_purchase(connection, ada, "2025-06-10T23:30")
        add_purchase(connection, ada, "2026-01-01")
        add_purchase(connection, add_customer(connection, "bo"), "2026-06-10")
    bench.rules = rules(
        {"years": {"every": "year since customer.first_purchase_at", "email": "years"}},
        company={"timezone": "Europe/Chisinau"},  # where it was the eleventh already
    )
    bench.plan("2026-06-09T12:00")
    assert bench.send("2026-06-10T12:00") == []
    assert bench.send("2026-06-11T12:00") == [("ada", "years", "years")]


def test_months_are_kept_on_their_last_day(bench: Bench) -> None:
    _born(bench, "ada", "2026-01-31")
    bench.rules = rules({"month": {"every": "month since customer.birthday", "email": "month"}})
    bench.plan("2026-02-01T12:00")
    days = ["2026-02-27", "2026-02-28", "2026-03-30", "2026-03-31", "2026-04-29", "2026-04-30", "2026-05-31"]
    sent = [day for day in days if bench.send(f"{day}T12:00")]
    assert sent == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]


def test_a_broadcast_goes_at_its_time_by_each_clients_clock_and_never_to_the_past(bench: Bench) -> None:
    _born(bench, "tokyo", "1980-01-05", "Asia/Tokyo")
    _born(bench, "utc", "1980-01-05")
    bench.rules = rules({"news": {"at": "2026-06-10 10:00", "email": "news"}})
    assert bench.send("2026-06-10T05:00") == []  # Tokyo's ten o'clock was before the rule
    assert bench.send("2026-06-10T10:00") == [("utc", "news", "news")]
    assert bench.send("2026-06-11T10:00") == []


def test_a_schedule_in_the_gap_of_daylight_saving_goes_right_after_it(bench: Bench) -> None:
    _born(bench, "ada", "1980-01-05", "Europe/Chisinau")  # 29 March 2026: 02:00 to 03:00 does not exist
    bench.rules = rules({"news": {"schedule": "daily at 2:30", "email": "news"}})
    bench.plan("2026-03-28T12:00")
    assert bench.send("2026-03-28T23:59") == []
    assert bench.send("2026-03-29T00:00") == [("ada", "news", "news")]
    assert bench.send("2026-03-29T23:31") == [("ada", "news", "news")]
