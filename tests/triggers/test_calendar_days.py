"""Days of the calendar: what each phrase means, per country and clock, from UTC−11 to UTC+14."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from regulars.audience.person import load_people
from regulars.core.calendar import LeapDay
from regulars.db.engine import write
from regulars.db.tables import campaigns, customers, promises
from regulars.planner.plan import plan
from regulars.profile import facts
from regulars.rules.calendar_days import CalendarDate
from regulars.triggers.kinds import trigger_of
from tests.common.bench import Bench, at
from tests.common.people import add_customer
from tests.common.rules import rules


@pytest.mark.parametrize(
    ("phrase", "days"),
    [
        ("1 january", ["2026-01-01", "2027-01-01"]),
        ("second sunday of may", ["2026-05-10", "2027-05-09"]),
        ("first sunday of may", ["2026-05-03", "2027-05-02"]),
        ("last monday of may", ["2026-05-25", "2027-05-31"]),
        ("easter", ["2026-04-05", "2027-03-28", "2028-04-16"]),
        ("orthodox easter", ["2026-04-12", "2027-05-02", "2028-04-16"]),
        ("49 days after easter", ["2026-05-24", "2027-05-16"]),
        ("1 week before orthodox easter", ["2026-04-05", "2027-04-25"]),
        ("1 day after fourth thursday of november", ["2026-11-27", "2027-11-26"]),
        ("sunday before 25 december", ["2026-12-20", "2027-12-19"]),
        ("monday after 24 may", ["2026-05-25", "2027-05-31"]),
        ("29 february", ["2026-02-28", "2027-02-28", "2028-02-29"]),
    ],
)
def test_what_a_phrase_means(phrase: str, days: list[str]) -> None:
    rule = CalendarDate.parse(phrase).rule
    assert [str(rule.on(2026 + n, LeapDay.FEB_28)) for n in range(len(days))] == days
    assert str(CalendarDate.parse(phrase)) == phrase


def test_29_february_by_the_other_policy() -> None:
    rule = CalendarDate.parse("29 february").rule
    assert [rule.on(year, LeapDay.MAR_1) for year in (2026, 2028)] == [date(2026, 3, 1), date(2028, 2, 29)]


@pytest.mark.parametrize("phrase", ["", "30 february", "fifth monday of may", "easter monday", "999 days after easter"])
def test_what_is_no_day_of_the_year(phrase: str) -> None:
    with pytest.raises(ValueError, match="not a date of the year"):
        CalendarDate.parse(phrase)


@pytest.mark.parametrize(
    ("country", "phrase", "days"),
    [
        ("TR", "public holiday Eid al-Fitr", ["2026-03-20", "2027-03-09"]),  # three days, of which this is the first
        ("EE", "public holiday midsummer day", ["2026-06-24", "2027-06-24"]),
        ("EE", "2 days before public holiday Midsummer Day", ["2026-06-22", "2027-06-22"]),
        ("EE", "monday after public holiday Midsummer Day", ["2026-06-29", "2027-06-28"]),
        ("GB", "public holiday Boxing Day", ["2026-12-26", "2027-12-26"]),  # not the Monday to which it is moved
        ("JP", "public holiday National Holiday", ["2026-09-22", "None"]),  # a day between two others
        ("JP", "1 day after public holiday National Holiday", ["2026-09-23", "None"]),
        ("JP", "sunday before public holiday National Holiday", ["2026-09-20", "None"]),
    ],
)
def test_public_holidays_by_name(country: str, phrase: str, days: list[str]) -> None:
    rule = CalendarDate.parse(phrase, country).rule
    assert [str(rule.on(2026 + n, LeapDay.FEB_28)) for n in range(len(days))] == days


@pytest.mark.parametrize("country", [None, "default", "UA", "FR"])
def test_public_holidays_are_those_of_a_country(country: str | None) -> None:
    with pytest.raises(ValueError, match="not a date of the year"):
        CalendarDate.parse("public holiday Midsummer Day", country)


NEW_YEAR = {"new-year": {"default": "1 january", "RU": "31 december", "SA": "none"}}
GREETING = {"greeting": {"every": "year on new-year", "email": "card"}}


def test_each_country_on_its_day_by_each_clients_clock(bench: Bench) -> None:
    with write(bench.engine) as connection:
        add_customer(connection, "kiritimati", timezone="Pacific/Kiritimati", country="KI")  # UTC+14
        add_customer(connection, "moscow", timezone="Europe/Moscow", country="ru")
        add_customer(connection, "nowhere", timezone=None)
        add_customer(connection, "pago", timezone="Pacific/Pago_Pago", country="AS")  # UTC-11
        add_customer(connection, "riyadh", timezone="Asia/Riyadh", country="SA")
    bench.rules = rules(GREETING, calendars=NEW_YEAR)
    bench.plan("2026-12-20T12:00")
    assert bench.send("2026-12-31T06:59") == []
    assert bench.send("2026-12-31T07:00") == [("moscow", "greeting", "card")]
    assert bench.send("2026-12-31T20:00") == [("kiritimati", "greeting", "card")]
    assert bench.send("2027-01-01T10:00") == [("nowhere", "greeting", "card")]
    assert bench.send("2027-01-01T21:00") == [("pago", "greeting", "card")]
    assert bench.send("2027-01-03T21:00") == []
    assert {row["occurrence"] for row in bench.ledger()} == {"2026", "2027"}


def test_some_days_before_and_after(bench: Bench) -> None:
    with write(bench.engine) as connection:
        add_customer(connection, "ada")
    days = {"easter": {"default": "orthodox easter"}}
    campaigns = {
        "before": {"every": "year on easter, 2 days before", "email": "x"},
        "after": {"every": "year on easter, 1 week after", "email": "y"},
    }
    bench.rules = rules(campaigns, calendars=days)
    bench.plan("2026-04-01T12:00")
    assert bench.send("2026-04-10T10:00") == [("ada", "before", "x")]
    assert bench.send("2026-04-19T10:00") == [("ada", "after", "y")]
    assert bench.send("2026-05-19T10:00") == []


GREET = {"greet": {"every": "year on day", "email": "card"}}


def test_a_day_that_is_moved_is_another_trigger_of_those_who_keep_it(bench: Bench) -> None:
    """Begun anew as of now: nobody is greeted for a day that is past, and nobody twice in a year."""
    with write(bench.engine) as connection:
        for name, land in (("ada", "EE"), ("bo", "PL")):
            add_customer(connection, name, country=land)
    other = {"birthday": {"every": "year since customer.birthday", "email": "x"}}
    bench.rules = rules({**GREET, **other}, calendars={"day": {"EE": "8 march", "PL": "12 march"}})
    assert [change.what for change in bench.plan("2026-03-01T12:00").changes] == ["new", "new"]
    assert bench.send("2026-03-08T10:00") == [("ada", "greet", "card")]
    bench.rules = rules({**GREET, **other}, calendars={"day": {"EE": "12 march", "PL": "8 march"}})
    changed = bench.plan("2026-03-09T09:00").changes  # yesterday is not late yet, but it is past
    assert [(change.campaign, change.what) for change in changed] == [("greet", "changed")]
    assert bench.send("2026-03-12T10:00") == []
    assert bench.plan("2026-03-12T11:00").changes == []
    assert bench.send("2027-03-08T10:00") == [("bo", "greet", "card")]
    assert bench.send("2027-03-12T10:00") == [("ada", "greet", "card")]


def test_backfill_holds_for_a_moved_day_too(bench: Bench) -> None:
    with write(bench.engine) as connection:
        add_customer(connection, "ada")
    all_of_them = {"greet": {**GREET["greet"], "backfill": "all"}}
    bench.rules = rules(all_of_them, calendars={"day": {"default": "20 march"}})
    bench.plan("2026-03-09T09:00")
    bench.rules = rules(all_of_them, calendars={"day": {"default": "8 march"}})
    bench.plan("2026-03-09T09:30")
    assert [(row["occurrence"], row["state"]) for row in bench.ledger()] == [("2025", "planned"), ("2026", "planned")]


@pytest.mark.parametrize(
    "days",
    [
        {"PL": "none", "EE": "8  March"},  # said otherwise
        {"EE": "8 march", "PL": "none"},
    ],
)
def test_the_same_days_are_no_change(bench: Bench, days: dict[str, str]) -> None:
    bench.rules = rules(GREET, calendars={"day": {"EE": "8 march", "PL": "none"}, "other": {"default": "1 may"}})
    bench.plan("2026-03-01T12:00")
    bench.rules = rules(GREET, calendars={"day": days, "other": {"default": "2 may"}})
    assert bench.plan("2026-03-01T13:00").changes == []


ZONES = [None, "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Chisinau", "Africa/Casablanca", "Australia/Lord_Howe"]
PHRASES = [*("1 january", "31 december", "29 february", "last sunday of march", "last sunday of october", "easter"),
           "orthodox easter", "1 day before easter", "sunday before 25 december", "none"]  # fmt: skip
KEPT = st.fixed_dictionaries(
    {"default": st.sampled_from(PHRASES)}, optional={land: st.sampled_from(PHRASES) for land in ("RU", "EE")}
)
EVERY = st.sampled_from(["year on feast", "year on feast, 1 day before", "year on feast, 2 weeks after"])
WAITS = st.sampled_from(["0 minutes", "3 hours", "2 working hours", "1 working day"])
HOURS = st.integers(0, 24 * 700).map(lambda hour: at("2026-12-01T00:30").timestamp() + hour * 3600)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(KEPT, EVERY, WAITS, HOURS, st.integers(1, 60))
def test_the_set_is_due_when_each_client_is(
    bench: Bench, days: dict[str, str], every: str, wait: str, begin: float, span: int
) -> None:
    after = datetime.fromtimestamp(begin, at("2026-01-01").tzinfo)
    now = datetime.fromtimestamp(begin + span * 86_400, after.tzinfo)
    feast = {"every": every, "steps": [{"email": "card", "wait": wait}], "late": "100 days"}
    book = rules(
        {"feast": feast}, policy={"send_at": "02:30"},
        calendars={"feast": days}, company={"timezone": "Europe/Tallinn", "holidays": "EE"},
    )  # fmt: skip
    with write(bench.engine) as connection:
        for table in (promises, customers, campaigns):
            connection.execute(delete(table))
        keys = [add_customer(connection, timezone=zone, country=land, consent=False)
                for zone in ZONES for land in (None, "RU", "ee", "FR")]  # fmt: skip
        facts.refresh(connection)
        plan(connection, book, after)
        connection.execute(delete(promises))
        plan(connection, book, now)
        planned = {
            (row.customer_id, row.due_at) for row in connection.execute(promises.select()).all() if row.due_at > after
        }
        people = load_people(connection, keys, now, "Europe/Tallinn")
    rule = book.rulebook.campaigns["feast"]
    trigger = trigger_of(rule)
    one_by_one = {
        (key, due)
        for key in keys
        for due in trigger.calendar_times_of(book.rulebook, people[key], "UTC", after, now) or []
    }
    assert planned == one_by_one
