"""An email as a client would get it; the ledger does not notice."""
