"""Bulk import of CSV and JSON Lines: streaming, idempotent, every bad row named and the rest written."""
