"""Warns about rules that use `p_alive` for clients with one purchase: in the model it is always 1 for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from regulars.audience.expression import Expression
from regulars.core.diagnostics import Diagnostic, Severity
from regulars.rules.loader import Loaded
from regulars.rules.model import Loc, Rulebook
from regulars.workspace.learned_fields import place_of

_ALIVE = "p_alive"
_TELLS_APART = frozenset({"purchases", "others_returned", "rhythm", "overdue", "stage"})
"""Fields by which a rule can distinguish one-time buyers from repeat buyers."""


def check(rulebook: Rulebook, conditions: Mapping[Loc, Expression], loaded: Loaded) -> Iterator[Diagnostic]:
    """A warning for each condition with `p_alive` in a campaign without a condition on the number of purchases."""
    for name in rulebook.campaigns:
        own = {loc: condition for loc, condition in conditions.items() if loc[:2] == ("campaigns", name)}
        for loc, condition in own.items():
            around = [condition, *(own[place] for place in own if place[2:] in (("when",), ("audience",)))]
            if _ALIVE not in condition.fields or any(_tells_apart(each) for each in around):
                continue
            yield Diagnostic(
                "A004",
                "after one purchase `customer.p_alive` is 1 for ever, however long ago that was",
                place_of(loaded, loc, _ALIVE),
                hint="of clients who bought once `customer.others_returned` tells: at 0.9, nine of ten who came back"
                " had come by then; or leave them out by `customer.purchases >= 2`",
                severity=Severity.WARNING,
            )


def _tells_apart(condition: Expression) -> bool:
    return bool(condition.fields & _TELLS_APART) or "purchase" in condition.events
