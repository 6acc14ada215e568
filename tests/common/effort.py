"""How many examples Hypothesis tries where each is a database filled and read: a share of what the profile says."""

from __future__ import annotations

from hypothesis import settings


def share(of: int) -> int:
    """One `of`-th of the profile's examples, 5 at least; the profile is loaded before any test module."""
    return max(5, settings().max_examples // of)
