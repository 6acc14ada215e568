"""Predicting a client's next product: four methods, and the selection of the best for these clients.

`order` and `common` sum the links from the client's latest purchases; `again` offers the consumable product they
bought most often; `popular` what most clients bought within the last month, also the fallback of the other three.
No method offers a product that the client has, unless it is consumable.

`choose` evaluates all four on the last month but one, each trained on the purchases before it, selects the one with
most hits, and reports the hits of all in the last month, which is not used for the selection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from regulars.knowledge import product_links
from regulars.knowledge.product_links import Links
from regulars.knowledge.purchase_history import DAY, History

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

MONTH = 30
"""Days of the evaluation month, and of the purchases that make a product popular."""
MIN_EVALUATED = 50
"""Minimum clients who bought again in the last month but one; with fewer the methods cannot be compared."""
LATEST = 20
"""Number of a client's latest products whose links are followed."""
MOST_POPULAR = 100
"""Number of popular products that are offered."""
PLACES = (1, 3, 5)
"""Numbers of offers for which hits are counted; a client is offered one product."""
_CELLS = 2_000_000
"""Clients times products in one batch, which bounds the memory."""
_ABOVE = 1024
"""More than MOST_POPULAR: any score by links ranks above all popular products."""


class Method(StrEnum):
    """A method of prediction."""

    ORDER = "order"
    COMMON = "common"
    AGAIN = "again"
    POPULAR = "popular"


@dataclass(frozen=True, slots=True)
class Popular:
    """The products bought by most clients within the last month, in descending order."""

    product: Integers
    clients: Integers


@dataclass(frozen=True, slots=True)
class NextProductModel:
    """A trained model; `popular` is empty if the method was not compared with it."""

    method: Method
    links: Links
    popular: Popular
    consumable: Flags

    def offers(self, history: History, clients: Integers, count: int = 1) -> Integers:
        """The products to offer to each of these clients, the best first; -1 where there is none."""
        history = history.rows(np.isin(history.client, clients))
        last, visits = history.last(), history.matrix()
        linked = np.zeros(history.products, dtype=np.bool_)
        linked[self.links.product] = linked[self.links.target] = True
        own = last.rows(linked[last.product]).at_most(LATEST).matrix()
        links, loops = self._split(history.products)
        floor = np.zeros(history.products, dtype=np.int64)
        floor[self.popular.product] = MOST_POPULAR - np.arange(len(self.popular.product))
        found = np.full((len(clients), count), -1, dtype=np.int64)
        step = max(1, _CELLS // max(1, history.products))
        for start in range(0, len(clients), step):
            some = clients[start : start + step]
            times, in_batch = visits[some], own[some]
            scores = (in_batch @ links).toarray()
            # A link from a product to itself counts as often as the client bought it.
            scores += times.toarray() * loops
            scores = np.where(scores > 0, scores * _ABOVE, floor)
            scores[(times.toarray() > 0) & ~self.consumable] = 0
            found[start : start + step] = _best(scores, count)
        return found

    def _split(self, products: int) -> tuple[sparse.csr_matrix, Integers]:
        """The strengths of links to other products as a matrix, and of self-links."""
        links, loop = self.links, self.links.product == self.links.target
        loops = np.zeros(products, dtype=np.int64)
        loops[links.product[loop]] = links.strength[loop]
        others = (links.strength[~loop], (links.product[~loop], links.target[~loop]))
        return sparse.csr_matrix(others, shape=(products, products)), loops


@dataclass(frozen=True, slots=True)
class Hits:
    """How many of `asked` clients bought one of the first 1, 3, 5 products offered to them."""

    asked: int
    hits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """The hits of one method in the selection month and in the last month."""

    method: Method
    chosen_by: Hits
    reported: Hits


@dataclass(frozen=True, slots=True)
class Choice:
    """The selected method; with too little history to compare, `trials` is empty and the method is `order`."""

    method: Method
    trials: Sequence[Trial]


def fit(history: History, consumable: Flags, method: Method, *, floor: bool = True) -> NextProductModel:
    """The method trained on the whole history; without `floor` no popular products are offered."""
    recent = _recent_buyers(history)
    first = np.lexsort((np.arange(history.products), -recent))[:MOST_POPULAR]
    first = first[recent[first] > 0] if floor or method is Method.POPULAR else first[:0]
    return NextProductModel(
        method, _links(history, consumable, method, recent), Popular(first, recent[first]), consumable
    )


def choose(history: History, consumable: Flags) -> Choice:
    """The method with most hits in the last month but one, with the hits of all then and in the last month.

    Ties go to the first of `Method`. A method without results of its own (no consumable products) equals `popular`,
    and so is not selected.
    """
    cuts = [history.end - months * MONTH * DAY for months in (2, 1)]
    months = [(history.between(-np.inf, cut), history.between(cut, cut + MONTH * DAY)) for cut in cuts]
    if len(_asked(*months[0])) < MIN_EVALUATED:
        return Choice(Method.ORDER, ())
    methods = [m for m in Method if m is not Method.AGAIN or consumable.any()]
    trials = []
    for method in methods:
        hits = [measure(fit(before, consumable, method), before, after) for before, after in months]
        trials.append(Trial(method, *hits))
    return Choice(max(trials, key=lambda trial: trial.chosen_by.hits[0]).method, trials)


def measure(model: NextProductModel, before: History, after: History) -> Hits:
    """The hits of the model for clients known before `after` on their later purchases; repurchase counts."""
    asked = _asked(before, after)
    offered = model.offers(before, asked, PLACES[-1])
    bought = np.unique(after.client * after.products + after.product)
    hit = np.isin(asked[:, None] * after.products + offered, bought) & (offered >= 0)
    return Hits(len(asked), tuple(int(hit[:, :count].any(axis=1).sum()) for count in PLACES))


def usual_gap(history: History) -> int | None:
    """The median of the days between two visits of a client, at least 1; None without repeat visits."""
    same = history.client[1:] == history.client[:-1]
    gaps = np.diff(history.at)[same]
    gaps = gaps[gaps > 0] / DAY
    return max(1, round(float(np.median(gaps)))) if len(gaps) else None


def _links(history: History, consumable: Flags, method: Method, recent: Integers) -> Links:
    if method is Method.ORDER:
        return product_links.in_order(history)
    if method is Method.COMMON:
        return product_links.in_common(history)
    if method is Method.AGAIN:
        return product_links.repeated(history.rows(consumable[history.product]), recent)
    return product_links.none()


def _recent_buyers(history: History) -> Integers:
    """By product the number of clients who bought it within the last month."""
    recent = history.between(history.end - MONTH * DAY, history.end)
    return np.bincount(recent.first().product, minlength=history.products).astype(np.int64)


def _asked(before: History, after: History) -> Integers:
    """The clients with purchases before and after."""
    return np.intersect1d(before.client, after.client)


def _best(scores: Integers, count: int) -> Integers:
    """The columns of the highest scores above 0 of each row, ties in order; -1 where there are no more."""
    found = np.full((len(scores), count), -1, dtype=np.int64)
    rows = np.arange(len(scores))
    for number in range(count):
        best = scores.argmax(axis=1)
        found[:, number] = np.where(scores[rows, best] > 0, best, -1)
        scores[rows, best] = 0
    return found
