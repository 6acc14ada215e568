"""What a client spends, and what a client is worth: the gamma-gamma model of spend and the value over time.

P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value" (2013); Fader, Hardie and Lee, "RFM and CLV"
(2005). A client's purchases scatter around a mean of their own, and means differ between clients; the estimate draws
those of whom little is known towards all the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from regulars.knowledge.bgnbd import FEWEST, BgNbd, CannotLearn, Histories, TooFewClients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

WEEKS_A_YEAR = 52.0
_STEP = 4.0
"""Weeks in a period of discounting."""


class NoFiniteMean(CannotLearn):
    """The spend of clients has no mean in this model: it takes q > 1, and what is expected would be below zero."""


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """The three parameters of spend per purchase; the mean over all clients is finite for q > 1 alone."""

    p: float
    q: float
    v: float

    def expected_spend(self, x: Numbers, mean: Numbers) -> Numbers:
        """The mean spend expected of clients of `x` purchases that came to `mean` each; x = 0: that of anybody."""
        return np.asarray(self.p * (self.v + x * mean) / (self.p * x + self.q - 1.0), dtype=np.float64)


def fit(x: Numbers, mean: Numbers) -> GammaGamma:
    """The most likely parameters, from clients with a repeat purchase and a positive mean.

    Raises TooFewClients, and NoFiniteMean where a few spend so much more than all others that q is not above 1.
    """
    known = (x > 0) & (mean > 0)
    x, mean = x[known], mean[known]
    if len(x) < FEWEST:
        raise TooFewClients(f"learning needs {FEWEST} clients who bought more than once for a known sum")
    scale = float(np.mean(mean))
    scaled = mean / scale

    def cost(logs: Numbers) -> float:
        p, q, v = np.exp(logs).tolist()
        found = (
            gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
            + (p * x - 1.0) * np.log(scaled) + p * x * np.log(x) - (p * x + q) * np.log(v + scaled * x)
        )  # fmt: skip
        return -float(np.mean(found))

    found = minimize(cost, np.log([4.0, 4.0, 1.0]), method="L-BFGS-B", bounds=[(-6.0, 8.0)] * 3,
                     options={"ftol": 1e-14, "gtol": 1e-9})  # fmt: skip
    p, q, v = np.exp(found.x).tolist()
    if q <= 1.0:
        raise NoFiniteMean(
            f"a few spend so much more than all others that the model has no mean (q = {q:.2f}, it takes more than 1)"
        )
    return GammaGamma(p, q, v * scale)


def clv(
    buying: BgNbd, spend: Numbers, people: Histories, *, weeks: float = WEEKS_A_YEAR, yearly_discount: float = 0.1
) -> Numbers:
    """What each client, who spends `spend` a time, is expected to spend within the next weeks, in money of today.

    Counted in periods of four weeks, each discounted from its end.
    """
    ends = np.append(np.arange(_STEP, weeks, _STEP), weeks)
    total = np.zeros_like(spend)
    before = np.zeros_like(spend)
    for end in ends:
        after = buying.expected_purchases(people, float(end))
        total += (after - before) / (1.0 + yearly_discount) ** (end / WEEKS_A_YEAR)
        before = after
    return total * spend
