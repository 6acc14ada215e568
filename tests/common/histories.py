"""Made-up histories of purchases of three kinds of business, for learning: each a set of lines, the same every time.

A line is one product in one visit: client, instant in microseconds, product, all whole numbers. Nothing here was
fitted to what the learning does with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.db.types import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lines:
    """Three columns of one length, and of each product whether it gets used up."""

    clients: Integers
    instants: Integers
    products: Integers
    consumable: NDArray[np.bool_]


def groceries(clients: int = 1500, products: int = 60, days: int = 240, seed: int = 3) -> Lines:
    """Few products, bought again and again: everybody has favourites of their own and comes about once in ten days."""
    dice = np.random.default_rng(seed)
    popularity = _popularity(products, 0.8)
    rows: list[tuple[int, int, int]] = []
    for client in range(clients):
        liking = dice.dirichlet(popularity * products * 0.25 + 1e-3)
        every, at = dice.gamma(4, 2.0) + 2, dice.uniform(0, days * 0.6)
        while at < days:
            basket = set(dice.choice(products, size=1 + dice.poisson(3), p=liking).tolist())
            rows += [(client, int(at), product) for product in sorted(basket)]
            at += max(1.0, dice.exponential(every))
    return _lines(rows, np.ones(products, dtype=np.bool_))


def business_supplies(clients: int = 400, days: int = 540, seed: int = 5) -> Lines:
    """25 machines, five to a line, and four supplies for each: firms own machines and reorder what these use up."""
    dice = np.random.default_rng(seed)
    machines, wanted = 25, (0.5, 0.3, 0.15, 0.05)
    popularity = _popularity(machines, 0.7)
    rows: list[tuple[int, int, int]] = []
    for client in range(clients):
        owned = [int(dice.choice(machines, p=popularity))]
        at = dice.uniform(0, days * 0.7)
        rows.append((client, int(at), owned[0]))
        while (at := at + dice.gamma(3, 10)) < days and dice.random() > 0.03:
            order = {
                machines + 4 * one + place
                for one in owned for place, share in enumerate(wanted) if dice.random() < share
            }  # fmt: skip
            if dice.random() < 0.12:
                of_line = owned[0] // 5 * 5 + int(dice.integers(5))
                another = of_line if dice.random() < 0.7 else int(dice.choice(machines, p=popularity))
                if another not in owned:
                    owned.append(another)
                    order.add(another)
            rows += [(client, int(at), product) for product in sorted(order)]
    return _lines(rows, np.arange(machines * 5) >= machines)


def gifts(clients: int = 4294, lines: int = 400_000, products: int = 3700, days: int = 373, seed: int = 9) -> Lines:
    """A shop of many small things, a few clients of which buy a great deal; nothing gets used up."""
    dice = np.random.default_rng(seed)
    size = dice.lognormal(0, 1.2, clients)
    owner = np.sort(dice.choice(clients, size=lines, p=size / size.sum()))
    each = np.bincount(owner, minlength=clients)
    visits = np.maximum(1, np.round(each / 22)).astype(np.int64)
    visit = (dice.random(lines) * visits[owner]).astype(np.int64)
    begun = np.concatenate([[0], np.cumsum(visits)[:-1]])
    when = (dice.random(int(visits.sum())) * days).astype(np.int64)
    topics = 40
    taste = dice.integers(topics, size=clients)
    product = dice.choice(products, size=lines, p=_popularity(products, 0.6))
    own = dice.random(lines) < 0.4
    product[own] = (product[own] // topics * topics + taste[owner[own]]) % products
    columns = np.unique(np.column_stack([owner, when[begun[owner] + visit], product]), axis=0)
    return Lines(columns[:, 0], columns[:, 1] * DAY, columns[:, 2], np.zeros(products, dtype=np.bool_))


def _popularity(products: int, steep: float) -> NDArray[np.float64]:
    share = 1.0 / np.arange(1, products + 1) ** steep
    return np.asarray(share / share.sum(), dtype=np.float64)


def _lines(rows: list[tuple[int, int, int]], consumable: NDArray[np.bool_]) -> Lines:
    columns = np.array(rows, dtype=np.int64)
    return Lines(columns[:, 0], columns[:, 1] * DAY, columns[:, 2], consumable)
