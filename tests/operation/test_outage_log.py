"""A server that is away: told and noted at the beginning, each minute and at the end, whichever process sees it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, update

from regulars.db.engine import read, write
from regulars.db.tables import lane_states
from regulars.delivery.parcel import Parcel
from regulars.delivery.transport import Delivery, Outage, Transport
from regulars.dispatch.lane import Lane
from regulars.ledger.lane_states import LaneOutage, outages
from regulars.operation.outage_log import OutageLog
from tests.common.bench import at

NOON = at("2026-06-10T12:00")


class Scripted(Transport):
    """A transport whose server is away while the test says so."""

    def __init__(self, server: str) -> None:
        self.name, self.probes = server, 0
        self.outage: Outage | None = None

    @property
    def server(self) -> str:
        return self.name

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        raise AssertionError(f"{len(parcels)} parcels: only probes are made here")

    async def probe(self) -> Outage | None:
        self.probes += 1
        return self.outage

    async def close(self) -> None:
        """Nothing is open."""


class Process:
    """One process's log of two lanes, and its clock in seconds after noon."""

    def __init__(self, engine: Engine, *servers: str) -> None:
        self.seconds = 0.0
        self.main, self.service = (Scripted(name) for name in servers or ("one.example:25", "other.example:25"))
        lanes = [
            Lane("transactional", frozenset({"transactional"}), self.service),
            Lane("default", frozenset({"marketing"}), self.main),
        ]
        wall = lambda: NOON + timedelta(seconds=self.seconds)  # noqa: E731
        self.log = OutageLog(engine, lanes, wall, lambda: self.seconds)

    def run(self, seconds: float, down: dict[str, Outage] | None = None, *reached: str) -> None:
        self.seconds = seconds
        when = NOON + timedelta(seconds=seconds)
        asyncio.run(self.log.follow(down or {}, dict.fromkeys(reached, when)))


def noted(engine: Engine) -> list[LaneOutage]:
    with read(engine) as connection:
        return outages(connection)


REFUSED = Outage("one.example:25", "connection refused", pause=4.0)


def test_begin_each_minute_and_end_are_told_and_noted(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    process = Process(engine)
    caplog.set_level(logging.WARNING, "regulars")
    process.run(0, None, "default")
    assert noted(engine) == []
    told = []
    for seconds in range(15, 136, 15):
        caplog.clear()
        process.run(seconds, {"default": REFUSED})
        told += [(seconds, record.getMessage()) for record in caplog.records]
    assert [seconds for seconds, _ in told] == [15, 75, 135]
    assert told[0][1] == (
        "lane default: nothing is sent, for its mail server is away: one.example:25: connection refused;"
        " mail goes by itself once the server takes it again, `regulars retry` tries at once"
    )
    (found,) = noted(engine)
    since, last = NOON + timedelta(seconds=15), NOON + timedelta(seconds=135)
    assert found == LaneOutage(
        "default", frozenset({"marketing"}), "one.example:25", "connection refused", since, NOON,
        last + timedelta(seconds=4), last,
    )  # fmt: skip
    assert "nothing is sent since 2026-06-10 12:00:15 UTC, for its mail server is away: one.example:25" in str(found)
    assert "asked last at 2026-06-10 12:02:15 UTC, next from 2026-06-10 12:02:19 UTC on" in str(found)
    assert "took mail last at 2026-06-10 12:00:00 UTC" in str(found)
    caplog.clear()
    process.run(150, None, "default")
    assert [one.getMessage() for one in caplog.records] == [
        "lane default: mail goes again by one.example:25, after 2 minutes"
    ]
    assert noted(engine) == []
    caplog.clear()
    process.run(165, None, "default")
    assert caplog.records == []


def test_an_outage_ends_without_an_email_to_send(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    process = Process(engine)
    process.main.outage = REFUSED
    process.run(0, {"default": REFUSED})
    process.run(15)
    assert len(noted(engine)) == process.main.probes == 1
    process.main.outage = None
    process.run(30)
    assert noted(engine) == []
    assert "lane default: mail goes again by one.example:25, after 30 s" in caplog.text
    process.run(45)
    assert (process.main.probes, process.service.probes) == (2, 0)


def test_an_idle_lane_is_probed_before_an_email_has_to_wait(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    process = Process(engine)

    def idle(seconds: float, *reached: str) -> None:
        process.seconds = seconds
        at_work = dict.fromkeys(reached, NOON)
        asyncio.run(process.log.follow({}, at_work, probe_idle=True))

    for seconds in range(0, 121, 15):
        idle(seconds, "default")
    assert (process.main.probes, process.service.probes) == (0, 5)
    process.main.outage = REFUSED
    idle(135)
    assert noted(engine) == []
    idle(150)  # 30 s after its last message
    (found,) = noted(engine)
    assert (found.lane, process.main.probes) == ("default", 1)
    assert "nothing is sent, for its mail server is away: one.example:25" in caplog.text


def test_another_process_ends_what_a_dead_one_has_noted(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    Process(engine).run(0, {"default": REFUSED})
    started_later = Process(engine)
    started_later.run(30, None, "default")
    assert noted(engine) == []
    assert "lane default: mail goes again by one.example:25, after 30 s" in caplog.text


def test_an_outage_keeps_its_beginning_whoever_notes_it(engine: Engine) -> None:
    Process(engine).run(0, {"default": REFUSED})
    other = Process(engine)
    other.run(20, {"default": REFUSED})
    (found,) = noted(engine)
    assert found.since == NOON


def test_another_server_in_the_settings_ends_the_outage(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    Process(engine).run(0, {"default": REFUSED})
    Process(engine, "new.example:25", "other.example:25").run(10)
    assert noted(engine) == []
    assert "lane default: it no longer goes by one.example:25, which was away" in caplog.text


def test_while_all_is_well_it_reads_once_a_minute_and_writes_nothing(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "regulars")
    said: list[str] = []
    note = lambda *given: said.append(given[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", note)
    try:
        process = Process(engine)
        for seconds in range(0, 60, 3):
            process.run(seconds, None, "default", "transactional")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    asked = [words for words in said if "lane_states" in words]
    assert len(asked) == 1
    assert asked[0].startswith("SELECT")
    assert caplog.records == []


def test_a_lane_that_is_away_again_has_a_new_beginning(engine: Engine) -> None:
    process = Process(engine)
    process.run(0, {"default": REFUSED})
    process.run(10, None, "default")
    process.run(100, {"default": REFUSED})
    (found,) = noted(engine)
    assert (found.since, found.last_success_at) == (NOON + timedelta(seconds=100), NOON + timedelta(seconds=10))
    with write(engine) as connection:
        connection.execute(update(lane_states).values(away_since=None))
    assert noted(engine) == []
