"""Connections that the server has closed meanwhile."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, create_engine, text

from regulars.core.errors import EnvironmentFailed
from regulars.db import engine as store


def _cut_off(engine: Engine) -> None:
    """Ends every other connection to the database."""
    other = create_engine(engine.url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()


def _answers(engine: Engine) -> bool:
    with store.write(engine) as connection:
        return bool(connection.scalar(text("SELECT 1")) == 1)


def test_a_connection_that_lay_unused_is_replaced(postgres_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "UNUSED", -1.0)
    assert _answers(postgres_engine)
    _cut_off(postgres_engine)
    assert _answers(postgres_engine)


def test_one_that_was_just_in_use_fails_by_name_and_is_then_replaced(
    postgres_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "UNUSED", 3600.0)
    assert _answers(postgres_engine)
    _cut_off(postgres_engine)
    with pytest.raises(EnvironmentFailed, match="the database failed"):
        _answers(postgres_engine)
    assert _answers(postgres_engine)
