"""Bulk import of CSV and JSON Lines: streaming, idempotent; faulty rows are reported, the rest written."""
