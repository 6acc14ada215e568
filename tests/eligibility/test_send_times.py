"""Windows of the week and quiet hours: against a plain model of a clock on the wall, alone and with a moved clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from regulars.core.calendar import Window
from regulars.explain.describe import describe
from regulars.explain.explain import explain
from regulars.rules.send_windows import SendTimes, week_of
from tests.common.bench import at
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.office import Office

MINUTE = timedelta(minutes=1)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WINDOWS = {"monday-friday": "09:00-20:00", "saturday": "10:00-14:00"}
# No clock changes at these hours: what the wall shows in the hour that comes twice is a matter of its own.
HOURS = st.tuples(st.integers(5, 21), st.integers(0, 59)).map(lambda pair: time(*pair))
MODEL_WEEKS = st.dictionaries(st.sampled_from(DAYS), st.tuples(HOURS, HOURS).filter(lambda p: p[0] < p[1]), min_size=1)
QUIET = st.none() | st.builds(Window, HOURS.filter(lambda at: at.hour > 17), HOURS.filter(lambda at: at.hour < 11))


def may_go(moment: datetime, zone: str, week: dict[str, tuple[time, time]], quiet: Window | None) -> bool:
    """What a person would say who looks at the clock on the client's wall."""
    wall = moment.astimezone(ZoneInfo(zone))
    hours = week.get(DAYS[wall.weekday()])
    inside = hours is not None and hours[0] <= wall.time() < hours[1]
    asleep = quiet is not None and (wall.time() >= quiet.start or wall.time() < quiet.end)
    return inside and not asleep


@settings(max_examples=60, deadline=None)
@given(
    week=MODEL_WEEKS, quiet=QUIET, zone=st.sampled_from(["UTC", "Europe/Chisinau", "Asia/Kolkata"]),
    minutes=st.integers(0, 14 * 24 * 60),
)  # fmt: skip
def test_the_next_opening_is_the_first_minute_at_which_the_wall_allows_it(
    week: dict[str, tuple[time, time]], quiet: Window | None, zone: str, minutes: int
) -> None:
    windows = {day: f"{begin:%H:%M}-{end:%H:%M}" for day, (begin, end) in week.items()}
    times = SendTimes(week_of(windows), quiet)
    start = datetime(2026, 3, 23, tzinfo=UTC) + minutes * MINUTE  # two weeks around a change of the clocks
    steps = (start + number * MINUTE for number in range(9 * 24 * 60))
    expected = next((moment for moment in steps if may_go(moment, zone, week, quiet)), None)
    assert times.ever() == (expected is not None)
    if expected is not None:
        assert times.opens_at(start, zone) == expected


@pytest.fixture
def office(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> Iterator[Office]:
    made = Office(engine, tmp_path / "workspace", smtp_inbox.url)
    yield made
    made.close()


@pytest.mark.slow
def test_with_a_moved_clock_each_goes_at_the_first_look_inside_a_window_or_is_skipped(office: Office) -> None:
    rules = {
        "thanks": {"on": "visit.done", "email": "thanks", "late": "1 day"},
        "again": {"on": "visit.done", "email": "again", "quiet_hours": "ignore"},
    }
    write_workspace(office.root, rules, policy={"quiet_hours": "19:00-09:30", "windows": WINDOWS})
    zones = {"ada": "Europe/Chisinau", "bo": "Asia/Kolkata", "cy": "America/New_York"}
    for name, zone in zones.items():
        office.clients(name, timezone=zone)
    looks = [at("2026-06-12T06:00") + timedelta(hours=4 * number) for number in range(22)]  # from a Friday to a Monday
    office.plan("2026-06-12T05:00")
    visits = {name: looks[place] + timedelta(minutes=-30) for name, place in (("ada", 3), ("bo", 1), ("cy", 9))}
    week = {day: (time(9), time(20)) for day in DAYS[:5]} | {"saturday": (time(10), time(14))}
    quiet = Window(time(19), time(9, 30))
    expected = {}
    for name, visited in visits.items():
        office.visit(name, visited.isoformat())
        goes = next(look for look in looks if look >= visited and may_go(look, zones[name], week, quiet))
        expected[name] = ("sent", None) if goes <= visited + timedelta(days=1) else ("skipped", "window")
    assert set(expected.values()) == {("sent", None), ("skipped", "window")}, "both happen here"
    for look in looks:
        office.tick(look.isoformat())
        if look == looks[4]:
            told = explain(office.engine, office.runtime.rules, "ada", "thanks", look)
            assert "it is outside the hours for emails" in told.campaigns[0].sentence
            assert "windows" in {fact.name for fact in told.facts}
    rows = [row for row in office.rows() if row["campaign"] == "thanks"]
    assert {row["customer"]: (row["state"], row["reason"]) for row in rows} == expected
    for row in rows:
        if row["state"] == "sent":
            assert may_go(row["settled_at"], zones[row["customer"]], week, quiet)
    exempt = {row["customer"]: row["settled_at"] for row in office.rows() if row["campaign"] == "again"}
    assert exempt == {name: next(look for look in looks if look >= visited) for name, visited in visits.items()}
    book = office.runtime.rules.rulebook
    assert "It goes only on Monday to Friday from 09:00 to 20:00 and Saturday from 10:00 to 14:00, by" in describe(
        book.campaigns["thanks"], office.runtime.rules
    )
    assert "Neither quiet hours nor windows hold it back." in describe(book.campaigns["again"], office.runtime.rules)
