"""Emails of a sequence due after its coupon has expired: from the waits and the validity of the coupon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from regulars.rules.model import Campaign
from regulars.rules.offer import VALID, Coupon


def steps_after_end(campaign: Campaign, shows: Callable[[str], bool]) -> Iterator[tuple[int, timedelta, timedelta]]:
    """The steps whose email `shows` an expired coupon: index, time since the code was first shown, validity.

    A wait in working time counts with its minimum. Steps relative to the event are left out, and so are offers with an
    `until`: none of their emails is sent after it.
    """
    coupon = campaign.offer.coupon if campaign.offer is not None else None
    if coupon is None or coupon.until is not None or campaign.waves:
        return
    elapsed, first = timedelta(), None
    for index, step in enumerate(campaign.all_steps):
        elapsed += step.wait.span + timedelta(days=max(0, step.wait.days - 1))
        if step.at is not None or not shows(step.email):
            continue
        if first is None:
            first = elapsed
        elif elapsed - first > holds(coupon):
            yield index, elapsed - first, holds(coupon)


def holds(coupon: Coupon) -> timedelta:
    """The validity of the coupon's code, without the rest of its last day."""
    return coupon.valid or VALID
