"""Statistics of tables that grow within one transaction."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, insert, text

from regulars.db.engine import write
from regulars.db.statistics import refresh_outgrown
from regulars.db.tables import customers

NOW = datetime(2026, 6, 10, tzinfo=UTC)
ROWS = 5000


def counted(connection: Connection) -> int:
    """How many clients PostgreSQL believes there are; -1 if it never counted."""
    return int(
        connection.execute(text("SELECT reltuples FROM pg_class WHERE oid = 'customers'::regclass")).scalar_one()
    )


def add(connection: Connection, first: int, last: int) -> None:
    """Adds clients with these numbers."""
    rows = [
        {"external_id": f"c-{n}", "email": f"c{n}@client.example", "bucket": n, "created_at": NOW, "updated_at": NOW}
        for n in range(first, last)
    ]
    connection.execute(insert(customers), rows)


def test_a_table_is_counted_in_the_transaction_that_fills_it(postgres_engine: Engine) -> None:
    with write(postgres_engine) as connection:
        add(connection, 0, ROWS)
        assert counted(connection) <= 0
        refresh_outgrown(connection)
        assert counted(connection) == ROWS
        add(connection, ROWS, ROWS + 10)
        refresh_outgrown(connection)
        assert counted(connection) == ROWS, "ten rows more are no reason to count again"
        add(connection, ROWS + 10, 3 * ROWS)
        refresh_outgrown(connection)
        assert counted(connection) == 3 * ROWS


def test_sqlite_is_left_alone(sqlite_engine: Engine) -> None:
    with write(sqlite_engine) as connection:
        refresh_outgrown(connection)
