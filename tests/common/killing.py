"""`kill -9` of workers at random moments of a run, until everything planned is sent or named."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.common.recorder import Recorder
from tests.common.site import Crew, Site, crew
from tests.common.workspace import write_workspace

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
RULES = {"news": {"at": "2026-06-10 10:00", "email": "news", "backfill": "all"}}
LEASE = "3"
"""Seconds, so that a test need not wait a minute for what a dead worker held."""


@dataclass(frozen=True, slots=True)
class Killed:
    """How many workers died, and when: messages accepted by then."""

    kills: int
    victims: int
    moments: tuple[int, ...]
    seconds: float


def prepare(site: Site, emails: int) -> None:
    """A workspace with one broadcast for so many clients."""
    write_workspace(site.root, RULES, policy={"late": "30 days"})
    site.crowd(emails)


def run_and_kill(
    site: Site, recorder: Recorder, *, workers: int, kills: int, span: float, dice: random.Random
) -> Killed:
    """Kills at `kills` moments, each up to `span` seconds after mail has begun to flow again.

    Of several workers one is killed, or all; what was killed is started again at once.
    """
    moments: list[int] = []
    victims = 0
    with crew(site, workers) as running:
        begun = time.monotonic()
        running.waker.wake("regulars.plan", NOW)
        for _ in range(kills):
            _flowing(running, recorder)
            time.sleep(dice.uniform(0, span))
            chosen = running.workers if dice.random() < 0.25 else [dice.choice(running.workers)]
            moments.append(recorder.count())
            for worker in chosen:
                worker.kill()
                victims += 1
            for worker in chosen:
                worker.start()
        running.finish(NOW, 120)
        return Killed(kills, victims, tuple(moments), time.monotonic() - begun)


def _flowing(running: Crew, recorder: Recorder) -> None:
    """Returns once messages arrive again; wakes the workers as beat would."""
    before, end = recorder.count(), time.monotonic() + 60
    again = 0.0
    while recorder.count() == before:
        if time.monotonic() > end:
            raise TimeoutError(f"no mail for a minute: {dict(running.site.states())}")
        if time.monotonic() > again:
            running.waker.wake("regulars.dispatch", NOW)
            again = time.monotonic() + 2
        time.sleep(0.005)
