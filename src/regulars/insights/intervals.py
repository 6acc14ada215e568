"""Confidence intervals of shares: score intervals, valid for small groups and for shares near 0 and 1.

E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), 209-212.
R. G. Newcombe, Interval estimation for the difference between independent proportions: comparison of eleven
methods, Statistics in Medicine 17 (1998), 873-890: the hybrid score interval, method 10.

Such an interval is valid at a sample size fixed in advance. Looking every day and stopping at the first one that
excludes 0 finds a false effect in every third or fourth experiment. A confidence sequence is valid at all sizes at
once, and so at any stopping time:

S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences,
Annals of Statistics 49 (2021), 1055-1080: the two-sided normal mixture, equation 14.
I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, Time-uniform central limit theory and asymptotic
confidence sequences, Annals of Statistics 52 (2024), 2613-2640: why it holds for means such as shares.
R. Johari, P. Koomen, L. Pekelis, D. Walsh, Peeking at A/B tests, KDD 2017, 1517-1525: the same for two groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

Z = 1.959963984540054
"""The quantile of the normal distribution that leaves 2.5 % on either side: intervals of 95 %."""
ERROR = 0.05
"""How often an interval of 95 % may be wrong."""
EFFECT = 0.2
"""The spread of effects for which the confidence sequence is narrow, in standard deviations of one client's outcome:
4 points where 4 % reach the goal, 10 points where half do. It holds for all others too."""


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


def always_valid_difference(
    hits: int, total: int, other_hits: int, other_total: int, *, error: float = ERROR
) -> Interval:
    """The interval of the first share minus the second, valid at every look while the groups grow.

    It is wrong with a chance of `error` at most: smaller where several intervals are to hold together.
    """
    return difference(hits, total, other_hits, other_total, always_valid_z(total, other_total, error))


def always_valid_z(total: int, other_total: int, error: float = ERROR) -> float:
    """The always-valid number of standard errors of a difference of two shares, for groups of these sizes.

    The difference divided by its variance is a Brownian motion in the information of the two groups. The normal
    mixture bounds that of a spread of `EFFECT` at all sizes at once.
    """
    information = EFFECT**2 * total * other_total / (total + other_total)
    return sqrt((1 + 1 / information) * log((1 + information) / error**2))


def always_valid_mean_difference(
    gain: float, variance: float, total: int, other_variance: float, other_total: int, pooled: float
) -> Interval:
    """The interval of a difference of two means, `gain`, valid at every look: an asymptotic confidence sequence.

    `variance` is that of one observation, `pooled` that of both groups together, which makes the scale of `EFFECT`.
    """
    squared_error = variance / total + other_variance / other_total
    if squared_error <= 0:
        return Interval(gain, gain)
    information = EFFECT**2 * pooled / squared_error
    reach = sqrt(squared_error * (1 + 1 / information) * log((1 + information) / ERROR**2))
    return Interval(gain - reach, gain + reach)
