"""The kinds of kills, how often each strikes, and what was in flight when it did.

A claim lists what its worker was sending, and stays after the worker's death until its lease ends: so the rows in
flight at a kill are known exactly, unless the database is away at that moment; then they are counted, by chunks. Where
the lease of a living worker had run out before it was killed (it waited for the database), its claim is gone by then;
the log of the worker that ended the claim has its rows.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import select

from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import read
from regulars.db.tables import claims
from tests.common.site import Site
from tests.common.supervised import ShiftedClock, Supervised
from tests.faults.process_tree import children
from tests.faults.set_ups import SetUp

INTERRUPTED = "the run was interrupted"
_OFF = 7200.0
"""Seconds by which a clock may be off."""
_SETTLED = 0.3
"""Seconds after a kill in which the database may still commit what the dead process had sent to it."""


@dataclass(frozen=True)
class Crew:
    """The processes of a site that may be killed."""

    workers: list[Supervised]
    scheduler: Supervised
    web: Supervised
    chunk: int
    clock: ShiftedClock | None = None
    """Of the last worker, where the clocks may differ."""


@dataclass(frozen=True)
class Struck:
    """One kill: its kind, the processes that died, and the rows that they were sending.

    `rows` is None where that could not be read; then at most `chunks` chunks were in flight.
    """

    kind: str
    processes: int
    rows: tuple[int, ...] | None
    chunks: int = 0
    numbers: tuple[int, ...] = ()
    """The process ids."""

    def in_flight(self, chunk: int) -> int:
        """How many emails can have become uncertain by it."""
        return len(self.rows) if self.rows is not None else self.chunks * chunk


class Striker:
    """Kills what the dice say."""

    def __init__(self, site: Site, place: SetUp, crew: Crew) -> None:
        self.site, self.place, self.crew = site, place, crew
        self._kinds: dict[str, tuple[int, Callable[[random.Random], Collection[int]]]] = {
            "worker process": (60, self._worker_process),
            "worker": (10, self._worker),
            "worker's first process": (4, self._first_process),
            "all workers": (2, self._all_workers),
            "scheduler": (5, lambda _: _killed(self.crew.scheduler)),
            "web": (3, lambda _: _killed(self.crew.web)),
            "broker flushed": (4, self._flush),
        }
        if place.broker is not None:
            self._kinds["broker"] = (3, self._broker)
        if place.postgres is not None:
            self._kinds["database, immediate restart"] = (4, self._database_immediate)
            self._kinds["database"] = (3, self._database)
            self._kinds["database session"] = (2, self._database_session)

        if crew.clock is not None:
            self._kinds["clock"] = (10, self._clock)

    def strike(self, dice: random.Random) -> Struck:
        """One kill of a random kind."""
        names = sorted(self._kinds)
        (kind,) = dice.choices(names, [self._kinds[name][0] for name in names])
        return self._struck(kind, self._kinds[kind][1](dice))

    def interrupt(self) -> Struck:
        """Kills all workers, because the run ends before its time: what they were sending is recorded as well."""
        return self._struck(INTERRUPTED, self._all_workers(random.Random()))

    def _struck(self, kind: str, died: Collection[int]) -> Struck:
        if not died or kind in {"scheduler", "web"}:
            return Struck(kind, len(died), ())
        rows = self._sending(died)
        return Struck(kind, len(died), rows, 0 if rows is not None else len(died), tuple(died))

    def _sending(self, died: Collection[int]) -> tuple[int, ...] | None:
        time.sleep(_SETTLED)
        try:
            with read(self.site.engine) as connection:
                found = connection.execute(select(claims.c.worker, claims.c.sending)).all()
        except EnvironmentFailed:
            return None
        numbers = {str(process) for process in died}
        rows = [row for one in found if one.worker.rpartition(":")[2] in numbers for row in one.sending or ()]
        return tuple(sorted(rows))

    # ---------------------------------------------------------------- workers

    def _worker_process(self, dice: random.Random) -> Collection[int]:
        every = [process for one in self.crew.workers if one.pid for process in children(one.pid)]
        return _kill(dice.choice(every)) if every else ()

    def _worker(self, dice: random.Random) -> Collection[int]:
        return _killed(dice.choice(self.crew.workers))

    def _all_workers(self, _: random.Random) -> Collection[int]:
        return [process for one in self.crew.workers for process in _killed(one)]

    def _first_process(self, dice: random.Random) -> Collection[int]:
        """Its pool processes are killed by the system, for Celery asks it to (prctl(2), PR_SET_PDEATHSIG)."""
        first = dice.choice(self.crew.workers).pid
        if first is None:
            return ()
        died = [first, *children(first)]
        _kill(first)
        return died

    def _clock(self, dice: random.Random) -> Collection[int]:
        """Forward, back, or right again."""
        assert self.crew.clock is not None
        self.crew.clock.shift(dice.choice([0.0, dice.uniform(-_OFF, _OFF), dice.uniform(-60, 60)]))
        return ()

    # ---------------------------------------------------------------- servers

    def _flush(self, _: random.Random) -> Collection[int]:
        self.place.flush_broker()
        return ()

    def _broker(self, _: random.Random) -> Collection[int]:
        assert self.place.broker is not None
        self.place.broker.kill()
        self.place.broker.start()
        return ()

    def _database_immediate(self, _: random.Random) -> Collection[int]:
        assert self.place.postgres is not None
        self.place.postgres.kill_first(signal.SIGQUIT)
        self.place.postgres.start()
        return ()

    def _database(self, dice: random.Random) -> Collection[int]:
        """All its processes at once, or the first alone."""
        assert self.place.postgres is not None
        if dice.random() < 0.5:
            self.place.postgres.kill()
        else:
            self.place.postgres.kill_first(signal.SIGKILL)
        self.place.postgres.start()
        return ()

    def _database_session(self, dice: random.Random) -> Collection[int]:
        assert self.place.postgres is not None
        self.place.postgres.kill_session(dice)
        return ()


def _kill(process: int) -> Collection[int]:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
        return (process,)
    return ()


def _killed(one: Supervised) -> Collection[int]:
    """`kill -9` of its whole process group."""
    first = one.pid
    if first is None:
        return ()
    died = [first, *children(first, deep=True)]
    with suppress(ProcessLookupError):
        os.killpg(first, signal.SIGKILL)
    return died
