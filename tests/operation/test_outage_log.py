"""A server that is away is warned of, but not at every wake-up."""

from __future__ import annotations

import logging

import pytest

from regulars.delivery.transport import Outage
from regulars.operation.outage_log import OutageLog


def test_at_most_one_warning_a_minute_for_each_server(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = OutageLog(lambda: now)
    one, other = Outage("one.example:25", "connection refused"), Outage("other.example:25", "it answered 421 busy", 421)
    caplog.set_level(logging.WARNING, "regulars")
    found = []
    for now in range(0, 121, 15):
        caplog.clear()
        log.report({"default": one} | ({"transactional": other} if now >= 30 else {}))
        found += [(now, record.getMessage()) for record in caplog.records]
    assert [(at, "one.example" in words) for at, words in found] == [
        (0, True), (30, False), (60, True), (90, False), (120, True),
    ]  # fmt: skip
    assert found[0][1] == (
        "lane default: nothing is sent, for its mail server is away: one.example:25: connection refused"
    )


def test_nothing_is_said_while_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "regulars")
    OutageLog().report({})
    assert caplog.records == []
