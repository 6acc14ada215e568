"""Tables of the states of processes: outages of mail servers, clock differences, signs of life, counters.

Rows are written when something changes, a few times a minute by each process, and never for a single email.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, Table, Text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Json

lane_states = Table(
    "lane_states",
    metadata,
    # A lane that has had an outage; others have no row. Instants use the wall clock of the writing process.
    Column("lane", Text, primary_key=True),
    Column("kinds", Json, nullable=False),  # the kinds of email it sends
    Column("server", Text, nullable=False),  # host:port
    Column("away_since", Instant),  # NULL: the server accepts mail
    Column("reason", Text),  # of the outage
    Column("cause", Text),  # core.outage_cause
    Column("last_success_at", Instant),  # as known to the process that recorded the outage
    Column("next_try_at", Instant),  # not before then
    Column("noted_at", Instant, nullable=False),
)

clock_states = Table(
    "clock_states",
    metadata,
    # A process whose clock differs from the database's. Instants are by the database's clock.
    Column("worker", Text, primary_key=True),  # host:process
    Column("ahead_seconds", Double, nullable=False),  # negative: behind
    Column("since", Instant, nullable=False),
    Column("noted_at", Instant, nullable=False),
)

write_probes = Table(
    "write_probes",
    metadata,
    # One row, written to test whether the database is writable.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    # A worker process, written a few times a minute. Instants are by the database's clock.
    Column("process", Text, primary_key=True),  # host:process
    Column("release", Text, nullable=False),  # the version of Regulars
    Column("started_at", Instant, nullable=False),
    Column("noted_at", Instant, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    # What all workers together have done since the table was created; written a few times a minute by each.
    Column("name", Text, primary_key=True),  # ledger.counters.Counted
    Column("label", Text, primary_key=True),  # a state, a lane; empty for none
    Column("number", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),  # the time that it took, together
)
