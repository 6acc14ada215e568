"""What stops a campaign by itself: guards, and the canary that goes first.

`none` in a campaign switches off what the policy says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field, PlainSerializer

from regulars.core.clock import words
from regulars.rules.grammar import duration
from regulars.rules.phrase_types import Part, phrase

NONE = "none"
LEAST_USUAL = 50
"""What is usual is at least this: a campaign of a few emails a week may double."""


@dataclass(frozen=True, slots=True)
class Volume:
    """How many times as many as usual may become due on one day; 0 for any number."""

    factor: float = 0

    @classmethod
    def parse(cls, text: str) -> Volume:
        found = re.match(r"^\s*(\d+(?:\.\d+)?)\s*x\s+usual\s*$", text)
        if text.strip() != NONE and (not found or float(found[1]) <= 1):
            raise ValueError(f"`{text}` is not a volume above the usual such as `3x usual`, nor `none`")
        return cls(float(found[1]) if found else 0)

    def __bool__(self) -> bool:
        return self.factor > 0

    def __str__(self) -> str:
        return f"{self.factor:g}x usual" if self else NONE


@dataclass(frozen=True, slots=True)
class Rate:
    """More than this share of the last `count` emails; `share` is in hundredths of a percent. 0 for any share."""

    share: int = 0
    count: int = 0

    @classmethod
    def parse(cls, text: str) -> Rate:
        found = re.match(r"^\s*(\d{1,2}(?:\.\d{1,2})?)\s*%\s+of\s+([1-9]\d{0,6})\s*$", text)
        share = round(float(found[1]) * 100) if found else 0
        if text.strip() != NONE and not share:
            raise ValueError(f"`{text}` is not a share of the last emails such as `5% of 200`, nor `none`")
        return cls(share, int(found[2]) if found else 0)

    def exceeded(self, bad: int, tried: int) -> bool:
        """Whether so many of those tried are too many; where fewer were tried than `count`, of `count`."""
        return bool(self) and bad * 10_000 > self.share * max(self.count, tried)

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        return f"{self.share / 100:g}% of {self.count}" if self else NONE


@dataclass(frozen=True, slots=True)
class Canary:
    """How many emails of a new or changed rule go first, and how long the rest waits; 0 for no canary."""

    size: int = 0
    wait: timedelta = timedelta()

    @classmethod
    def parse(cls, text: str) -> Canary:
        found = re.match(r"^\s*([1-9]\d{0,5})\s*,?\s+then\s+wait\s+(.+?)\s*$", text)
        if text.strip() != NONE and not found:
            raise ValueError(f"`{text}` is not a canary such as `50, then wait 30 minutes`, nor `none`")
        return cls(int(found[1]), duration(found[2])) if found else cls()

    def __bool__(self) -> bool:
        return self.size > 0

    def __str__(self) -> str:
        return f"{self.size}, then wait {words(self.wait)}" if self else NONE


_V, _VS = phrase(
    Volume.parse,
    (Volume,),
    "a volume above the usual",
    "3x usual",
    r"^\s*((1\.\d*[1-9]\d*|([2-9]|[1-9]\d+)(\.\d+)?)\s*x\s+usual|none)\s*$",
)
_R, _RS = phrase(
    Rate.parse, (Rate,), "a share of the last emails", "5% of 200",
    r"^\s*(\d{1,2}(\.\d{1,2})?\s*%\s+of\s+[1-9]\d{0,6}|none)\s*$",
)  # fmt: skip
_C, _CS = phrase(
    Canary.parse, (Canary,), "a canary", "50, then wait 30 minutes",
    r"^\s*([1-9]\d{0,5}\s*,?\s+then\s+wait\s+\d+\s*(minute|hour|day|week|month|year)s?|none)\s*$",
)  # fmt: skip
VolumePhrase = Annotated[Volume, _V, _VS, PlainSerializer(str)]
RatePhrase = Annotated[Rate, _R, _RS, PlainSerializer(str)]
CanaryPhrase = Annotated[Canary, _C, _CS, PlainSerializer(str)]

RATES = ("bounces", "complaints", "failures", "render_errors")
"""The guards that are shares of the last emails."""


class Rates(Part):
    """Shares of the last emails above which they stop."""

    bounces: RatePhrase | None = Field(default=None, description="Emails that come back")
    complaints: RatePhrase | None = Field(default=None, description="Emails reported as spam")
    failures: RatePhrase | None = Field(default=None, description="Emails that the server refuses for good")
    render_errors: RatePhrase | None = Field(default=None, description="Emails that cannot be rendered")


class Guard(Rates):
    """When a campaign stops by itself."""

    volume: VolumePhrase | None = Field(
        default=None, description="Emails due on one day, against the median of the last 8 equal weekdays (at least 50)"
    )


class PolicyGuard(Guard):
    """When any campaign stops by itself; and a lane, by all its emails together."""

    lane: Rates | None = Field(default=None, description="The same shares for all emails of a lane together")
