"""Where Alembic meets the database: on the connection and in the transaction that `db.upgrade.migrate` opened."""

from __future__ import annotations

from alembic import context

from regulars.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making a new one
)
with context.begin_transaction():
    context.run_migrations()
