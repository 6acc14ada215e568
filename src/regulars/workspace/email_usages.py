"""Which campaign sends which email, and the variables it has there: the input of `render.email_check`."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.render.email_check import Usage
from regulars.rules.fields import CUSTOMER
from regulars.rules.model import Campaign, Kind, Loc, Rulebook, Step
from regulars.rules.variants import Variant
from regulars.triggers.kinds import trigger_of


def usages(rulebook: Rulebook) -> Iterator[Usage]:
    """Every email of every campaign, in all its variants."""
    for campaign in rulebook.campaigns.values():
        for step in campaign.all_steps:
            yield _usage(campaign, campaign, step, (*campaign.place_of(step.key), "email"), rulebook)
        for index, variant in enumerate(campaign.variants):
            form = campaign.by_variant[variant.name]
            for step in form.all_steps:
                named = _place_in(variant, step)
                where = (*campaign.place_of(step.key), "email") if named is None else ("variants", index, *named)
                yield _usage(campaign, form, step, where, rulebook)


def _place_in(variant: Variant, step: Step) -> Loc | None:
    """The key of the variant that says which email the step sends; None where it leaves the campaign's."""
    if variant.words is not None:
        return ("words",)
    if isinstance(variant.email, str):
        return ("email",)
    return ("email", step.key) if variant.email is not None and step.key in variant.email else None


def _usage(campaign: Campaign, form: Campaign, step: Step, place: Loc, rulebook: Rulebook) -> Usage:
    subject = trigger_of(campaign).subject
    return Usage(
        email=step.email,
        campaign=campaign.name,
        span=rulebook.span("campaigns", campaign.name, *place),
        customer_fields={*CUSTOMER, *rulebook.fields},
        event=subject.event,
        event_fields=rulebook.events.get(subject.event) if subject.event else None,
        product=subject.product,
        holiday=subject.calendar_day,
        has_coupon=form.offer is not None,
        marketing=campaign.kind is Kind.MARKETING and campaign.to == "customer",
    )
