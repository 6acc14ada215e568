"""One day of a small business, played for real on this machine."""
