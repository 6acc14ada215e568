"""The next product: the way that is right most often is taken, and it is never behind what is simply popular."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.knowledge.product_prediction import MIN_EVALUATED, Method, choose, fit, measure, usual_gap
from regulars.knowledge.purchase_history import DAY, History
from tests.common.histories import Lines, business_supplies, groceries

MADE = {"groceries": groceries(clients=400), "business supplies": business_supplies()}


def history(lines: Lines) -> History:
    return History.of(lines.clients, lines.instants, lines.products, products=len(lines.consumable))


@pytest.mark.parametrize("kind", MADE)
def test_the_winner_is_not_behind_what_is_popular(kind: str) -> None:
    lines = MADE[kind]
    found = choose(history(lines), lines.consumable)
    assert found.method is Method.AGAIN
    trials = {trial.method: trial for trial in found.trials}
    assert list(trials) == list(Method)
    won, popular = trials[found.method], trials[Method.POPULAR]
    assert won.chosen_by.hits[0] == max(trial.chosen_by.hits[0] for trial in found.trials)
    for place, hits in enumerate(won.reported.hits):
        asked = popular.reported.asked
        floor = popular.reported.hits[place] / asked
        assert hits / asked >= floor - sqrt(floor * (1 - floor) / asked)


def test_what_everybody_buys_wins_where_nothing_else_says_more() -> None:
    """Everybody buys the same new thing each week: who bought what before says nothing, its week says all."""
    dice = np.random.default_rng(2)
    rows = [(client, int(day * DAY), day // 7) for client in range(200) for day in range(180) if dice.random() < 0.06]
    shop = History.of(*np.array(rows, dtype=np.int64).T)
    nothing = np.zeros(shop.products, dtype=np.bool_)
    found = choose(shop, nothing)
    assert Method.AGAIN not in {trial.method for trial in found.trials}, "nothing gets used up"
    hits = {trial.method: trial.chosen_by.hits[0] for trial in found.trials}
    assert hits[found.method] == max(hits.values())


def test_too_few_clients_are_not_compared() -> None:
    shop = groceries(clients=MIN_EVALUATED - 1)
    found = choose(history(shop), shop.consumable)
    assert (found.method, found.trials) == (Method.ORDER, ())
    assert choose(History.of([], [], []), np.zeros(0, dtype=np.bool_)).method is Method.ORDER


def test_the_last_month_has_no_part_in_the_choice() -> None:
    lines = MADE["groceries"]
    whole = history(lines)
    shuffled = lines.products.copy()
    last = lines.instants > whole.end - 30 * DAY
    shuffled[last] = (shuffled[last] + 17) % len(lines.consumable)
    other = choose(History.of(lines.clients, lines.instants, shuffled, products=60), lines.consumable)
    found = choose(whole, lines.consumable)
    assert [trial.chosen_by for trial in found.trials] == [trial.chosen_by for trial in other.trials]
    assert found.trials[0].reported != other.trials[0].reported


def test_hits_are_counted_by_client_and_repurchase_counts_of_what_gets_used_up() -> None:
    before = History.of([0, 0, 1, 2], [0, 1, 0, 0], [0, 0, 0, 1], clients=4, products=3)
    after = History.of([0, 1, 3], [5, 5, 5], [0, 2, 0], clients=4, products=3)
    used_up = np.array([True, False, False])
    found = measure(fit(before, used_up, Method.POPULAR), before, after)
    assert (found.asked, found.hits) == (2, (1, 1, 1)), "client 3 was not known, client 1 bought something new"
    assert measure(fit(before, ~np.ones(3, dtype=np.bool_), Method.POPULAR), before, after).hits == (0, 0, 0)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 80), st.integers(0, 5)), min_size=1, max_size=120),
    st.lists(st.booleans(), min_size=6, max_size=6), st.sampled_from(Method), st.booleans(),
)  # fmt: skip
def test_what_clients_have_is_offered_only_if_it_gets_used_up(
    rows: list[tuple[int, int, int]], used_up: list[bool], method: Method, floor: bool
) -> None:
    columns = np.array(rows, dtype=np.int64)
    shop = History.of(columns[:, 0], columns[:, 1] * int(DAY), columns[:, 2], clients=10, products=6)
    model = fit(shop, np.array(used_up), method, floor=floor)
    everybody = np.arange(10)
    offered = model.offers(shop, everybody, 6)
    for client in everybody:
        some = [product for product in offered[client].tolist() if product >= 0]
        assert len(set(some)) == len(some)
        had = {product for who, _, product in rows if who == client}
        assert all(used_up[product] or product not in had for product in some)
    assert (model.offers(shop, everybody, 1)[:, 0] == offered[:, 0]).all()


def test_the_usual_gap_is_the_median_between_visits() -> None:
    shop = History.of([0, 0, 0, 1, 1], [0, 0, int(7 * DAY), 0, int(30 * DAY)], [0, 1, 0, 1, 1])
    assert usual_gap(shop) == round((7 + 30) / 2)
    assert usual_gap(History.of([0, 1], [0, 0], [0, 0])) is None
