"""The range in which the parameters of BG/NBD are searched, and what a fit at its edge means. Needs no numpy.

The logarithm of each parameter is searched from -8 to 8, with time in units that make the oldest client 10 old. A fit
at the edge is a corner solution: the best parameters lie outside, for example where nobody is ever lost.
"""

from __future__ import annotations

from math import log

EDGE = 8.0
_NEAR_EDGE = 7.9
_OLDEST = 10.0
"""The age of the oldest client in the unit of the search."""


def unit_of(oldest_weeks: float) -> float:
    """Weeks in one unit of time of the search, by the age of the oldest client."""
    return oldest_weeks / _OLDEST


def corner(r: float, alpha: float, a: float, b: float, unit: float) -> tuple[str, ...]:
    """The parameters at the edge by name; `alpha` in weeks."""
    named = (("r", r), ("alpha", alpha / unit), ("a", a), ("b", b))
    return tuple(name for name, value in named if abs(log(value)) > _NEAR_EDGE)


def corner_note(names: tuple[str, ...], a: float, b: float) -> str | None:
    """A sentence about the meaning of a fit at the edge for `p_alive`; None where no parameter is there."""
    if not names:
        return None
    lost = a / (a + b)
    what = f"a client is lost after {lost:.0%} of purchases" if lost > 0.005 else "hardly any client is ever lost"
    return (
        f"How clients buy was learned at the edge of what is searched ({', '.join(names)}): by this model {what}, and"
        " more extreme numbers would fit as well. Take p_alive and clv with care."
    )
