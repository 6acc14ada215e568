"""The gamma-gamma model of spend, and the customer lifetime value (CLV).

P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value" (2013); Fader, Hardie and Lee, "RFM and CLV"
(2005). A client's purchases scatter around an individual mean, and means differ between clients; the estimate shrinks
clients with little data towards the mean of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from regulars.knowledge.bgnbd import MIN_CLIENTS, BgNbd, CannotLearn, Histories, TooFewClients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

WEEKS_A_YEAR = 52.0
_STEP = 4.0
"""Weeks in a period of discounting."""


class NoFiniteMean(CannotLearn):
    """The fitted spend has no finite mean: that needs q > 1, and the expected spend would be negative."""


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """The three parameters of spend per purchase; the mean over all clients is finite only for q > 1."""

    p: float
    q: float
    v: float

    def expected_spend(self, x: Numbers, mean: Numbers) -> Numbers:
        """The expected mean spend of clients with `x` purchases of `mean` each; x = 0: of any client."""
        return np.asarray(self.p * (self.v + x * mean) / (self.p * x + self.q - 1.0), dtype=np.float64)


def fit(x: Numbers, mean: Numbers) -> GammaGamma:
    """The maximum likelihood parameters, from clients with a repeat purchase and a positive mean.

    Raises TooFewClients, and NoFiniteMean where a few clients spend so much more than the others that q ≤ 1.
    """
    known = (x > 0) & (mean > 0)
    x, mean = x[known], mean[known]
    if len(x) < MIN_CLIENTS:
        raise TooFewClients(f"learning needs {MIN_CLIENTS} clients who bought more than once for a known sum")
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
    """The expected discounted spend of each client within the next weeks, at `spend` per purchase.

    Computed in periods of four weeks, each discounted from its end.
    """
    ends = np.append(np.arange(_STEP, weeks, _STEP), weeks)
    total = np.zeros_like(spend)
    before = np.zeros_like(spend)
    for end in ends:
        after = buying.expected_purchases(people, float(end))
        total += (after - before) / (1.0 + yearly_discount) ** (end / WEEKS_A_YEAR)
        before = after
    return total * spend
