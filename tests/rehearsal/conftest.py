"""The rehearsal room's bench on both databases, and a workspace with real emails."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.common.bench import Bench


@pytest.fixture
def bench(engine: Engine) -> Bench:
    """A planner on an empty database, SQLite and PostgreSQL in turn."""
    return Bench(engine)
