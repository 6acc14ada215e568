"""Clients and the colleagues they know, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Boolean, Column, Date, Double, ForeignKey, Integer, Table, Text, text
from sqlalchemy.types import TypeEngine

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Json, Key
from regulars.rules.fields import CLIENT_FIELDS, ColumnType, FieldType, Origin, fields_of

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

_TYPES: Mapping[ColumnType, type[TypeEngine[Any]]] = {
    FieldType.TEXT: Text,
    FieldType.NUMBER: Double,
    FieldType.BOOL: Boolean,
    FieldType.DATE: Date,
    FieldType.INSTANT: Instant,
}
_SPELLED_OUT = frozenset({"external_id", "email", "created_at"})
"""Fields whose columns are more than an optional value; those of all others follow from the registry of fields."""

customers = Table(
    "customers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("external_id", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("email_hash", Text, index=True),  # keyed hash: joins suppressions, survives erasure
    *(
        # Which zones there are is asked again and again.
        Column(name, _TYPES[CLIENT_FIELDS[name].type], index=name == "timezone")
        for name in fields_of(Origin.COLUMN)
        if name not in _SPELLED_OUT
    ),
    Column("manager_id", Key, ForeignKey("managers.id", ondelete="SET NULL"), index=True),
    Column("attrs", Json, nullable=False, server_default=text("'{}'")),  # the workspace's own fields
    Column("bucket", Integer, nullable=False),  # core.ids.bucket(external_id), for holdouts
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("erased_at", Instant),
)
