"""Tables of mail servers and receiving domains: outages within pools, warm-ups, mail providers, limits.

None of them has a client: a domain is no address.
"""

from __future__ import annotations

from sqlalchemy import Column, Date, Double, Integer, Table, Text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant

server_states = Table(
    "server_states",
    metadata,
    # A server of a pool that has had an outage; others have no row. Instants use the wall clock of the writing process.
    Column("server", Text, primary_key=True),  # its name in the rules
    Column("lane", Text, nullable=False),
    Column("address", Text, nullable=False),  # host:port
    Column("away_since", Instant),  # NULL: it takes mail
    Column("reason", Text),  # of the outage
    Column("next_try_at", Instant),  # not before then
    Column("noted_at", Instant, nullable=False),
)

server_days = Table(
    "server_days",
    metadata,
    # A server with a warm-up, by the company's local day.
    Column("server", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("step", Integer, nullable=False),  # on how many earlier days it sent
    Column("allowed", Integer),  # NULL: the warm-up is over
    Column("sent", Integer, nullable=False),  # what is being sent included
    Column("begins_at", Instant, nullable=False),  # of the day
    Column("ends_at", Instant, nullable=False),
)

mail_domains = Table(
    "mail_domains",
    metadata,
    # What was looked up in the DNS: the mail provider of a receiving domain. Looked up again when it has expired.
    Column("domain", Text, primary_key=True),
    Column("provider", Text, nullable=False),  # the domain of its mail exchangers, itself if there is none
    Column("expires_at", Instant, nullable=False, index=True),
)

domain_limits = Table(
    "domain_limits",
    metadata,
    # The limits by which planned promises are labelled: emails per second by provider, `*` for each other one.
    Column("provider", Text, primary_key=True),
    Column("per_second", Double, nullable=False),
)
