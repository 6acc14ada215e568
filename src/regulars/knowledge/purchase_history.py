"""All purchases as three numeric columns: client, instant, product.

Clients and products are numbered from 0 by the caller; instants are microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]

DAY = 86_400_000_000.0
"""Microseconds in a day."""


@dataclass(frozen=True, slots=True)
class History:
    """Rows of client, instant and product, each once, sorted by client, instant and product."""

    client: Integers
    at: Integers
    product: Integers
    clients: int
    """The number of clients, including those without a row."""
    products: int

    @classmethod
    def of(
        cls, client: ArrayLike, at: ArrayLike, product: ArrayLike, *, clients: int | None = None,
        products: int | None = None,
    ) -> History:  # fmt: skip
        """The rows sorted and without duplicates; default counts follow from the highest numbers."""
        columns = tuple(np.asarray(column, dtype=np.int64) for column in (client, at, product))
        order = np.lexsort((columns[2], columns[1], columns[0]))
        who, when, what = (column[order] for column in columns)
        fresh = np.ones(len(who), dtype=np.bool_)
        fresh[1:] = (np.diff(who) != 0) | (np.diff(when) != 0) | (np.diff(what) != 0)
        last = [int(column.max(initial=-1)) + 1 for column in (who, what)]
        return cls(who[fresh], when[fresh], what[fresh], last[0] if clients is None else clients,
                   last[1] if products is None else products)  # fmt: skip

    @property
    def end(self) -> int:
        """The instant of the last purchase; 0 without any."""
        return int(self.at.max(initial=0))

    def between(self, after: float, until: float) -> History:
        """The rows later than `after` and up to `until`, both in microseconds."""
        return self.rows((self.at > after) & (self.at <= until))

    def rows(self, found: NDArray[np.bool_] | Integers) -> History:
        """The rows where the mask is true, or the rows with these indexes in their order."""
        return History(self.client[found], self.at[found], self.product[found], self.clients, self.products)

    def first(self) -> History:
        """The first purchase of every client and product, sorted by client and instant."""
        _, found = np.unique(self.client * self.products + self.product, return_index=True)
        return self.rows(np.sort(found))

    def last(self) -> History:
        """The last purchase of every client and product, the latest of a client first."""
        backwards = (self.client * self.products + self.product)[::-1]
        _, found = np.unique(backwards, return_index=True)
        # The rows in their order, so that those of one visit stay sorted by product.
        last = self.rows(np.sort(len(backwards) - 1 - found))
        visit = last.visits()
        return last.rows(np.argsort(last.client * (len(visit) + 1) - visit, kind="stable"))

    def visits(self) -> Integers:
        """The number of each row's visit; rows of one client and instant are neighbours."""
        fresh = np.zeros(len(self.client), dtype=np.int64)
        fresh[1:] = (np.diff(self.client) != 0) | (np.diff(self.at) != 0)
        return np.cumsum(fresh)

    def at_most(self, count: int) -> History:
        """The first `count` rows of every client, in order."""
        return self.rows(place(self.client) < count)

    def matrix(self, values: NDArray[np.generic] | None = None) -> sparse.csr_matrix:
        """Clients by products: the sum of the values (1 per row by default)."""
        data = np.ones(len(self.client), dtype=np.int64) if values is None else values
        return sparse.csr_matrix((data, (self.client, self.product)), shape=(self.clients, self.products))


def place(groups: Integers) -> Integers:
    """For every row the number of earlier rows of its group; groups must be contiguous."""
    here = np.arange(len(groups), dtype=np.int64)
    begins = np.ones(len(groups), dtype=np.bool_)
    begins[1:] = groups[1:] != groups[:-1]
    return here - np.maximum.accumulate(np.where(begins, here, 0))


def median_low(groups: Integers, values: Floats, count: int) -> Floats:
    """The lower median of the values of each group from 0 to `count`; NaN for a group without any."""
    order = np.lexsort((values, groups))
    sizes = np.bincount(groups, minlength=count)
    found = np.full(count, np.nan)
    some = sizes > 0
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    found[some] = values[order][(begins + (sizes - 1) // 2)[some]]
    return found
