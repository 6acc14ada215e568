"""Days and times as calendars, tills and spreadsheets export them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from regulars.db import tables
from regulars.db.types import from_micros
from regulars.importing import date_formats
from regulars.importing.appointments import duration
from regulars.importing.refused import Refused
from regulars.importing.report import Kind
from tests.importing.conftest import Desk


@pytest.fixture
def salon(sqlite_desk: Desk) -> Desk:
    sqlite_desk.bring(Kind.CUSTOMERS, "id,email\nc-1,ana@client.example\nc-2,bo@client.example\n")
    return sqlite_desk


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2027-03-03 11:00 am", "2027-03-03T11:00"),
        ("2027-03-03 12:30 AM", "2027-03-03T00:30"),
        ("12/31/2023 11:59 PM", "2023-12-31T23:59"),
        ("December 2, 2026 9:00 am", "2026-12-02T09:00"),
        ("Dec 31, 2023", "2023-12-31T12:00"),
        ("31-Dec-2023", "2023-12-31T12:00"),
        ("2 December 2026, 12:15 p.m.", "2026-12-02T12:15"),
        ("1704067199", "2023-12-31T23:59:59"),
        (1704067199, "2023-12-31T23:59:59"),
        ("1704067199250", "2023-12-31T23:59:59.250"),
    ],
)
def test_times_as_they_are_exported(raw: Any, expected: str) -> None:
    found = date_formats.moment(None, "UTC")(raw)
    assert found is not None
    assert from_micros(found.micros) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        "45123", "45123.5", "1899-12-30", "0000-00-00", "0000-00-00 00:00:00", "0/0/00", "2025010203", "13:00 PM",
        "2027-03-03 13:00 pm", "2027-03-03 0:10 am", "Dez 31, 2023", "31-Foo-2023", "45", "12/31/23 11:59 PM",
    ],
)  # fmt: skip
def test_what_is_nobodys_day_or_could_be_something_else_is_refused(raw: str) -> None:
    with pytest.raises(Refused):
        date_formats.moment(None, "UTC")(raw)


def test_day_numbers_of_a_spreadsheet_are_read_when_the_user_says_so() -> None:
    with pytest.raises(Refused) as refused:
        date_formats.moment(None, "UTC")("45123")
    assert refused.value.hint == "if it is the day number of a spreadsheet, say so: `--dates excel`"
    assert date_formats.day("excel")("45123") == date(2023, 7, 16)
    half = date_formats.moment("excel", "UTC")("45123.75")
    bare = date_formats.moment("excel", "UTC")("45123")
    assert half is not None
    assert bare is not None
    assert from_micros(half.micros) == datetime(2023, 7, 16, 18, tzinfo=UTC)
    assert bare.is_bare
    assert not half.is_bare


@pytest.mark.parametrize(
    ("raw", "minutes"), [("45", 45), ("45min", 45), ("1 h", 60), ("1h 30m", 90), ("1 hr 5 mins", 65), ("90 мин", 90)]
)
def test_durations(raw: str, minutes: int) -> None:
    assert duration(None)(raw) == minutes


def test_a_date_and_a_time_column_belong_together(salon: Desk) -> None:
    content = (
        "Booking ID,Email,Date,Time,End time,Service,Status\n"
        "1,ana@client.example,2026-07-05,10:00,10:45,Haircut,Confirmed\n"
        "2,bo@client.example,2026-07-05,11:30 pm,0:15,Haircut,Confirmed\n"
        "3,bo@client.example,2026-07-05,,,Haircut,Confirmed\n"
    )
    report = salon.bring(Kind.APPOINTMENTS, content, timezone="UTC")
    data = [row[0] for row in salon.rows(tables.events, "data")]
    assert [(one["starts_at"], one["duration"]) for one in data] == [
        ("2026-07-05T10:00:00+00:00", 45),
        ("2026-07-05T23:30:00+00:00", 45),
    ]
    assert [(bad.line, bad.column, bad.reason, bad.hint) for bad in report.bad] == [
        (4, "Date", "is a date without a time of day", 'name the column with the time of day: `--map "…=time"`')
    ]
    assert salon.bring(Kind.APPOINTMENTS, content, timezone="UTC").unchanged == 2


def test_an_export_of_a_calendar(salon: Desk) -> None:
    content = (
        "Invitee Email,Event Type Name,Start Date & Time,End Date & Time,Event Created Date & Time,"
        "Canceled,Invitee UUID\n"
        "ana@client.example,30 Minute Meeting,2027-03-03 11:00 am,2027-03-03 11:30 am,2026-03-02 01:40 am,false,inv-1\n"
        "bo@client.example,30 Minute Meeting,2027-03-10 05:00 pm,2027-03-10 05:30 pm,2026-03-02 04:43 pm,true,inv-2\n"
    )
    report = salon.bring(Kind.APPOINTMENTS, content, timezone="UTC")
    assert (report.added, report.refused) == (1, 0)
    ((data, at),) = salon.rows(tables.events, "data", "occurred_at")
    assert (data["starts_at"], data["duration"], data["service"]) == (
        "2027-03-03T11:00:00+00:00",
        30,
        "30 Minute Meeting",
    )
    assert at == datetime(2026, 3, 2, 1, 40, tzinfo=UTC)


def test_purchases_have_the_time_of_their_own_column(salon: Desk) -> None:
    content = (
        "id,email,Date,Time,total\nA,ana@client.example,2026-05-01,14:30,9\nB,bo@client.example,2026-05-01,,9\n"
        "C,bo@client.example,2026-05-01 08:00,14:30,9\n"
    )
    salon.bring(Kind.PURCHASES, content, timezone="UTC")
    assert [at.hour for (at,) in salon.rows(tables.purchases, "occurred_at")] == [14, 12, 8]
    salon.bring(Kind.PURCHASES, "id,email,Time,total\nD,bo@client.example,2026-05-01 16:00,9\n", timezone="UTC")
    assert [at.hour for (at,) in salon.rows(tables.purchases, "occurred_at")] == [14, 12, 8, 16]
