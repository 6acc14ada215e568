"""The BG/NBD model of repeat purchases: who still buys, and how often.

P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD
Model", Marketing Science 24 (2005). While alive a client buys at random at an individual rate (gamma over clients),
and after each purchase may be lost permanently (with an individual probability, beta over clients). Time is in weeks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

from regulars.knowledge.search_range import EDGE, corner, unit_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

MIN_CLIENTS = 50
"""Minimum number of clients with a repeat purchase; with fewer, four parameters would be fitted to noise."""


class CannotLearn(ValueError):
    """The model cannot be learned from this history; the message says why."""


class TooFewClients(CannotLearn):
    """There are too few clients to learn from."""


@dataclass(frozen=True, slots=True)
class Histories:
    """One entry per client: repeat purchases `x`, age `t_x` at the last of them and age `age` now, in weeks."""

    x: Numbers
    t_x: Numbers
    age: Numbers

    @classmethod
    def of(cls, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Histories:
        """Checked arrays; raises ValueError for different lengths and impossible times."""
        found = cls(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (x, t_x, age)))
        if not found.x.shape == found.t_x.shape == found.age.shape:
            raise ValueError("the three columns have different lengths")
        if np.any((found.x < 0) | (found.t_x < 0) | (found.t_x > found.age) | ((found.x == 0) & (found.t_x > 0))):
            raise ValueError("a client's times do not fit: 0 <= t_x <= age, and t_x is 0 without a repeat purchase")
        return found


@dataclass(frozen=True, slots=True)
class BgNbd:
    """The four parameters: `r`, `alpha` of the purchase rate, `a`, `b` of the dropout probability.

    `corner` names parameters at the edge of the search range: the optimum lies outside.
    """

    r: float
    alpha: float
    a: float
    b: float
    corner: tuple[str, ...] = field(default=(), compare=False)

    def log_likelihood(self, people: Histories) -> float:
        """The log-likelihood of these histories."""
        return float(np.sum(_log_likelihoods(self, people)))

    def p_alive(self, people: Histories) -> Numbers:
        """The probability that each client is still active; in this model 1 without a repeat purchase."""
        x, t_x, age = people.x, people.t_x, people.age
        log_odds = (self.r + x) * np.log((self.alpha + age) / (self.alpha + t_x))
        lost = self.a / (self.b + np.maximum(x, 1.0) - 1.0) * np.exp(np.minimum(log_odds, 700.0))
        return np.where(x > 0, 1.0 / (1.0 + lost), 1.0)

    def expected_purchases(self, people: Histories, weeks: float) -> Numbers:
        """How many purchases each client is expected to make within the next weeks."""
        x, age = people.x, people.age
        first, second, third = self.r + x, self.b + x, self.a + self.b + x - 1.0
        z = weeks / (self.alpha + age + weeks)
        shrink = ((self.alpha + age) / (self.alpha + age + weeks)) ** first
        numerator = third / (self.a - 1.0) * (1.0 - shrink * hyp2f1(first, second, third, z))
        # a = 1 is a removable gap in the formula; a fit never hits it exactly.
        return np.asarray(numerator * self.p_alive(people), dtype=np.float64)


def fit(people: Histories) -> BgNbd:
    """The maximum likelihood parameters; raises TooFewClients.

    Clients with equal histories are grouped and weighted by their number, for speed.
    """
    if int(np.count_nonzero(people.x)) < MIN_CLIENTS:
        raise TooFewClients(f"learning needs {MIN_CLIENTS} clients who bought more than once")
    rows, counts = np.unique(np.column_stack([people.x, people.t_x, people.age]), axis=0, return_counts=True)
    # The unit of time changes only alpha; with ages around one the search is well conditioned.
    scale = unit_of(float(np.max(people.age)))
    scaled = Histories(rows[:, 0], rows[:, 1] / scale, rows[:, 2] / scale)
    weights = counts / counts.sum()

    def cost(logs: Numbers) -> float:
        return -float(np.sum(weights * _log_likelihoods(BgNbd(*np.exp(logs).tolist()), scaled)))

    starts = [np.log([0.5, 1.0, 0.8, 2.0]), np.log([1.0, 0.3, 0.3, 3.0])]
    bounds = [(-EDGE, EDGE)] * 4
    tries = [minimize(cost, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-8})
             for start in starts]  # fmt: skip
    best = min(tries, key=lambda one: float(one.fun))
    r, alpha, a, b = np.exp(best.x).tolist()
    return BgNbd(r, alpha * scale, a, b, corner(r, alpha * scale, a, b, scale))


def _log_likelihoods(model: BgNbd, people: Histories) -> Numbers:
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    x, t_x, age = people.x, people.t_x, people.age
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    again = np.maximum(x, 1.0)
    lost = betaln(a + 1.0, b + again - 1.0) - betaln(a, b) - (r + x) * np.log(alpha + t_x)
    return np.asarray(common + np.where(x > 0, np.logaddexp(alive, lost), alive), dtype=np.float64)
