"""The exception for a refused cell, with a reason and, where possible, a hint."""

from __future__ import annotations


class Refused(ValueError):
    """The value is invalid for its column."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class TwoWays(Refused):
    """The number can be read with either decimal mark; the other cells of its column may decide."""
