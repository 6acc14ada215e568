"""A process whose clock is off says so, with both times."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from regulars.core import clock
from regulars.operation.clock_check import ClockCheck, clock_difference


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
    check = ClockCheck(sqlite_engine, lambda: clock.system() + off, lambda: passed)
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
