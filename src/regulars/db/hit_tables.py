"""The table of what came by the links of emails that are counted: clicks, emails shown, machines caught."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text, text

from regulars.db.metadata import metadata
from regulars.db.types import Instant, Key

hits = Table(
    "hits",
    metadata,
    # Whoever it was: no address and no user agent is kept.
    Column("id", Key, primary_key=True),
    Column("promise_id", Key, ForeignKey("promises.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # tracking.grading.Kind
    Column("link", Text),  # the address, or the page of ours; gone once the client is erased
    Column("at", Instant, nullable=False),
    Column("sign", Text),  # tracking.grading.Sign: what the request itself gave away
    Column("grade", Text, nullable=False),  # tracking.grading.Grade, by all that is known of the email
    Column("told", Boolean, nullable=False, server_default=text("false")),  # has become an event, or never will
    Index("ix_hits_untold", "at", sqlite_where=text("told = false"), postgresql_where=text("told = false")),
)
