"""A visit from the booking to the mailbox: the reminder as a real server gets it, its calendar file and its links."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from icalendar import Calendar
from sqlalchemy import Engine

from regulars.db.engine import write
from regulars.workspace.folder import open_workspace
from regulars.workspace.starter import starter
from tests.common.people import SECRET, add_customer, add_event
from tests.common.smtp import Inbox
from tests.dispatch.office import Office
from tests.web.shop import open_shop
from tests.web.test_walk import link

START = datetime(2026, 6, 8, 14, tzinfo=UTC)
"""Five in the afternoon in Chișinău."""
DATA = {"visit": "w-1", "service": "Spring service", "place": "14 Columna St", "starts_at": START.isoformat()}


def calendar_of(message: EmailMessage) -> Calendar:
    """The one calendar file of a message."""
    (part,) = message.iter_attachments()
    assert part.get_content_type() == "text/calendar"
    assert part.get_filename() == "visit.ics"
    content = part.get_content()
    return Calendar.from_ical(content if isinstance(content, bytes) else content.encode())


@pytest.mark.slow
def test_a_reminder_brings_the_calendar_file_and_a_moved_visit_brings_it_up_to_date(
    engine: Engine, tmp_path: Path, smtp_inbox: Inbox
) -> None:
    root = tmp_path / "workspace"
    (root / "campaigns").mkdir(parents=True)
    for name in ("company", "appointment-reminder"):
        shutil.copy(starter() / "campaigns" / f"{name}.yaml", root / "campaigns")
    rules = open_workspace(root)
    office = Office(engine, root, smtp_inbox.url, REGULARS_SECRET=SECRET.decode(), REGULARS_WEB_URL="http://us")
    office.plan("2026-05-30T12:00")
    with write(engine) as connection:
        ada = add_customer(connection, "ada", locale="en", first_name="Ada")
        add_event(connection, ada, "visit.booked", "2026-06-01T12:00", DATA)
    office.tick("2026-06-07T14:00")
    (first,) = smtp_inbox.messages
    assert first.message["subject"] is not None
    assert first.message.defects == []
    calendar = calendar_of(first.message)
    assert calendar["METHOD"] == "PUBLISH"
    (event,) = calendar.walk("VEVENT")
    assert event.decoded("DTSTART") == START
    assert (event["SUMMARY"], event["LOCATION"]) == ("Spring service, Verde Garden Machines", "14 Columna St")
    assert (event["SEQUENCE"], event["STATUS"]) == (0, "CONFIRMED")

    moved = {**DATA, "starts_at": (START + timedelta(days=2)).isoformat()}
    with write(engine) as connection:
        add_event(connection, ada, "visit.booked", "2026-06-07T14:30", moved)
    office.tick("2026-06-09T14:00")
    office.close()
    (later,) = calendar_of(smtp_inbox.messages[-1].message).walk("VEVENT")
    assert len(smtp_inbox.messages) == 2, "what was two hours before the old time did not go"
    assert (later["UID"], later["SEQUENCE"]) == (event["UID"], 1)
    assert later.decoded("DTSTART") == START + timedelta(days=2)

    with open_shop(engine, root=root, read=lambda _: rules) as shop:
        file = shop.get(link(first.message, "i"))
        (shown,) = Calendar.from_ical(file.text).walk("VEVENT")
        assert shown.to_ical() == later.to_ical(), "the link of the first email leads to the visit as it stands"
