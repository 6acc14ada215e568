"""An email as a client would get it, without writing to the ledger."""
