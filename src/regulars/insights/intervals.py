"""How sure a share is: score intervals, which hold for small groups and for shares near 0 and 1.

E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), 209-212.
R. G. Newcombe, Interval estimation for the difference between independent proportions: comparison of eleven
methods, Statistics in Medicine 17 (1998), 873-890: the hybrid score interval, method 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

Z = 1.959963984540054
"""The quantile of the normal distribution that leaves 2.5 % on either side: intervals of 95 %."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, as shares of one."""

    low: float
    high: float


def wilson(hits: int, total: int, z: float = Z) -> Interval:
    """Where the share lies of which `hits` in `total` were seen; raises ValueError for an empty group."""
    if not 0 <= hits <= total or total == 0:
        raise ValueError(f"{hits} of {total} is not a share")
    share, square = hits / total, z * z
    middle = share + square / (2 * total)
    reach = z * sqrt((share * (1 - share) + square / (4 * total)) / total)
    whole = 1 + square / total
    return Interval(max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole))


def difference(hits: int, total: int, other_hits: int, other_total: int, z: float = Z) -> Interval:
    """Where the first share minus the second lies."""
    one, two = hits / total, other_hits / other_total
    first, second = wilson(hits, total, z), wilson(other_hits, other_total, z)
    below = sqrt((one - first.low) ** 2 + (second.high - two) ** 2)
    above = sqrt((first.high - one) ** 2 + (two - second.low) ** 2)
    return Interval(one - two - below, one - two + above)
