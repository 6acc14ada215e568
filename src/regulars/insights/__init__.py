"""How did it go: what became of every promise, and what the emails changed."""
