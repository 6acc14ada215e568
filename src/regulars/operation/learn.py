"""Learning from all purchases: purchase behaviour, expected value, next product.

The whole is a nightly task. `revalue` alone is cheap: it reads only clients whose purchases changed. numpy and scipy
are imported on use: they belong to the extra `learn`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isnan
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from regulars.core import extras
from regulars.db.engine import write
from regulars.knowledge.search_range import corner_note
from regulars.profile import learned

if TYPE_CHECKING:
    from regulars.knowledge.product_prediction import NextProductModel, Trial
    from regulars.knowledge.purchase_history import History, Integers


@dataclass(frozen=True, slots=True)
class Learned:
    """The result of learning.

    `buying` and `spending` are false where that could not be learned; `notes` give the reasons and warnings. `method`
    is the selected method for the next product; `trials` is empty with too little history to compare the methods.
    """

    buying: bool
    spending: bool
    valued: int
    links: int
    method: str
    trials: Sequence[Trial]
    notes: Sequence[str]


def learn(engine: Engine, now: datetime) -> Learned:
    """Learns everything again, in one transaction. Earlier results stay where there is too little data now.

    Raises EnvironmentFailed without the extra `learn`.
    """
    _one_thread_for_algebra()
    extras.require("learn", "learning from purchases")
    with write(engine) as connection:
        buying, spending, notes = _learn_buying(connection, now)
        valued = _value(connection, now, stale_only=False)
        method, trials = _learn_next_products(connection, now)
        return Learned(buying, spending, valued, learned.count_links(connection), method, trials, notes)


def revalue(engine: Engine, now: datetime) -> int:
    """Updates the worth of clients whose purchases changed; returns their number.

    Raises EnvironmentFailed without the extra `learn`.
    """
    extras.require("learn", "learning from purchases")
    with write(engine) as connection:
        return _value(connection, now, stale_only=True)


def _one_thread_for_algebra() -> None:
    """Keeps OpenBLAS, which reads this when numpy is imported, from starting threads.

    The optimiser's matrices are 4 by 4. Several threads for them wait for each other, busily: three times the time on
    an idle machine, and more on a busy one. Who has set the number keeps it.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _learn_buying(connection: Connection, now: datetime) -> tuple[bool, bool, list[str]]:
    import numpy as np

    from regulars.knowledge.bgnbd import CannotLearn, Histories
    from regulars.knowledge.bgnbd import fit as fit_buying
    from regulars.knowledge.gammagamma import NoFiniteMean
    from regulars.knowledge.gammagamma import fit as fit_spending
    from regulars.knowledge.return_times import shares_returned

    rows = np.array([row[1:] for row in learned.buyers(connection, now)], dtype=np.float64).reshape(-1, 5)
    days, t_x, age, _, spent = rows.T
    try:
        found = fit_buying(Histories.of(days - 1, np.where(days > 1, t_x, 0.0) / 7, age / 7))
    except CannotLearn as error:
        return False, False, [f"How clients buy was not learned: {error}."]
    returns = {visit: shares_returned(*gaps) for visit, gaps in learned.gaps(connection, now).items()}
    learned.keep_return_times(connection, returns)
    model: dict[str, float | None] = {"r": found.r, "alpha": found.alpha, "a": found.a, "b": found.b}
    notes = [note] if (note := corner_note(found.corner, found.a, found.b)) else []
    try:
        spend = fit_spending(days, spent / days)
    except CannotLearn as error:
        learned.keep_model(connection, model, len(rows), now)
        if isinstance(error, NoFiniteMean):
            learned.forget_worth(connection)
        return True, False, [*notes, f"What clients spend was not learned: {error}."]
    learned.keep_model(connection, {**model, "p": spend.p, "q": spend.q, "v": spend.v}, len(rows), now)
    return True, True, notes


def _value(connection: Connection, now: datetime, *, stale_only: bool) -> int:
    model = learned.model(connection)
    rows = learned.buyers(connection, now, stale_only=stale_only) if model is not None and model["p"] else []
    if not rows or model is None:
        return 0
    import numpy as np

    from regulars.knowledge.bgnbd import BgNbd, Histories
    from regulars.knowledge.gammagamma import GammaGamma, clv

    r, alpha, a, b, p, q, v = (float(model[n] or 0.0) for n in ("r", "alpha", "a", "b", "p", "q", "v"))
    if q <= 1.0:  # learned by a version that did not reject it: the mean would be negative
        return 0
    days, t_x, age, bought, spent = np.array([row[1:] for row in rows], dtype=np.float64).T
    people = Histories.of(days - 1, np.where(days > 1, t_x, 0.0) / 7, age / 7)
    # Every day counts for the mean: one purchase shows spending, too.
    spending = GammaGamma(p, q, v).expected_spend(days, np.maximum(spent / days, 0.0))
    values = clv(BgNbd(r, alpha, a, b), spending, people)
    given: Iterator[Any] = zip((row[0] for row in rows), values.tolist(), bought.tolist(), spent.tolist(), strict=True)
    return learned.keep_worth(connection, ((key, value, int(n), money) for key, value, n, money in given), now)


def _learn_next_products(connection: Connection, now: datetime) -> tuple[str, Sequence[Trial]]:
    import numpy as np

    from regulars.knowledge.product_prediction import choose, fit
    from regulars.knowledge.purchase_history import History

    who, when, what = _purchase_lines(connection, now)
    # Numbered in the order of their keys, which break ties as in SQL.
    (clients, client), (products, product) = (np.unique(column, return_inverse=True) for column in (who, what))
    history = History.of(client, when, product, clients=len(clients), products=len(products))
    del who, when, what, client, product
    used_up = np.isin(products, np.fromiter(learned.consumable_products(connection), dtype=np.int64))
    choice = choose(history, used_up)
    model = fit(history, used_up, choice.method, floor=bool(choice.trials))
    put_in_force(connection, model, history, products, choice.trials, now)
    return choice.method, choice.trials


def _purchase_lines(connection: Connection, now: datetime) -> tuple[Integers, Integers, Integers]:
    """Three columns, an entry per line bought up to `now`: the client's key, the instant, the product's key."""
    import numpy as np

    columns: list[list[Integers]] = [[], [], []]
    for purchases in learned.purchased_products_until(connection, now):
        texts = [text for _, _, text in purchases]
        lines = np.array([text.count(",") + 1 for text in texts], dtype=np.int64)
        columns[0].append(np.repeat(np.array([client for client, _, _ in purchases], dtype=np.int64), lines))
        columns[1].append(np.repeat(np.array([instant for _, instant, _ in purchases], dtype=np.int64), lines))
        columns[2].append(np.fromstring(",".join(texts), dtype=np.int64, sep=","))
    nothing = np.zeros(0, dtype=np.int64)
    who, when, what = (np.concatenate([nothing, *column]) for column in columns)
    return who, when, what


def put_in_force(
    connection: Connection, model: NextProductModel, history: History, products: Integers, trials: Sequence[Trial],
    now: datetime,
) -> None:  # fmt: skip
    """Writes the predictions of the next product and updates the facts; `products` are the keys by number."""
    from regulars.knowledge.product_prediction import usual_gap

    gap = usual_gap(history)
    popular = [
        [int(products[product]), rank, int(clients), gap]
        for rank, (product, clients) in enumerate(zip(model.popular.product, model.popular.clients, strict=True), 1)
    ]
    results = [asdict(trial) for trial in trials]
    learned.keep_next_products(connection, model.method, results, _links(model, history, products), popular, now)


def _links(model: NextProductModel, history: History, products: Integers) -> Iterator[list[Any]]:
    """The links of the model as rows of keys, with the usual days until the target is bought."""
    from regulars.knowledge.product_links import with_gaps

    links = model.links if (model.links.product == model.links.target).all() else with_gaps(model.links, history)
    columns = (products[links.product], products[links.target], links.strength, links.support, links.lift)
    days = [None if isnan(gap) else max(1, round(gap)) for gap in links.after_days.tolist()]
    return map(list, zip(*(column.tolist() for column in columns), days, strict=True))
