"""Ledger rows from claimed to settled."""
