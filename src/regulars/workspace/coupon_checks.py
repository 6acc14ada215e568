"""Warnings of `check` about emails that would show an expired coupon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from regulars.core.clock import words
from regulars.core.diagnostics import Diagnostic, Severity
from regulars.render.compile import Templates
from regulars.rules.coupon_ends import steps_after_end
from regulars.rules.model import Campaign, Rulebook, Step


def check(rulebook: Rulebook, templates: Templates) -> Iterator[Diagnostic]:
    """A warning for each step that is due after the code of its sequence has expired, in any variant."""
    for campaign in rulebook.campaigns.values():
        yield from dict.fromkeys(
            _late_step(rulebook, campaign, found)
            for form in campaign.forms
            for found in steps_after_end(form, templates.shows_coupon)
        )


def _late_step(rulebook: Rulebook, campaign: Campaign, found: tuple[Step, timedelta, timedelta]) -> Diagnostic:
    step, elapsed, valid = found
    return Diagnostic(
        "T022",
        f"`{step.email}` shows the coupon {words(elapsed)} after the client got it, and it holds {words(valid)}",
        rulebook.span("campaigns", campaign.name, *campaign.place_of(step.key), "email"),
        hint=f"`valid: {words(elapsed)}` or more; else the email is skipped as `offer-over`",
        severity=Severity.WARNING,
    )
