"""Tables of valid workspace versions: whole files, each content once."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant

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
