"""Offices on both databases, closed at the end of the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import Engine

from tests.dispatch.office import Office


class Open(Protocol):
    """Opens an office that sends by the server at the URL."""

    def __call__(self, smtp_url: str, **environment: str) -> Office: ...


@pytest.fixture
def open_office(engine: Engine, tmp_path: Path) -> Iterator[Open]:
    """An office on an empty database, SQLite and PostgreSQL in turn; the workspace is in `root`."""
    opened: list[Office] = []

    def open_one(smtp_url: str, **environment: str) -> Office:
        opened.append(Office(engine, tmp_path / "workspace", smtp_url, **environment))
        return opened[-1]

    yield open_one
    for office in opened:
        office.close()
