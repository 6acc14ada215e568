"""One day of a small business, run with real processes on this machine."""
