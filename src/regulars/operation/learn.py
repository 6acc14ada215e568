"""Learning from everybody: how clients buy, what they are worth, and what is bought next.

The whole of it belongs into the night. `revalue` alone is cheap: it looks only at those whose purchases changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine

from regulars.core import extras
from regulars.db.engine import write
from regulars.profile import learned

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of it. `buying` is false where there were too few clients to learn how they buy."""

    buying: bool
    spending: bool
    valued: int
    links: int


def learn(engine: Engine, now: datetime) -> Learned:
    """Learns everything anew, in one transaction. What was learned before stays where there is too little now.

    Raises EnvironmentFailed without the extra `learn`.
    """
    extras.require("learn", "learning from purchases")
    with write(engine) as connection:
        buying, spending = _learn_buying(connection, now)
        valued = _value(connection, now, stale_only=False)
        learned.keep_links(connection, _links(connection))
        return Learned(buying, spending, valued, learned.count_links(connection))


def revalue(engine: Engine, now: datetime) -> int:
    """Brings the worth of those up to date whose purchases changed; gives how many.

    Raises EnvironmentFailed without the extra `learn`.
    """
    extras.require("learn", "learning from purchases")
    with write(engine) as connection:
        return _value(connection, now, stale_only=True)


def _learn_buying(connection: Connection, now: datetime) -> tuple[bool, bool]:
    import numpy as np

    from regulars.knowledge.bgnbd import Histories, TooFewClients
    from regulars.knowledge.bgnbd import fit as fit_buying
    from regulars.knowledge.gammagamma import fit as fit_spending

    rows = np.array([row[1:] for row in learned.buyers(connection, now)], dtype=np.float64).reshape(-1, 5)
    days, t_x, age, _, spent = rows.T
    try:
        found = fit_buying(Histories.of(days - 1, np.where(days > 1, t_x, 0.0) / 7, age / 7))
    except TooFewClients:
        return False, False
    model: dict[str, float | None] = {"r": found.r, "alpha": found.alpha, "a": found.a, "b": found.b}
    try:
        spend = fit_spending(days, spent / days)
    except TooFewClients:
        learned.keep_model(connection, model, len(rows), now)
        return True, False
    learned.keep_model(connection, {**model, "p": spend.p, "q": spend.q, "v": spend.v}, len(rows), now)
    return True, True


def _value(connection: Connection, now: datetime, *, stale_only: bool) -> int:
    model = learned.model(connection)
    rows = learned.buyers(connection, now, stale_only=stale_only) if model is not None and model["p"] else []
    if not rows or model is None:
        return 0
    import numpy as np

    from regulars.knowledge.bgnbd import BgNbd, Histories
    from regulars.knowledge.gammagamma import GammaGamma, clv

    r, alpha, a, b, p, q, v = (float(model[n] or 0.0) for n in ("r", "alpha", "a", "b", "p", "q", "v"))
    days, t_x, age, bought, spent = np.array([row[1:] for row in rows], dtype=np.float64).T
    people = Histories.of(days - 1, np.where(days > 1, t_x, 0.0) / 7, age / 7)
    # Every day counts for the mean: who bought once has shown what they spend, too.
    spending = GammaGamma(p, q, v).expected_spend(days, np.maximum(spent / days, 0.0))
    values = clv(BgNbd(r, alpha, a, b), spending, people)
    given: Iterator[Any] = zip((row[0] for row in rows), values.tolist(), bought.tolist(), spent.tolist(), strict=True)
    return learned.keep_worth(connection, ((key, value, int(n), money) for key, value, n, money in given), now)


def _links(connection: Connection) -> Iterator[list[Any]]:
    from regulars.knowledge.sequence import Bought
    from regulars.knowledge.sequence import learn as learn_sequences

    histories = []
    for _, mine in groupby(learned.orders(connection), key=lambda row: row[0]):
        visits = groupby(mine, key=lambda row: row[1])
        histories.append([Bought(at, frozenset(row[2] for row in some)) for at, some in visits])
    for product, links in learn_sequences(histories).links.items():
        for link in links:
            days = None if link.after_days is None else max(1, round(link.after_days))
            strength = max(1, round(link.strength * _MILLION))
            yield [product, link.target, strength, link.support, link.lift, days]
