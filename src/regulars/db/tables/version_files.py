"""Tables of what people put into force and did: versions of the files, when each was applied, an audit log."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Json, Key

workspace_versions = Table(
    "workspace_versions",
    metadata,
    Column("digest", Text, primary_key=True),  # of all paths and contents
    Column("at", Instant, nullable=False),  # when it was last seen to come into force
    Column("files", Integer, nullable=False),
)

file_contents = Table(
    "file_contents",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

workspace_files = Table(
    "workspace_files",
    metadata,
    Column("version", Text, ForeignKey("workspace_versions.digest", ondelete="CASCADE"), primary_key=True),
    Column("path", Text, primary_key=True),  # below the workspace, with `/`
    Column("content", Text, ForeignKey("file_contents.digest"), nullable=False, index=True),
)

applied_versions = Table(
    "applied_versions",
    metadata,
    # One row each time that a version came into force; the last row is the one in force.
    Column("id", Key, primary_key=True),
    Column("version", Text, ForeignKey("workspace_versions.digest"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("mode", Text, nullable=False),  # automatic, manual: `apply` of this version's policy
    Column("how", Text, nullable=False),  # saved: by itself; apply, rollback: by a person
    Column("who", Text),
    Column("message", Text),
    Column("git_commit", Text),
    Column("dirty", Boolean),  # whether the folder had changes that the commit has not
    Column("release", Text, nullable=False),  # of Regulars, that applied it
    Column("campaigns", Json),  # names of those added, removed or changed
    Column("shown", Json),  # by name of the campaign, how many clients were to gain an email or get another one
    Column("shown_until", Instant),  # the end of the time that those numbers are of
    Column("sent_at", Instant),  # when an email was last sent while it was in force, to an hour or so
)

audit_log = Table(
    "audit_log",
    metadata,
    # Lines are added, never changed or deleted; erasure alone empties `why` and `subject` of lines about that client.
    Column("id", Key, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),  # core.operator_name.operator, or `key NAME` for a program
    Column("action", Text, nullable=False),  # ledger.audit.Action
    Column("subject", Text),  # what it was done to: a version, a campaign, a client's outside id, the name of a key
    Column("customer_id", Key, index=True),  # no foreign key: the line outlives the client
    Column("email_hash", Text),  # the keyed hash of an address; the address itself is never in this table
    Column("why", Text),
    Index("ix_audit_log_at", "at"),
)
