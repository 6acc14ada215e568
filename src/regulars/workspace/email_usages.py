"""Which campaign sends which email, and the variables it has there: the input of `render.email_check`."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.render.email_check import Usage
from regulars.rules.fields import CUSTOMER
from regulars.rules.model import Campaign, Kind, Rulebook
from regulars.triggers.kinds import trigger_of


def usages(rulebook: Rulebook) -> Iterator[Usage]:
    """Every email of every campaign."""
    for campaign in rulebook.campaigns.values():
        yield from _of(campaign, rulebook)


def _of(campaign: Campaign, rulebook: Rulebook) -> Iterator[Usage]:
    subject = trigger_of(campaign).subject
    for step in campaign.all_steps:
        yield Usage(
            email=step.email,
            campaign=campaign.name,
            span=rulebook.span("campaigns", campaign.name, *campaign.place_of(step.key), "email"),
            customer_fields={*CUSTOMER, *rulebook.fields},
            event=subject.event,
            event_fields=rulebook.events.get(subject.event) if subject.event else None,
            product=subject.product,
            holiday=subject.calendar_day,
            has_coupon=campaign.offer is not None,
            marketing=campaign.kind is Kind.MARKETING and campaign.to == "customer",
        )
