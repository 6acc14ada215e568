"""Emails of a sequence due after its coupon has expired: from the waits and the validity of the coupon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from regulars.core.working import Wait
from regulars.rules.model import Campaign
from regulars.rules.offer import VALID, Coupon
from regulars.rules.route import Node
from regulars.rules.steps import Split, Start, Step, WaitFor


def steps_after_end(campaign: Campaign, shows: Callable[[str], bool]) -> Iterator[tuple[Step, timedelta, timedelta]]:
    """The steps whose email `shows` an expired coupon: the step, time since the code was first shown, validity.

    Of several ways to a step the longest counts; a wait in working time counts with its minimum. Steps relative to the
    event are left out, and so are offers with an `until`: none of their emails is sent after it.
    """
    coupon = campaign.offer.coupon if campaign.offer is not None else None
    if coupon is None or coupon.until is not None or campaign.waves:
        return
    since: dict[str, timedelta | None] = {}
    """By step, the time from the first email with the code to its end."""
    for key, stop in campaign.route.stops.items():
        ways = [known for edge in campaign.route.before[key] if (known := since[edge.key]) is not None]
        elapsed = max(ways) + _least(stop.item) if ways else None
        if isinstance(stop.item, Step) and stop.item.at is None and shows(stop.item.email):
            if elapsed is None:
                elapsed = timedelta()
            elif elapsed > holds(coupon):
                yield stop.item, elapsed, holds(coupon)
        since[key] = elapsed


def _least(item: Node) -> timedelta:
    """The wait of a step without what lies between working days; of `wait_for` its limit."""
    wait = (
        item.wait_for.limit if isinstance(item, WaitFor) else Wait() if isinstance(item, Start | Split) else item.wait
    )
    return wait.span + timedelta(days=max(0, wait.days - 1))


def holds(coupon: Coupon) -> timedelta:
    """The validity of the coupon's code, without the rest of its last day."""
    return coupon.valid or VALID
