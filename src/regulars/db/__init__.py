"""Tables, types, transactions and migrations, alike on SQLite and PostgreSQL. Decides nothing about the business."""
