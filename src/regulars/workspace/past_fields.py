"""Fields that `backfill: since DAY` cannot evaluate as of an earlier day: `check` names them and the value used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from regulars.audience.expression import Expression
from regulars.core.diagnostics import Diagnostic, Severity
from regulars.rules.fields import CLIENT_FIELDS, Origin
from regulars.rules.loader import Loaded
from regulars.rules.model import Campaign, Loc, Rulebook
from regulars.triggers.kinds import trigger_of
from regulars.workspace.learned_fields import LEARNED_FIELDS, place_of

_UNCHANGING = frozenset({"external_id", "birthday", "created_at"})
"""Fields of clients that are stated once."""


def check(rulebook: Rulebook, conditions: Mapping[Loc, Expression], loaded: Loaded) -> Iterator[Diagnostic]:
    """A warning for each field of a state or value without stored history."""
    for campaign in rulebook.campaigns.values():
        if campaign.backfill.since is None or trigger_of(campaign).condition is None:
            continue
        for loc in _asked(campaign):
            expression = conditions.get(loc)
            for name in sorted(expression.fields if expression else ()):
                if without_a_past(name):
                    yield Diagnostic(
                        "A003",
                        f"what `customer.{name}` was before is not kept: `backfill: {campaign.backfill}` takes it as it"
                        " is when the rule comes into force",
                        place_of(loaded, loc, name),
                        hint="what is made of events and purchases is asked as of each day: `did`, `count`, `last`,"
                        " `customer.purchases` and the like",
                        severity=Severity.WARNING,
                    )


def without_a_past(name: str) -> bool:
    """Whether only the present value of a client's field is stored, as for the workspace's own fields."""
    field = CLIENT_FIELDS.get(name)
    if field is None or name in LEARNED_FIELDS:
        return True
    return field.origin in (Origin.COLUMN, Origin.MANAGER, Origin.LEARNED) and name not in _UNCHANGING


def _asked(campaign: Campaign) -> tuple[Loc, ...]:
    loc: Loc = ("campaigns", campaign.name)
    return (*loc, campaign.trigger_key), (*loc, "audience")
