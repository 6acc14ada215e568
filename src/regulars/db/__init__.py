"""Tables, types, transactions and migrations, for SQLite and PostgreSQL. Takes no business decision."""
