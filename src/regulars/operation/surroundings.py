"""Faults in the environment of a workspace's processes: mail servers, clocks, a database that cannot be written.

Workers record faults in the database; commands and `/readyz` read them there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.db import engine as db
from regulars.db.write_probe import write_fault
from regulars.ledger import lane_states
from regulars.operation.clock_check import clock_difference, clocks_off


@dataclass(frozen=True, slots=True)
class Trouble:
    """`full` has all details, for operators; `brief` names no server and quotes none of its replies."""

    full: str
    brief: str


def troubles(engine: Engine, wall: Clock) -> Iterator[Trouble]:
    """The present faults. Writes a row to test the database; raises EnvironmentFailed without a database."""
    with db.read(engine) as connection:
        away, off = lane_states.outages(connection), clocks_off(connection)
    for outage in away:
        since = f"{outage.since:%Y-%m-%d %H:%M} UTC"
        brief = f"lane {outage.lane}: nothing is sent since {since}, for its mail server is away"
        yield Trouble(str(outage), f"{brief}: `regulars report` tells more")
    for sentence in off:
        yield Trouble(sentence, "the clock of a worker differs from the database's: `regulars report` tells more")
    here = clock_difference(engine, wall)
    if here is not None:
        yield Trouble(here, "this machine's clock differs from the database's: set both clocks by NTP")
    if (words := write_fault(engine, wall())) is not None:
        yield Trouble(
            f"the database cannot be written: {words}; nothing is planned or sent until it can: look for a full disk,"
            " and for the rights of its files",
            "the database cannot be written: look for a full disk; the log tells more",
        )
