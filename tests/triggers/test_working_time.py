"""Waits in working time: one by one and for sets, over weekends, holidays, closing time and daylight saving."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, type_coerce
from sqlalchemy.types import BigInteger

from regulars.context.plan_context import plan_context
from regulars.core.calendar import instant
from regulars.core.working import Wait, Week, WorkingTime
from regulars.db.engine import write
from regulars.db.tables import customers, events
from regulars.db.types import from_micros
from regulars.triggers.waits import with_wait
from tests.common.bench import Bench
from tests.common.people import add_customer, add_event
from tests.common.rules import rules

CHISINAU = "Europe/Chisinau"
OFFICE = WorkingTime(Week.parse("monday-friday 09:00-18:00"), CHISINAU, "MD")
HOURS4 = Wait.parse("4 working hours")


def local(text: str, zone: str = CHISINAU) -> datetime:
    return instant(datetime.fromisoformat(text), zone)


@pytest.mark.parametrize(
    ("began", "wait", "over"),
    [
        ("2026-06-10 10:00", "4 working hours", "2026-06-10 14:00"),
        ("2026-06-10 14:00", "4 working hours", "2026-06-10 18:00"),  # just by closing time
        ("2026-06-10 14:01", "4 working hours", "2026-06-11 09:01"),
        ("2026-06-10 20:00", "4 working hours", "2026-06-11 13:00"),  # came in the evening
        ("2026-06-12 16:00", "4 working hours", "2026-06-15 11:00"),  # over the weekend
        ("2026-06-13 12:00", "4 working hours", "2026-06-15 13:00"),  # came on Saturday
        ("2026-08-26 16:00", "4 working hours", "2026-08-28 11:00"),  # Independence Day of Moldova between
        ("2026-12-24 17:00", "20 working hours", "2026-12-30 10:00"),  # Christmas and a weekend
        ("2026-06-11 15:00", "2 working days", "2026-06-15 15:00"),
        ("2026-06-13 12:00", "2 working days", "2026-06-17 09:00"),  # counted from Monday's opening
        ("2026-06-12 18:00", "1 working day", "2026-06-15 18:00"),  # closing time belongs to the day
        ("2026-06-12 18:01", "1 working day", "2026-06-16 09:00"),
        ("2026-03-27 17:00", "2 working hours", "2026-03-30 10:00"),  # the clocks go forward in between
        ("2026-10-23 17:00", "2 working hours", "2026-10-26 10:00"),  # and back
    ],
)
def test_a_wait_in_working_time(began: str, wait: str, over: str) -> None:
    assert OFFICE.after(local(began), Wait.parse(wait)) == local(over)


def test_hours_that_differ_from_day_to_day() -> None:
    week = Week.parse("monday-friday 09:00-13:00 14:00-18:00, saturday 10:00-14:00")
    shop = WorkingTime(week, CHISINAU, days_off=frozenset({date(2026, 6, 12)}))
    assert shop.after(local("2026-06-10 12:00"), Wait.parse("2 working hours")) == local("2026-06-10 15:00")
    assert shop.after(local("2026-06-11 17:00"), Wait.parse("3 working hours")) == local("2026-06-13 12:00")
    assert shop.after(local("2026-06-11 17:00"), Wait.parse("1 working day")) == local("2026-06-13 14:00")
    assert Week.parse("saturday-sunday 9:00-12:00").days[6] == Week.parse("daily 9:00-12:00").days[6]


@pytest.mark.parametrize(
    "text",
    ["monday 18:00-09:00", "moday 09:00-18:00", "monday", "monday 09:00-18:00, monday 12:00-13:00", "09:00-18:00"],
)
def test_a_week_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a part|before it begins|overlap"):
        Week.parse(text)


WEEKS = st.sampled_from(
    ["monday-friday 09:00-18:00", "daily 00:00-23:59", "monday-wednesday 8:30-12:00 13:00-17:15, sunday 10:00-14:00",
     "friday-monday 01:30-04:30, tuesday 9:00-9:01"]
)  # fmt: skip
ZONES = st.sampled_from([CHISINAU, "Pacific/Pago_Pago", "Pacific/Kiritimati", "America/New_York"])
OFFICES = st.builds(
    WorkingTime, WEEKS.map(Week.parse), ZONES, st.sampled_from([None, "MD", "US", "DE-BY"]),
    st.frozensets(st.dates(date(2026, 3, 20), date(2026, 4, 10)), max_size=5),
)  # fmt: skip
WAITS = st.builds(
    lambda number, unit: Wait.parse(f"{number} {unit}"), st.integers(1, 12),
    st.sampled_from(["working hours", "working days", "hours"]),
)  # fmt: skip
SPRING = datetime(2026, 3, 20, tzinfo=UTC)
MOMENTS = st.integers(0, 60 * 24 * 20 * 4).map(lambda number: SPRING + timedelta(seconds=15 * number))


@given(OFFICES, WAITS, MOMENTS, MOMENTS)
def test_before_is_the_last_beginning_that_is_over(
    office: WorkingTime, wait: Wait, now: datetime, other: datetime
) -> None:
    last = office.before(now, wait)
    assert office.after(last, wait) <= now
    assert office.after(last + timedelta(microseconds=1), wait) > now
    assert (office.after(other, wait) <= now) == (other <= last)


@given(OFFICES, WAITS, st.lists(MOMENTS, min_size=2, max_size=30))
def test_a_later_beginning_is_never_over_sooner(office: WorkingTime, wait: Wait, moments: list[datetime]) -> None:
    over = [office.after(moment, wait) for moment in sorted(moments)]
    assert over == sorted(over)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OFFICES, WAITS, st.sets(MOMENTS, min_size=1, max_size=40), MOMENTS)
def test_a_set_of_waits_is_over_when_each_of_them_is(
    bench: Bench, office: WorkingTime, wait: Wait, moments: set[datetime], now: datetime
) -> None:
    company = {
        "timezone": office.zone, "working_hours": str(office.week), "holidays": office.region,
        "days_off": sorted(str(day) for day in office.days_off),
    }  # fmt: skip
    book = rules({}, company=company)
    with write(bench.engine) as connection:
        connection.execute(delete(events))
        connection.execute(delete(customers))
        who = add_customer(connection, consent=False)
        for moment in moments:
            add_event(connection, who, "visit.done", moment)
        where = plan_context(connection, book, now)
        over_by_now = [events.c.occurred_at <= office.before(now, wait)]
        source, due = with_wait(where, events, events.c.occurred_at, wait, over_by_now)
        rows = connection.execute(
            select(type_coerce(events.c.occurred_at, BigInteger), due).select_from(source).where(*over_by_now)
        )
        found = {from_micros(begun): from_micros(over) for begun, over in rows}
    one_by_one = {moment: office.after(moment, wait) for moment in moments}
    assert found == {moment: over for moment, over in one_by_one.items() if over <= now}


REQUEST = {
    "unanswered": {
        "on": "visit.done", "to": "manager", "kind": "transactional", "until": "complaint.opened",
        "steps": [{"email": "remind", "wait": "4 working hours"}, {"email": "again", "wait": "1 working day"}],
    }
}  # fmt: skip


def test_a_request_unanswered_for_four_working_hours_reminds_the_manager(bench: Bench) -> None:
    with write(bench.engine) as connection:
        for name in ("asked", "answered"):
            who = add_customer(connection, name, manager_id=None)
            add_event(connection, who, "visit.done", "2026-06-12T13:00")  # Friday, 16:00 in Chișinău
            if name == "answered":
                add_event(connection, who, "complaint.opened", "2026-06-12T14:00")
    campaigns = {"unanswered": {**REQUEST["unanswered"], "to": "customer"}}
    bench.rules = rules(campaigns, company={"timezone": CHISINAU, "holidays": "MD"})
    bench.plan("2026-06-01T12:00")
    assert bench.send("2026-06-15T07:59") == []
    assert bench.send("2026-06-15T08:00") == [("asked", "unanswered", "remind")]  # Monday, 11:00
    assert [(r["customer"], r["reason"]) for r in bench.ledger("skipped")] == [("answered", "goal-met")]
    assert bench.send("2026-06-16T07:59") == []
    assert bench.send("2026-06-16T08:00") == [("asked", "unanswered", "again")]
