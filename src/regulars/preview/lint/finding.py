"""One finding of `lint`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How surely it is a mistake."""

    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is the stable name of what was looked at; `place` names the campaign, email, language or file."""

    check: str
    place: str
    message: str
    advice: str
    level: Level = Level.WARNING

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "check": self.check, "place": self.place, "message": self.message, "advice": self.advice,
            "level": str(self.level),
        }  # fmt: skip
