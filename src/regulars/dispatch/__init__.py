"""Takes ledger rows from claimed to settled."""
