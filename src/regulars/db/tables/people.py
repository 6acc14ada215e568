"""Clients, the ids that name them, and the colleagues they know, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Boolean, Column, Date, Double, ForeignKey, Index, Integer, Table, Text, text
from sqlalchemy.types import TypeEngine

from regulars.core.ids import new_uid
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
        # For frequent queries of the distinct zones.
        Column(name, _TYPES[CLIENT_FIELDS[name].type], index=name == "timezone")
        for name in fields_of(Origin.COLUMN)
        if name not in _SPELLED_OUT
    ),
    Column("manager_id", Key, ForeignKey("managers.id", ondelete="SET NULL"), index=True),
    Column("attrs", Json, nullable=False, server_default=text("'{}'")),  # the workspace's own fields
    # What random draws and Message-IDs come from: given once, whatever outside ids the client gets later.
    Column("uid", Text, nullable=False, default=new_uid, server_default=text("''")),
    Column("bucket", Integer, nullable=False),  # core.ids.bucket(uid); of rows older than uids, of the outside id
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("erased_at", Instant),
    Index("uq_customers_uid", "uid", unique=True),
)

aliases = Table(
    "aliases",
    metadata,
    # Further outside ids of a client; none of them is also the `external_id` of a client.
    Column("external_id", Text, primary_key=True),
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("source", Text, nullable=False),  # its source: import, merge, alias
)
