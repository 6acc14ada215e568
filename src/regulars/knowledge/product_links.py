"""Links between products, learned from purchases: clients with one product tend to buy the other.

Three kinds. `in_order` counts the clients who bought the target after the product or with it; `in_common` those who
have both, in any order; `repeated` those who bought a product again, as a link to itself. A link has the number of
clients (support), the ratio to chance (lift), the days between, and a strength.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from regulars.knowledge.purchase_history import DAY, History, median_low, place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

LEAST_SUPPORT = 5
"""Minimum support; fewer clients are chance."""
LEAST_LIFT = 1.0
HALF_LIFE = 40.0
"""Half-life in days of the weight of a client's purchases."""
MOST_FROM = 10
"""Number of links kept per product, the strongest."""
MILLION = 1_000_000
"""The unit of strength: whole numbers, so that sums are the same in every database."""
# Chosen on an earlier month than the one that docs/knowledge.md reports.
_SHRINK = 30.0
"""Clients added to the denominator of a strength: a share of few clients counts for less."""
_DAMPING = 0.3
"""Damping of products that everybody buys, from 0 (none) to 1 (lift alone decides)."""
_REMEMBERED = 100
"""Maximum products per client, the earliest: a reseller who buys everything carries no information."""
_BLOCK = 256
"""Products whose links are counted at a time, which bounds the memory."""
_ONE, _FULL = 1 << 40, 1 << 20
"""One client and one full weight in a packed number: a million clients of full weight stay below the next client."""
_ROWS = 20_000
"""Purchases whose gaps are measured at a time, for the same reason."""


@dataclass(frozen=True, slots=True)
class Links:
    """One entry per link, by product and falling strength; `after_days` is NaN if always bought together."""

    product: Integers
    target: Integers
    strength: Integers
    support: Integers
    lift: Floats
    after_days: Floats


def none() -> Links:
    """No links."""
    whole, broken = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Links(whole, whole, whole, whole, broken, broken)


def in_order(history: History, *, least_support: int = LEAST_SUPPORT, least_lift: float = LEAST_LIFT) -> Links:
    """Links by the order in which clients first bought the two; bought together counts both ways.

    Chance is counted in order, too: of two independent products only a share of the clients with
    both bought them in this order. That share is estimated from all pairs of this history.
    """
    first = history.first()
    kept = first.at_most(_REMEMBERED)
    starts = np.flatnonzero(place(kept.visits()) == 0)
    bounds = np.append(starts, len(kept.client))
    bought = sparse.csr_matrix((_packed(kept), kept.product, bounds), shape=(len(starts), kept.products))
    had = _had(kept, starts, bounds[1:])
    sizes = np.bincount(kept.client).astype(np.float64)
    pairs = float(np.sum(sizes * (sizes - 1)))
    ordered = float(np.sum(np.diff(had.indptr) * np.diff(bounds))) - len(kept.client)
    share = ordered / pairs if pairs else 1.0
    return _counted(first, had, bought, share, least_support, least_lift)


def in_common(history: History, *, least_support: int = LEAST_SUPPORT, least_lift: float = LEAST_LIFT) -> Links:
    """Links by clients who have both, in any order."""
    first = history.first()
    kept = first.at_most(_REMEMBERED)
    return _counted(first, kept.matrix(), kept.matrix(_packed(kept)), 1.0, least_support, least_lift)


def with_gaps(links: Links, history: History) -> Links:
    """The links with the median days until the target was first bought, over clients who bought it later."""
    first = history.first()
    order = np.lexsort((first.product, first.client))
    key, at = (first.client * first.products + first.product)[order], first.at[order]
    product = first.product[order]
    begins = np.searchsorted(links.product, np.arange(first.products + 1))
    numbers, gaps = [], []
    for start in range(0, len(key), _ROWS):
        batch = product[start : start + _ROWS]
        sizes = begins[batch + 1] - begins[batch]
        row = np.repeat(np.arange(len(batch)), sizes)
        number = begins[batch][row] + place(row)
        wanted = key[start + row] - product[start + row] + links.target[number]
        where = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        gap = at[where] - at[start + row]
        found = (key[where] == wanted) & (gap > 0)
        numbers.append(number[found])
        gaps.append(gap[found] / DAY)
    if not numbers:
        return links
    after = median_low(np.concatenate(numbers), np.concatenate(gaps), len(links.product))
    return replace(links, after_days=after)


def repeated(history: History, recent: Integers) -> Links:
    """Links from products to themselves, by clients who bought them again.

    All have the same strength, a million, so that the client's number of purchases decides; ties go to the product that
    more clients bought recently (`recent`, by product). Lift: its share of
    repeat buyers, divided by that share of all products.
    """
    visits = history.matrix()
    owners = np.bincount(visits.indices, minlength=history.products)
    again = np.bincount(visits.indices[visits.data > 1], minlength=history.products)
    product = np.flatnonzero(again >= LEAST_SUPPORT).astype(np.int64)
    if not len(product):
        return none()
    same = np.zeros(len(history.client), dtype=np.bool_)
    order = np.lexsort((history.at, history.product, history.client))
    who, what, when = (column[order] for column in (history.client, history.product, history.at))
    same[1:] = (who[1:] == who[:-1]) & (what[1:] == what[:-1])
    gaps = np.diff(when, prepend=when[:1])[same] / DAY
    after = median_low(what[same], gaps, history.products)
    share = again[product] / owners[product]
    ties = recent[product] * 999 // max(1, int(recent.max()))
    return Links(product, product, MILLION + ties.astype(np.int64), again[product].astype(np.int64),
                 share / (again.sum() / owners.sum()), after[product])  # fmt: skip


def _had(kept: History, starts: Integers, ends: Integers) -> sparse.csr_matrix:
    """Visits by products: the products the client had by the end of each visit, which has these first and last rows."""
    origin = np.searchsorted(kept.client, kept.client[starts])
    total = np.concatenate([[0], np.cumsum(ends - origin)])
    rows = np.repeat(origin - total[:-1], ends - origin) + np.arange(total[-1])
    return sparse.csr_matrix(
        (np.ones(len(rows), dtype=np.int64), kept.product[rows], total), shape=(len(starts), kept.products)
    )


def _weights(kept: History) -> Floats:
    """The weight of each row: 1 at the last instant of all."""
    return 0.5 ** ((kept.end - kept.at) / DAY / HALF_LIFE)


def _packed(kept: History) -> Integers:
    """Support 1 and the weight of each row in one number, so that one matrix product sums both."""
    return _ONE + np.round(_weights(kept) * _FULL).astype(np.int64)


def _counted(
    first: History, had: sparse.csr_matrix, bought: sparse.csr_matrix, share: float, least_support: int,
    least_lift: float,
) -> Links:  # fmt: skip
    """The links from products clients `had` to products they `bought`, which has packed numbers.

    `share` is the share of clients with both products who bought them in this order by chance.
    """
    products, population = first.products, len(np.unique(first.client))
    owners = np.bincount(first.product, minlength=products).astype(np.float64)
    recent = np.bincount(first.product, _weights(first), minlength=products)
    damping = (recent + 1.0) ** _DAMPING
    sources, parts = had.tocsc(), []
    for begin in range(0, products, _BLOCK):
        block = sources[:, begin : begin + _BLOCK].T.tocsr() @ bought
        enough = np.flatnonzero(block.data >= least_support * _ONE)
        rows = np.diff(np.searchsorted(enough, block.indptr))
        product = np.repeat(np.arange(begin, begin + len(rows)), rows)
        target, packed = block.indices[enough].astype(np.int64), block.data[enough]
        support = packed // _ONE
        lift = support * population / (owners[product] * owners[target] * share)
        found = np.flatnonzero((product != target) & (lift >= least_lift))
        product, target, support, lift = (column[found] for column in (product, target, support, lift))
        weight = (packed[found] % _ONE) / _FULL
        strength = weight / (owners[product] + _SHRINK) / damping[target]
        whole = np.maximum(1, np.round(strength * MILLION)).astype(np.int64)
        order = np.lexsort((target, -lift, -whole, product))
        order = order[place(product[order]) < MOST_FROM]
        parts.append((product[order], target[order], whole[order], support[order], lift[order]))
    if not parts:
        return none()
    product, target, whole, support, lift = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Links(product, target, whole, support, lift, np.full(len(product), np.nan))
