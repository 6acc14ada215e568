"""Writes what is due at `now` and missing into the ledger. Sends nothing."""
