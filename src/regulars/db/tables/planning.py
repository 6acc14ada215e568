"""Tables of incremental planning: the clients to whom something happened since the last plan, and how it went."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text, text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Key

touched_clients = Table(
    "touched_clients",
    metadata,
    # Written by triggers of the database (db.touched), emptied by a plan. No key, so that writers never wait for each
    # other or for a plan; the same client can be there many times. A null stands for every client.
    Column("customer_id", Key),
)

plan_states = Table(
    "plan_states",
    metadata,
    # One row: the last plan, from which the next one starts.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("planned_at", Instant, nullable=False),
    Column("rules", Text, nullable=False),  # digest of all that the plan obeyed: rules, release, time zones known
    Column("full_at", Instant, nullable=False),  # the last plan that asked every client
    Column("audited_at", Instant),
    # Clients whom the last audit found and the incremental plan had not, campaign by campaign: a fault of ours.
    Column("missed", BigInteger, nullable=False, server_default=text("0")),
    Column("missed_of", Text),
)
