"""The one way in which a cell is refused: with a reason, and where there is one, with what to do."""

from __future__ import annotations


class Refused(ValueError):
    """This value cannot be what its column says it is."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
