"""`purchase within 7 days`, `request.answered with same id within 2 working days`: what a sequence waits for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regulars.core.working import Wait
from regulars.rules import grammar

_SAME = r"\s+with\s+same\s+(?P<{}>\w+(?:\s+and\s+\w+)*)"
_FORM = re.compile(
    r"^\s*(?P<event>[a-z][\w.-]*)(?:" + _SAME.format("before") + r")?\s+within\s+(?P<limit>.+?)"
    r"(?:" + _SAME.format("behind") + r")?\s*$"
)
PATTERN = r"^\s*[a-z][\w.-]*(\s+with\s+same\s+.+)?\s+within\s+\d+\s*\w+.*$"


@dataclass(frozen=True, slots=True)
class Awaited:
    """An event, and how long a sequence waits for it; with `same`, only one with the same values of these fields."""

    event: str
    limit: Wait
    same: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Awaited:
        """Raises ValueError for anything else, and for a limit that is missing, zero or unreadable."""
        found = _FORM.match(text)
        if found is None:
            if re.match(r"^\s*[a-z][\w.-]*(?:\s+with\s+same\s+.*)?\s*$", text):
                raise ValueError(f"`{text}` does not say how long to wait: `{text.strip()} within 7 days`")
            raise ValueError(f"`{text}` is not an event to wait for such as `purchase within 7 days`")
        limit = grammar.wait(found["limit"])
        if not limit:
            raise ValueError(f"`{text}` waits for no time at all")
        same = found["before"] or found["behind"]
        return cls(found["event"], limit, tuple(re.split(r"\s+and\s+", same)) if same else ())

    def __str__(self) -> str:
        same = f" with same {' and '.join(self.same)}" if self.same else ""
        return f"{self.event}{same} within {self.limit}"
