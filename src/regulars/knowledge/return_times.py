"""The time until clients buy again: the share of returning clients by day.

The Kaplan–Meier estimate (1958): clients who have not bought again count as censored, so that short gaps, which are
known first, do not weigh too much. It is divided by its last value, the share of clients who are ever observed to
buy again.
"""

from __future__ import annotations

from collections.abc import Mapping

MIN_RETURNS = 50
"""Minimum number of returns; with fewer the shares would be noise."""
_STEPS = 100
"""Number of distinct shares."""


def shares_returned(returned: Mapping[int, int], waiting: Mapping[int, int]) -> list[tuple[int, float]]:
    """Days after a purchase and the share of returns by then, both ascending from (0, 0.0); empty for too few returns.

    `returned` has the number of purchases by the whole days until the client's next one, `waiting` of those without a
    next one by the days that have passed. A return takes at least one day.
    """
    if sum(returned.values()) < MIN_RETURNS:
        return []
    at_risk = sum(returned.values()) + sum(waiting.values())
    away, curve = 1.0, []
    for day in sorted({*returned, *waiting}):
        again = returned.get(day, 0)
        if again:
            away *= 1.0 - again / at_risk
            curve.append((day, 1.0 - away))
        at_risk -= again + waiting.get(day, 0)
    ever, found = curve[-1][1], [(0, 0.0)]
    for day, share in curve:
        if round(share / ever * _STEPS) > round(found[-1][1] * _STEPS):
            found.append((day, share / ever))
    return found
