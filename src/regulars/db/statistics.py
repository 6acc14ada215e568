"""Keeps PostgreSQL's statistics in step with tables that grow within one transaction.

PostgreSQL plans a query by counts that autovacuum takes about once a minute. A table that was counted when it was empty
looks empty until then, and to the transaction that fills it for as long as that lasts: joins are planned as nested
loops over whole tables, which take hours at a million rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Table, text

from regulars.db.tables import metadata

_OUTGROWN = text("""
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY(:tables)
      AND relpages * 2 + 16 < pg_relation_size(oid) / current_setting('block_size')::bigint
""")

_NOT_SMALL = text("""
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY(:tables)
      AND pg_relation_size(oid) > 16 * current_setting('block_size')::bigint
""")


def refresh_outgrown(connection: Connection) -> None:
    """Counts each table that is more than twice as large as when it was last counted; on SQLite does nothing.

    The counts hold for the rest of the transaction. `ANALYZE` reads a sample: about 0.2 s for a table of any size.
    """
    if connection.dialect.name == "postgresql":
        for table in connection.scalars(_OUTGROWN, {"tables": sorted(metadata.tables)}).all():
            connection.exec_driver_sql(f'ANALYZE "{table}"')


def count_again(connection: Connection, tables: Iterable[Table]) -> None:
    """Counts these tables whatever was known of them, but for the smallest; on SQLite does nothing.

    For work on all of their rows: a table that was emptied and filled again is as large as before, and known as empty.
    """
    if connection.dialect.name == "postgresql":
        names = {"tables": [table.name for table in tables]}
        for table in connection.scalars(_NOT_SMALL, names).all():
            connection.exec_driver_sql(f'ANALYZE "{table}"')
