"""Appointments: how they stand goes in, what has changed comes out as events, and the same file again says nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from regulars.db.engine import read, write
from regulars.db.tables import events
from regulars.importing.report import ImportReport, Kind
from regulars.profile.visits import visits
from tests.common.people import add_customer, add_event
from tests.importing.conftest import NOW, Desk

HEAD = "Booking ID,Customer,Start,End,Service,Place,Status,Free slots\n"
FIRST = "w-1,ada,2026-06-20 10:00,2026-06-20 11:30,Service,Columna 14,booked,2026-06-21 09:00;2026-06-22 09:00\n"


def clients(desk: Desk, *names: str) -> list[int]:
    with write(desk.engine) as connection:
        return [add_customer(connection, name) for name in names]


def bring(desk: Desk, *lines: str, days: int = 0) -> ImportReport:
    return desk.bring(Kind.APPOINTMENTS, HEAD + "".join(lines), now=NOW + timedelta(days=days))


def told(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.rows(events, "name", "data")


def test_a_new_appointment_is_a_booking_on_the_companys_clock(desk: Desk) -> None:
    clients(desk, "ada")
    report = bring(desk, FIRST)
    assert (report.added, report.changed, report.refused) == (1, 0, 0)
    ((name, data),) = told(desk)
    assert name == "visit.booked"
    assert data == {
        "visit": "w-1", "starts_at": "2026-06-20T07:00:00+00:00", "duration": 90.0, "service": "Service",
        "place": "Columna 14", "slots": ["2026-06-21T06:00:00+00:00", "2026-06-22T06:00:00+00:00"],
    }  # fmt: skip
    again = bring(desk, FIRST, days=1)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 1)
    assert len(told(desk)) == 1


def test_moved_there_and_back_is_two_moves(desk: Desk) -> None:
    (ada,) = clients(desk, "ada")
    bring(desk, FIRST)
    report = bring(desk, FIRST.replace("06-20 1", "06-25 1"), days=1)
    assert (report.added, report.changed) == (0, 1)
    bring(desk, FIRST, days=2)
    bring(desk, FIRST, days=3)
    assert [name for name, _ in told(desk)] == [
        "visit.booked", "visit.booked", "visit.moved", "visit.booked", "visit.moved",
    ]  # fmt: skip
    assert told(desk)[2][1]["from"] == "2026-06-20T07:00:00+00:00"
    with read(desk.engine) as connection:
        visit = visits(connection, [ada], NOW + timedelta(days=4))[ada, "w-1"]
    assert visit.sequence == 2
    assert visit.starts_at is not None
    assert visit.starts_at.isoformat() == "2026-06-20T07:00:00+00:00"


def test_other_words_for_the_same_visit_mend_the_booking_in_place(desk: Desk) -> None:
    clients(desk, "ada")
    bring(desk, FIRST)
    report = bring(desk, FIRST.replace("Service,", "Big service,"), days=1)
    assert (report.added, report.changed) == (0, 1)
    ((_, data),) = told(desk)
    assert data["service"] == "Big service"


def test_cancelled_and_booked_again(desk: Desk) -> None:
    clients(desk, "ada")
    off = FIRST.replace("booked", "Cancelled")
    assert bring(desk, off).added == 0
    bring(desk, FIRST)
    for day in (1, 2):
        bring(desk, off, days=day)
    bring(desk, FIRST, days=3)
    assert [name for name, _ in told(desk)] == ["visit.booked", "visit.cancelled", "visit.booked", "visit.moved"]


def test_what_the_client_called_off_stays_so_while_the_list_still_has_it(desk: Desk) -> None:
    (ada,) = clients(desk, "ada")
    bring(desk, FIRST)
    with write(desk.engine) as connection:
        data = {"visit": "w-1", "by": "client"}
        add_event(connection, ada, "visit.cancelled", NOW + timedelta(hours=1), data, external_id="by-link")
    assert bring(desk, FIRST, days=1).unchanged == 1
    assert bring(desk, FIRST.replace("06-20 1", "06-25 1"), days=2).changed == 1
    assert [name for name, _ in told(desk)] == ["visit.booked", "visit.cancelled", "visit.booked", "visit.moved"]


def test_bad_rows_are_named_and_stay_out(sqlite_desk: Desk) -> None:
    clients(sqlite_desk, "ada")
    report = bring(
        sqlite_desk, FIRST, FIRST, ",ada,2026-06-20 10:00,,,,,\n", "w-2,ada,,,,,,\n",
        "w-3,nobody,2026-06-20 10:00,,,,,\n",
        "w-4,ada,2026-06-20 10:00,2026-06-20 09:00,,,,\n", "w-5,ada,2026-06-20 10:00,,,,perhaps,\n",
        "w-6,,2026-06-20 10:00,,,,,\n",
    )  # fmt: skip
    assert (report.added, report.refused) == (1, 7)
    assert [fault.line for fault in report.bad] == [3, 4, 5, 6, 7, 8, 9]
    assert len(told(sqlite_desk)) == 1
