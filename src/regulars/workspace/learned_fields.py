"""Rules that use fields of `regulars learn`: `check` warns about them where the extra `learn` is not installed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from regulars.audience.expression import Expression
from regulars.core import extras
from regulars.core.diagnostics import Diagnostic, Severity, Span
from regulars.render.compile import Templates
from regulars.rules.loader import Loaded
from regulars.rules.model import Loc, Rulebook
from regulars.rules.tree import Scalar, find

_NEVER_KNOWN = "`{}` has no value here: nothing is learned without the extra `learn`"
_DECLARED_ONLY = "`{}` comes from declared sequences only: nothing is learned without the extra `learn`"
LEARNED_FIELDS: Mapping[str, str] = {
    "clv": _NEVER_KNOWN,
    "p_alive": _NEVER_KNOWN,
    "others_returned": _NEVER_KNOWN,
    "next_product": _DECLARED_ONLY,
    "next_product_at": _DECLARED_ONLY,
}
"""Fields of clients that `regulars learn` computes, and their values without it."""


def check(
    rulebook: Rulebook, conditions: Mapping[Loc, Expression], templates: Templates, loaded: Loaded
) -> list[Diagnostic]:
    """A warning for each place that reads a learned field; none where the extra `learn` is installed."""
    if extras.is_installed("learn"):
        return []
    return [*_in_conditions(conditions, loaded), *_in_dates(rulebook, loaded), *_in_emails(rulebook, templates)]


def _in_conditions(conditions: Mapping[Loc, Expression], loaded: Loaded) -> Iterator[Diagnostic]:
    for loc, expression in conditions.items():
        for name in sorted(expression.fields & LEARNED_FIELDS.keys()):
            yield _warning(name, place_of(loaded, loc, name))


def _in_dates(rulebook: Rulebook, loaded: Loaded) -> Iterator[Diagnostic]:
    """`every: year since customer.next_product_at`."""
    for campaign in rulebook.campaigns.values():
        if campaign.every is not None and campaign.every.field in LEARNED_FIELDS:
            loc: Loc = ("campaigns", campaign.name, "every")
            yield _warning(campaign.every.field, place_of(loaded, loc, campaign.every.field))


def _in_emails(rulebook: Rulebook, templates: Templates) -> Iterator[Diagnostic]:
    """One warning for each step whose email uses a learned field, at the place where the rule names the email."""
    for campaign in rulebook.campaigns.values():
        for step in campaign.all_steps:
            emails = dict.fromkeys(
                [step.email, *(form.step(step.key).email for form in campaign.forms if form.has(step.key))]
            )
            for email in emails:
                for name in sorted((templates.reads(email) or frozenset()) & LEARNED_FIELDS.keys()):
                    span = rulebook.span("campaigns", campaign.name, *campaign.place_of(step.key), "email")
                    yield _warning(name, span, f"in the email `{email}`, ")


def place_of(loaded: Loaded, loc: Loc, name: str) -> Span | None:
    """Where the scalar at `loc` names the field."""
    node = find(loaded.root, loc)
    if not isinstance(node, Scalar):
        return None
    found = re.search(rf"\bcustomer\s*\.\s*({name})\b", node.text)
    return node.part(found.start(1), len(name)) if found else node.span


def _warning(name: str, span: Span | None, where: str = "") -> Diagnostic:
    message = where + LEARNED_FIELDS[name].format(f"customer.{name}")
    return Diagnostic("A002", message, span, hint=extras.command("learn"), severity=Severity.WARNING)
