"""Phrases about returned emails: `bounces` of the company, `soft_bounces` of the policy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from regulars.core.clock import words
from regulars.core.return_path import LONGEST, PLACE, TOKEN_LENGTH, UNSUBSCRIBE, ReturnPath
from regulars.rules.grammar import duration
from regulars.rules.sender import split

_MOST = 100
"""The longest history of emails that a policy may look at."""
_WRITTEN = re.compile(r"^\s*(\d+)\s+of\s+(?:the\s+)?last\s+(\d+)(?:\s+within\s+(.+?))?\s*$")
_SEPARATORS = "+-=._"


@dataclass(frozen=True, slots=True)
class SoftBounces:
    """An address is suppressed once `count` of its last `of` emails within the time came back; never for a count of 0.

    Only the emails of the last `within` count, so that old trouble is forgotten.
    """

    count: int = 3
    of: int = 5
    within: timedelta = timedelta(days=30)

    @classmethod
    def parse(cls, text: str) -> SoftBounces:
        if text.strip() == "never":
            return cls(count=0)
        found = _WRITTEN.match(text)
        if not found:
            raise ValueError(f"`{text}` does not say how many of the last emails, as `3 of the last 5` does")
        count, of = int(found[1]), int(found[2])
        if not 1 <= count <= of <= _MOST:
            raise ValueError(f"`{text}` counts {count} of {of}: the first is at least 1, the second at most {_MOST}")
        return cls(count, of, duration(found[3])) if found[3] else cls(count, of)

    def __str__(self) -> str:
        return f"{self.count} of the last {self.of} within {words(self.within)}" if self.count else "never"


def return_path(text: str) -> str:
    """The pattern of return paths as written; raises ValueError for one that no server would take."""
    pattern = text.strip()
    local, _, _ = pattern.rpartition("@")
    before, place, after = local.partition(PLACE)
    if place and after:
        raise ValueError(f"`{PLACE}` stands last before the `@`, as in `bounces-{PLACE}@studio.example`")
    if place and before and before[-1] not in _SEPARATORS:
        allowed = " ".join(f"`{each}`" for each in _SEPARATORS)
        raise ValueError(f"a separator stands before `{PLACE}`: one of {allowed}")
    name, address = split(pattern.replace(PLACE, "0"))
    if name or not address.isascii():
        raise ValueError(f"`{text}` is not an ASCII address alone such as `bounces@studio.example`")
    own = LONGEST - len(UNSUBSCRIBE) - TOKEN_LENGTH
    if len(ReturnPath.parse(pattern).before) > own:
        raise ValueError(f"before the token there is room for {own} characters, the separator among them")
    return pattern
