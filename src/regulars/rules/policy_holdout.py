"""The global holdout: a share of all mailboxes that get no marketing at all, to measure all campaigns together."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, model_validator

from regulars.core.diagnostics import Severity
from regulars.core.ids import SHARES
from regulars.rules.goal_rules import SHORT_PATTERN, Goal
from regulars.rules.phrase_types import Part, Share, phrase
from regulars.rules.rule_test_reader import undeclared_event
from regulars.rules.tree import Entries, Loc, Scalar, find
from regulars.rules.validation_messages import ValidationMessages

LARGE = SHARES // 5
"""A share beyond which the check asks whether it is meant."""
_g, _gs = phrase(Goal.parse, (Goal,), "a goal", "purchase within 30 days", SHORT_PATTERN)
_GoalPhrase = Annotated[Goal, _g, _gs, PlainSerializer(str)]


class GlobalHoldout(Part):
    """Who gets no marketing; `5%` is short for `{share: 5%}`."""

    share: Share = Field(description="The share of all mailboxes")
    goal: _GoalPhrase = Field(
        default=Goal(event="purchase", within=timedelta(days=30)),
        description="What clients are to do, and the time after the draw within which it counts",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return data if isinstance(data, (dict, GlobalHoldout)) else {"share": data}


def check(root: Entries, messages: ValidationMessages, holdout: GlobalHoldout | None, events: Collection[str]) -> None:
    """A fault for a goal that does not exist, and a warning for a share that is perhaps a mistake."""
    loc: Loc = ("policy", "holdout")
    if holdout is not None and holdout.goal.event not in events:
        undeclared_event(messages, (*loc, "goal"), holdout.goal.event, dict.fromkeys(events))
    if holdout is None or holdout.share <= LARGE:
        return
    node = find(root, loc)
    place: Loc = (*loc, "share") if isinstance(node, Entries) else loc
    written = find(root, place)
    text = written.text if isinstance(written, Scalar) else f"{holdout.share / 100:g}%"
    message = f"`{text}` of all mailboxes get no marketing at all, from any campaign"
    messages.add("R124", message, place, hint="5% is much already", severity=Severity.WARNING)
