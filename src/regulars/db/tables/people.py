"""Clients and the colleagues they know, as tables."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Integer, Table, Text, text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Json, Key

managers = Table(
    "managers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("external_id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("title", Text),
    Column("phone", Text),
    Column("locale", Text),
    Column("timezone", Text),
)

customers = Table(
    "customers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("external_id", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("email_hash", Text, index=True),  # keyed hash: joins suppressions, survives erasure
    Column("name", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("company", Text),
    Column("phone", Text),
    Column("locale", Text),
    Column("timezone", Text, index=True),  # which zones there are is asked again and again
    Column("country", Text),
    Column("birthday", Date),
    Column("source", Text),
    Column("manager_id", Key, ForeignKey("managers.id", ondelete="SET NULL"), index=True),
    Column("attrs", Json, nullable=False, server_default=text("'{}'")),  # the workspace's own fields
    Column("bucket", Integer, nullable=False),  # core.ids.bucket(external_id), for holdouts
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("erased_at", Instant),
)
