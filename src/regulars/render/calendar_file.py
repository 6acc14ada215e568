"""The calendar file of a visit (RFC 5545): what a calendar program shows, and how it recognises the visit.

The same visit gives the same bytes. Its local times carry their zone, daylight saving included.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from regulars.core.calendar import zone
from regulars.render.mailbox import Mailbox
from regulars.render.mime import Attachment

MEDIA_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"
FILE_NAME = "visit.ics"


@dataclass(frozen=True, slots=True)
class Appointment:
    """A visit as a calendar entry. `uid` never changes, `sequence` increases when the visit is moved."""

    uid: str
    sequence: int
    stamp: datetime
    """When this version was made."""
    starts_at: datetime
    minutes: float
    timezone: str
    """The zone of the place."""
    summary: str
    location: str | None
    organizer: Mailbox
    cancelled: bool = False


def file(visit: Appointment) -> bytes:
    """The file; lines end with CRLF."""
    from icalendar import Calendar, Event, vCalAddress, vText  # few emails carry a file; the rest need not load it

    tz, over = zone(visit.timezone), visit.starts_at + timedelta(minutes=visit.minutes)
    begins, ends = visit.starts_at.astimezone(tz), over.astimezone(tz)
    if begins.fold or ends.fold:  # an ambiguous local hour: only UTC is exact
        begins, ends = visit.starts_at.astimezone(UTC), over.astimezone(UTC)
    event = Event()
    event.add("uid", visit.uid)
    event.add("sequence", visit.sequence)
    event.add("dtstamp", visit.stamp.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", begins)
    event.add("dtend", ends)
    event.add("summary", _line(visit.summary))
    if visit.location:
        event.add("location", _line(visit.location))
    organizer = vCalAddress(f"mailto:{visit.organizer.address}")
    organizer.params["cn"] = vText(_line(visit.organizer.name or visit.organizer.address))
    event.add("organizer", organizer)
    event.add("status", "CANCELLED" if visit.cancelled else "CONFIRMED")
    found = Calendar()
    found.add("prodid", "-//Regulars//visits//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    found.add_component(event)
    if begins.tzinfo is tz and visit.timezone != "UTC":
        found.add_missing_timezones(
            first_date=(begins - timedelta(days=1)).date(), last_date=(begins + timedelta(days=366)).date()
        )
    return bytes(found.to_ical())


def attachment(visit: Appointment) -> Attachment:
    """The file as an attachment."""
    return Attachment(FILE_NAME, MEDIA_TYPE, file(visit))


def _line(text: str) -> str:
    return " ".join(text.split())
