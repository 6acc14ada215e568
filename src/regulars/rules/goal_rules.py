"""Goals of campaigns, and which emails a goal that was reached is counted for.

`purchase within 14 days` is short for `{event: purchase, within: 14 days}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from regulars.core.clock import words
from regulars.rules.grammar import duration
from regulars.rules.phrase_types import Condition, Duration, EventName, Part, phrase

PURCHASE = "purchase"
AMOUNT = "amount"
CURRENCY = "currency"
"""The field of an event that names the currency of its value."""
_SHORT = re.compile(r"^\s*([a-z][\w.-]*)\s+within\s+(.+)$")
_EXAMPLE = "purchase within 14 days"
SHORT_PATTERN = r"^\s*[a-z][\w.-]*\s+within\s+\d+\s*(minute|hour|day|week|month|year)s?\s*$"


class Goal(Part):
    """What a client is to do after an email: an event, and the time within which it counts."""

    event: EventName = Field(description="The event; `purchase` is one")
    within: Duration = Field(description="How long after the email it counts")
    value: str | None = Field(
        default=None, description="The number field of the event that is added up; of a purchase, `amount`"
    )
    condition: Condition | None = Field(
        default=None, alias="if", description="Only events for which this is true; it asks about `event.FIELD` alone"
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        """The short form as keys."""
        if isinstance(data, (dict, Goal)):
            return data
        context = {"noun": "a goal", "example": _EXAMPLE, "said": ""}
        if not isinstance(data, str):
            raise PydanticCustomError("phrase", "expected {noun} such as `{example}`", context)
        try:
            event, within = short_goal(data)
        except ValueError as error:
            raise PydanticCustomError("phrase", "{said}", {**context, "said": str(error)}) from None
        return {"event": event, "within": within}

    @classmethod
    def parse(cls, text: str) -> Self:
        """The short form; raises ValueError for any other text."""
        event, within = short_goal(text)
        return cls(event=event, within=within)

    @property
    def counted(self) -> str | None:
        """The field that is added up; None where only the number counts."""
        return self.value or (AMOUNT if self.event == PURCHASE else None)

    def __str__(self) -> str:
        more = f" if {self.condition}" if self.condition else ""
        return f"{self.event} within {words(self.within)}{more}"


def short_goal(text: str) -> tuple[str, timedelta]:
    """The event and the time of `purchase within 14 days`; raises ValueError for any other text."""
    found = _SHORT.match(text)
    if not found:
        raise ValueError(f"`{text}` is not a goal such as `{_EXAMPLE}`")
    return found[1], duration(found[2])


def _listed(value: Any) -> Any:
    """One goal stands for a list of one."""
    return () if value is None else value if isinstance(value, (list, tuple)) else (value,)


def _as_written(goals: tuple[Goal, ...]) -> Any:
    """The stored form: one goal alone as the phrase that earlier versions stored, so that its digest stays."""
    written = [
        str(goal)
        if goal.value is None and goal.condition is None
        else goal.model_dump(mode="json", by_alias=True, exclude_none=True)
        for goal in goals
    ]
    return written if len(written) > 1 else written[0] if written else None


Goals = Annotated[tuple[Goal, ...], BeforeValidator(_listed), PlainSerializer(_as_written)]


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whether a goal counts for the last email before it, or for every campaign that wrote in time.

    `within` is the time for a purchase after emails of campaigns that name no goal.
    """

    rule: Literal["last email", "any"] = "last email"
    within: timedelta = timedelta(days=7)

    @classmethod
    def parse(cls, text: str) -> Attribution:
        found = re.match(r"^\s*(last\s+email|any)(?:\s+within\s+(.+?))?\s*$", text)
        if not found:
            raise ValueError(f"`{text}` is not a rule of attribution such as `last email within 7 days`")
        span = duration(found[2]) if found[2] else timedelta(days=7)
        if not span:
            raise ValueError("within no time at all nothing follows an email")
        return cls("any" if found[1] == "any" else "last email", span)

    def __str__(self) -> str:
        return f"{self.rule} within {words(self.within)}"


_at, _ats = phrase(
    Attribution.parse, (Attribution,), "a rule of attribution", "last email within 7 days",
    r"^\s*(last\s+email|any)(\s+within\s+[1-9]\d*\s*(minute|hour|day|week|month|year)s?)?\s*$",
)  # fmt: skip
AttributionPhrase = Annotated[Attribution, _at, _ats, PlainSerializer(str)]
