"""The calendar file of a visit, read back by a calendar library: the right time in every zone, one visit for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from icalendar import Calendar

from regulars.render.calendar_file import Appointment, file
from regulars.render.mailbox import Mailbox

VISIT = Appointment(
    "visit-1@studio.example", 0, datetime(2026, 6, 1, 9, tzinfo=UTC), datetime(2026, 6, 11, 7, tzinfo=UTC), 90,
    "Europe/Chisinau", "Service; with, signs\nand lines", "14 Columna St, Chișinău",
    Mailbox("Ana", "ana@studio.example"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "starts"),
    [
        ("Europe/Chisinau", "2026-06-11T07:00"),
        ("Europe/Chisinau", "2026-03-29T00:30"),  # half an hour before the gap
        ("Europe/Chisinau", "2026-03-29T01:00"),  # the first minute after it
        ("Europe/Chisinau", "2026-10-24T23:30"),  # the hour that comes twice, for the first time
        ("Europe/Chisinau", "2026-10-25T00:30"),  # and again
        ("America/St_Johns", "2026-12-01T12:00"),
        ("Pacific/Kiritimati", "2026-12-31T09:30"),
        ("Asia/Kathmandu", "2026-02-28T23:59"),
        ("UTC", "2026-06-11T07:00"),
    ],
)
def test_the_times_are_right(zone: str, starts: str) -> None:
    begins = datetime.fromisoformat(starts).replace(tzinfo=UTC)
    (event,) = Calendar.from_ical(file(replace(VISIT, timezone=zone, starts_at=begins))).walk("VEVENT")
    assert event.decoded("DTSTART").astimezone(UTC) == begins
    assert (event.decoded("DTEND").astimezone(UTC) - begins).total_seconds() == 90 * 60


def test_a_zone_comes_with_its_rules() -> None:
    (zone,) = Calendar.from_ical(file(VISIT)).walk("VTIMEZONE")
    assert zone["TZID"] == "Europe/Chisinau"
    assert {part.name for part in zone.subcomponents} == {"DAYLIGHT", "STANDARD"}


def test_what_it_says_and_that_it_says_it_again() -> None:
    text = file(VISIT)
    assert text == file(VISIT)
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))
    assert b"\n" not in text.replace(b"\r\n", b"")
    calendar = Calendar.from_ical(text)
    (event,) = calendar.walk("VEVENT")
    assert calendar["METHOD"] == "PUBLISH"
    assert event["SUMMARY"] == "Service; with, signs and lines"
    assert event["LOCATION"] == "14 Columna St, Chișinău"
    assert event["ORGANIZER"] == "mailto:ana@studio.example"
    moved = Calendar.from_ical(file(replace(VISIT, sequence=1, cancelled=True))).walk("VEVENT")[0]
    assert (moved["UID"], moved["SEQUENCE"], moved["STATUS"]) == (event["UID"], 1, "CANCELLED")
