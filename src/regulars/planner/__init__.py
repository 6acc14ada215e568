"""Who is due at `now`, written into the ledger by difference. Sends nothing."""
