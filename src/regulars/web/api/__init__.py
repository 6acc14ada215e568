"""`/api` and `/hooks`: the interface for other programs."""
