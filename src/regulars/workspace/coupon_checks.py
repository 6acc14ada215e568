"""Warnings of `check` about emails that would show an expired coupon."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.core.clock import words
from regulars.core.diagnostics import Diagnostic, Severity
from regulars.render.compile import Templates
from regulars.rules.coupon_ends import steps_after_end
from regulars.rules.model import Rulebook


def check(rulebook: Rulebook, templates: Templates) -> Iterator[Diagnostic]:
    """A warning for each step that is due after the code of its sequence has expired."""
    for campaign in rulebook.campaigns.values():
        for step, elapsed, valid in steps_after_end(campaign, templates.shows_coupon):
            email = step.email
            yield Diagnostic(
                "T022",
                f"`{email}` shows the coupon {words(elapsed)} after the client got it, and it holds {words(valid)}",
                rulebook.span("campaigns", campaign.name, *campaign.place_of(step.key), "email"),
                hint=f"`valid: {words(elapsed)}` or more; else the email is skipped as `offer-over`",
                severity=Severity.WARNING,
            )
