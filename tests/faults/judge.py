"""The verdict of a run: the mail server's list of Message-IDs against the ledger, and each doubt against its kill."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson
from sqlalchemy import select

from regulars.db.engine import read
from regulars.db.states import State
from regulars.db.tables import promises
from tests.common.recorder import Recorder
from tests.common.site import Site
from tests.common.supervised import readiness
from tests.common.verdict import Verdict, verdict
from tests.faults.load import name
from tests.faults.strikes import INTERRUPTED, Struck

READY_WITHIN = 60.0
"""Seconds after the last kill until `/readyz` must answer."""


class Measure(Protocol):
    """What was asked of the run."""

    @property
    def emails(self) -> int: ...

    @property
    def chunk(self) -> int: ...

    @property
    def seed(self) -> int: ...


@dataclass(frozen=True)
class Judgement:
    """What a run came to."""

    seed: int
    kinds: Counter[str]
    victims: int
    in_flight: int
    """Emails that were being sent by what was killed, at the moments of the kills."""
    unexplained: tuple[str, ...]
    """Message-IDs of uncertain emails that were in flight at none of the kills."""
    found: Verdict
    due: int
    """Emails that must have been promised: as many as there were events."""
    stalls: int
    """How often mail did not begin to flow again by itself."""
    answers: bool
    """Whether the web process answers at the end."""

    @property
    def sound(self) -> bool:
        """Nothing lost or doubled, each doubt named and explained by a kill, and nobody had to help."""
        whole = self.found.sound and self.found.promised == self.due
        return whole and not self.unexplained and not self.stalls and self.answers

    def text(self, kind: str) -> str:
        """The verdict for a person."""
        found = self.found
        kinds = ", ".join(f"{number} {what}" for what, number in self.kinds.most_common())
        word, web = "SOUND" if self.sound else "NOT SOUND", "yes" if self.answers else "no"
        doubt = f"in flight {self.in_flight}; {found.arrived} had arrived; without a Message-ID {found.nameless}"
        total = f"{self.kinds.total()} kills of {self.victims} processes over {self.due} emails"
        wrong = f"lost {found.lost}, doubled {found.doubled}, unfinished {found.unfinished}, strange {found.strange}"
        lines = [
            f"{kind}, seed {self.seed}: {word}: {total}",
            f"  kills: {kinds}",
            f"  sent {found.sent}, uncertain {found.uncertain} ({doubt}; in flight at no kill {len(self.unexplained)})",
            f"  promised {found.promised} of {self.due}, accepted {found.accepted}; {wrong}",
            f"  mail had to be helped {self.stalls} times; the web process answers: {web}",
        ]
        return "\n".join([*lines, *(f"  unexplained: {one}" for one in self.unexplained[:20])])


def judge(
    site: Site,
    recorder: Recorder,
    struck: Sequence[Struck],
    measure: Measure,
    *,
    logs: Path,
    stalls: int,
    web_port: int,
) -> Judgement:
    """Compares the two books, and asks `/readyz`. `logs` is the folder of the workers' logs, in JSON."""
    late = _lapsed_before_their_kill(logs, {number for one in struck for number in one.numbers})
    listed = {row for one in struck for row in one.rows or ()}
    known = listed | late
    in_flight = sum(one.in_flight(measure.chunk) for one in struck) + len(late - listed)
    query = select(promises.c.id, promises.c.message_id).where(promises.c.state == State.UNCERTAIN)
    with read(site.engine) as connection:
        doubtful = connection.execute(query).all()
        occurrences = set(connection.scalars(select(promises.c.occurrence)))
    strays = [str(row.message_id) for row in doubtful if row.id not in known]
    uncounted = sum(one.in_flight(measure.chunk) for one in struck if one.rows is None)
    found = verdict(site, recorder)
    assert occurrences <= {name(number) for number in range(measure.emails)}
    return Judgement(
        seed=measure.seed,
        kinds=Counter(one.kind for one in struck if one.kind != INTERRUPTED),
        victims=sum(one.processes for one in struck if one.kind != INTERRUPTED),
        in_flight=in_flight,
        unexplained=tuple(strays[uncounted:]),
        found=found,
        due=measure.emails,
        stalls=stalls,
        answers=_answers(web_port),
    )


def _lapsed_before_their_kill(logs: Path, killed: Collection[int]) -> set[int]:
    """The promises of ended claims whose worker was killed at some time, by the logs."""
    found: set[int] = set()
    for path in logs.glob("worker-*.log"):
        for line in path.read_bytes().splitlines():
            if b'"message": "uncertain"' in line:
                entry = orjson.loads(line)
                if int(entry["worker"].rpartition(":")[2]) in killed:
                    found.update(entry["promises"])
    return found


def _answers(port: int) -> bool:
    end = time.monotonic() + READY_WITHIN
    while (status := readiness(port)[0]) == 0 and time.monotonic() < end:
        time.sleep(0.2)
    return status != 0
