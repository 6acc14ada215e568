"""Reports: the outcome of every promise, and the effect of the emails."""
