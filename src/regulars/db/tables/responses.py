"""Tables of responses: hits on the links of emails, and signed messages of other programs."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Table, Text, text

from regulars.db.tables._metadata import metadata, partial_index
from regulars.db.types import Instant, Key

hits = Table(
    "hits",
    metadata,
    # No network address and no user agent is stored.
    Column("id", Key, primary_key=True),
    Column("promise_id", Key, ForeignKey("promises.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # responses.click_grading.Kind
    Column("link", Text),  # the address, or the page of ours; gone once the client is erased
    Column("at", Instant, nullable=False),
    Column("sign", Text),  # responses.click_grading.Sign: what the request itself reveals
    Column("grade", Text, nullable=False),  # responses.click_grading.Grade, by all that is known of the email
    Column("told", Boolean, nullable=False, server_default=text("false")),  # has become an event, or never will
    partial_index("ix_hits_untold", "at", where="told = false"),
)

deliveries = Table(
    "deliveries",
    metadata,
    # Signed messages that were accepted, by the id under which their sender repeats them.
    Column("hook", Text, primary_key=True),
    Column("message", Text, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
)
