"""What `describe` says of months that lack the day of a schedule agrees with when it fires."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from regulars.explain.describe import describe
from regulars.rules.grammar import Schedule
from tests.common.rules import of_loaded
from tests.rules.folders import read

START, END = datetime(2025, 1, 1), datetime(2029, 1, 1)  # noqa: DTZ001  local times
YEARS = 4
PHRASES = [f"{often} on {day} at 10:00" for often in ("monthly", "quarterly") for day in range(1, 32)] + [
    "monthly on last day at 10:00", "yearly on 29 february at 9:00", "yearly on 31 december at 9:00",
    "yearly on 30 april at 9:00", "0 10 30 * *", "0 10 31 1,3 *",
]  # fmt: skip


def _months(schedule: Schedule) -> int:
    named = schedule.cron.split()[3]
    return YEARS * (12 if named == "*" else len(named.split(",")))


@pytest.mark.parametrize("phrase", PHRASES)
def test_what_is_left_out_is_said_and_nothing_else(phrase: str) -> None:
    schedule = Schedule.parse(phrase)
    fired = len(schedule.between(START, END))
    assert bool(schedule.left_out) == (fired < _months(schedule)), (fired, schedule.left_out)


def test_describe_says_it(tmp_path: Path) -> None:
    rules = of_loaded(read(tmp_path, "campaigns:\n  x: {schedule: monthly on 31 at 10:00, email: x}\n"))
    assert describe(rules.rulebook.campaigns["x"], rules) == (
        "Monthly on 31 at 10:00 by each client's clock (months without a 31st are left out), send them “x”."
    )
