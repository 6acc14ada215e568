"""The kinds of trigger: who becomes due by each, since when, and how to describe it."""
