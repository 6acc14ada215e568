"""A process whose clock is off says so, with both times, in its log and where other processes see it."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from regulars.core import clock
from regulars.db.engine import read, write
from regulars.db.tables import clock_states
from regulars.operation.clock_check import ClockCheck, clock_difference, clocks_off


@pytest.mark.parametrize(("seconds", "words"), [(90, "90 s ahead of"), (-3600, "3600 s behind")])
def test_the_difference_is_told_with_both_times(engine: Engine, seconds: int, words: str) -> None:
    found = clock_difference(engine, lambda: clock.system() + timedelta(seconds=seconds))
    assert found is not None
    assert words in found
    here, there = clock.system() + timedelta(seconds=seconds), clock.system()
    assert f"{here:%Y-%m-%d %H:}" in found
    assert f"{there:%Y-%m-%d %H:}" in found


@pytest.mark.parametrize("seconds", [-3, 0, 3])
def test_a_small_difference_is_not_told(engine: Engine, seconds: int) -> None:
    assert clock_difference(engine, lambda: clock.system() + timedelta(seconds=seconds)) is None


def test_the_log_says_it_every_few_minutes_and_when_it_is_over(
    sqlite_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    off = timedelta(seconds=90)
    passed = 0.0
    check = ClockCheck(sqlite_engine, lambda: clock.system() + off, "shop:7", lambda: passed)
    caplog.set_level(logging.INFO)
    check.look()
    passed = 120.0
    check.look()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    passed = 301.0
    check.look()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    off, passed = timedelta(0), 700.0
    check.look()
    assert caplog.records[-1].getMessage() == "this machine's clock and the database's agree again"


def _told(engine: Engine) -> list[str]:
    with read(engine) as connection:
        return clocks_off(connection)


def test_a_clock_that_jumps_is_seen_by_others_within_seconds_until_it_is_right_again(engine: Engine) -> None:
    off = timedelta(0)
    passed = 0.0
    check = ClockCheck(engine, lambda: clock.system() + off, "shop:7", lambda: passed)
    check.look()
    assert _told(engine) == []
    off = timedelta(seconds=-90)
    passed = 4.9
    check.look()
    assert _told(engine) == []
    passed = 5.0
    check.look()
    (told,) = _told(engine)
    assert told.startswith("the clock of process shop:7 is 90 s behind the database's since ")
    passed, off = 60.0, timedelta(0)
    check.look()
    assert _told(engine) == []


def test_a_process_that_ended_is_no_longer_told_of(engine: Engine) -> None:
    def ahead() -> ClockCheck:
        found = ClockCheck(engine, lambda: clock.system() + timedelta(seconds=90), "shop:7")
        found.look()
        return found

    ahead().close()
    assert _told(engine) == []
    ahead()  # this one is killed
    assert len(_told(engine)) == 1
    with write(engine) as connection:
        connection.execute(update(clock_states).values(noted_at=clock.system() - timedelta(minutes=3)))
    assert _told(engine) == []
