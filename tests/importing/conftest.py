"""A small shop's files, and the import with what every test gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, select

from regulars.db.engine import read
from regulars.importing.options import ImportOptions
from regulars.importing.report import ImportReport, Kind
from regulars.importing.service import import_file
from regulars.rules.model import FieldType
from tests.common.people import SECRET

NOW = datetime(2026, 6, 10, 9, 0, tzinfo=UTC)
FIELDS = {"skin": FieldType.TEXT, "points": FieldType.NUMBER, "vip": FieldType.BOOL}
EVENTS = {
    "meeting.completed": {"topic": FieldType.TEXT, "agreements": FieldType.LIST},
    "visit.booked": {"service": FieldType.TEXT, "starts_at": FieldType.INSTANT},
    "survey.answered": {"score": FieldType.NUMBER},
}


@dataclass(frozen=True)
class Desk:
    """Where files are brought in."""

    engine: Engine
    folder: Path

    def bring(
        self,
        kind: Kind,
        content: str | bytes,
        name: str | None = None,
        *,
        mapping: Mapping[str, str] | None = None,
        now: datetime = NOW,
        progress: Callable[[int, int], None] | None = None,
        **options: Any,
    ) -> ImportReport:
        """Imports what a file would hold."""
        path = self.folder / (name or f"{kind}.csv")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        given = {"timezone": "Europe/Chisinau", "fields": FIELDS, "events": EVENTS} | options
        return import_file(
            self.engine,
            kind,
            path,
            now=now,
            secret=SECRET,
            mapping=mapping,
            options=ImportOptions(**given),
            progress=progress,
        )

    def rows(self, table: Table, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of every row, in the order of keys."""
        with read(self.engine) as connection:
            query = select(*(table.c[name] for name in columns)).order_by(*table.primary_key.columns)
            return [tuple(row) for row in connection.execute(query)]


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    """On both databases, one after the other."""
    return Desk(engine, tmp_path)


@pytest.fixture
def sqlite_desk(sqlite_engine: Engine, tmp_path: Path) -> Desk:
    """For what does not depend on the database."""
    return Desk(sqlite_engine, tmp_path)
