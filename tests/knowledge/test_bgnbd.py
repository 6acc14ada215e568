"""Buying and spending models against the published fit, each other, and what must hold whatever the parameters."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.knowledge.bgnbd import BgNbd, Histories, TooFewClients
from regulars.knowledge.bgnbd import fit as fit_buying
from regulars.knowledge.gammagamma import GammaGamma, NoFiniteMean, clv
from regulars.knowledge.gammagamma import fit as fit_spending
from regulars.knowledge.search_range import corner_note

SAMPLE = Path(__file__).parent / "data" / "cdnow_sample.csv"
PUBLISHED = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)

positive = st.floats(0.05, 20.0)
models = st.builds(BgNbd, r=positive, alpha=positive, a=positive, b=positive)


@pytest.fixture(scope="module")
def sample() -> tuple[Histories, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    with SAMPLE.open() as file:
        rows = np.array([[float(v) for v in row.values()] for row in csv.DictReader(file)])
    return Histories.of(rows[:, 0], rows[:, 1] / 7, rows[:, 2] / 7), rows[:, 3]


@pytest.mark.slow
def test_the_fit_is_the_published_one(
    sample: tuple[Histories, np.ndarray[tuple[int], np.dtype[np.float64]]],
) -> None:
    people, mean = sample
    assert len(people.x) == 2_357
    found = fit_buying(people)
    assert [found.r, found.alpha, found.a, found.b] == pytest.approx([0.243, 4.414, 0.793, 2.426], rel=0.005)
    assert found.log_likelihood(people) == pytest.approx(-9582.4, rel=0.00001)
    spending = fit_spending(people.x, mean)
    assert [spending.p, spending.q, spending.v] == pytest.approx([6.25, 3.74, 15.44], rel=0.005)


def test_a_client_of_the_paper_is_expected_to_buy_as_the_paper_says() -> None:
    # Fader, Hardie and Lee: x=2, t_x=30.43, T=38.86 makes 1.226 purchases in the next 39 weeks.
    known = Histories.of([2], [30.43], [38.86])
    assert PUBLISHED.expected_purchases(known, 39)[0] == pytest.approx(1.226, abs=0.001)


def test_repeat_spend_is_drawn_towards_everybody_elses() -> None:
    spending = GammaGamma(6.25, 3.74, 15.44)
    anybody = 6.25 * 15.44 / 2.74
    found = spending.expected_spend(np.array([0.0, 1.0, 5.0, 100.0]), np.array([0.0, 100.0, 100.0, 100.0]))
    assert found[0] == pytest.approx(anybody)
    assert list(found) == sorted(found)
    assert found[-1] == pytest.approx(100, rel=0.01)


@given(models, st.integers(0, 60), st.floats(0, 200), st.floats(0, 200), st.floats(0.1, 200))
def test_silence_never_makes_a_client_more_alive(
    model: BgNbd, x: int, active: float, silent: float, more: float
) -> None:
    t_x = active if x else 0.0
    now, later = model.p_alive(Histories.of([x, x], [t_x, t_x], [t_x + silent, t_x + silent + more]))
    assert 0.0 <= later <= now <= 1.0
    assert x > 0 or now == later == 1.0


@given(st.integers(0, 30), st.floats(1, 100), st.floats(0, 100), st.floats(1, 50), st.floats(1, 50))
def test_more_time_brings_more_purchases_and_money_is_worth_less_later(
    x: int, active: float, silent: float, weeks: float, more: float
) -> None:
    people = Histories.of([x], [active if x else 0.0], [active + silent])
    spend = GammaGamma(6.25, 3.74, 15.44).expected_spend(people.x, np.array([40.0 if x else 0.0]))
    less, greater = (PUBLISHED.expected_purchases(people, w)[0] for w in (weeks, weeks + more))
    assert 0.0 <= less <= greater
    plain = clv(PUBLISHED, spend, people, weeks=weeks, yearly_discount=0.0)[0]
    assert plain == pytest.approx(less * spend[0])
    assert clv(PUBLISHED, spend, people, weeks=weeks)[0] <= plain


@pytest.mark.slow
def test_a_model_is_found_again_in_what_it_makes() -> None:
    dice = np.random.default_rng(7)
    truth, clients = BgNbd(0.8, 6.0, 0.9, 2.5), 4_000
    rates = dice.gamma(truth.r, 1 / truth.alpha, clients)
    chances = dice.beta(truth.a, truth.b, clients)
    age = dice.uniform(40, 78, clients)
    x, t_x = np.zeros(clients), np.zeros(clients)
    for client in range(clients):
        at = dice.exponential(1 / rates[client])
        while at < age[client]:
            x[client], t_x[client] = x[client] + 1, at
            if dice.random() < chances[client]:
                break
            at += dice.exponential(1 / rates[client])
    found, people = fit_buying(Histories.of(x, t_x, age)), Histories.of(x, t_x, age)
    assert found.log_likelihood(people) >= truth.log_likelihood(people)
    assert [found.r, found.alpha] == pytest.approx([truth.r, truth.alpha], rel=0.25)
    assert found.a / (found.a + found.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.15)


def test_a_spend_without_a_mean_is_refused_and_never_negative() -> None:
    dice = np.random.default_rng(1)
    x = dice.integers(1, 6, 400).astype(float)
    wild = np.exp(dice.normal(0, 3.0, 400))
    with pytest.raises(NoFiniteMean, match="q = 0"):
        fit_spending(x, wild)
    tame = fit_spending(x, np.exp(dice.normal(3, 0.5, 400)))
    assert tame.q > 1
    assert (tame.expected_spend(np.arange(6.0), np.full(6, 20.0)) > 0).all()


def test_a_fit_at_the_edge_says_so(sample: tuple[Histories, np.ndarray[tuple[int], np.dtype[np.float64]]]) -> None:
    """Everybody buys every week and nobody is lost: there is no end to how small the chance to be lost may be."""
    age = np.full(200, 30.0)
    steady = fit_buying(Histories.of(np.full(200, 30.0), age, age))
    assert steady.corner
    note = corner_note(steady.corner, steady.a, steady.b)
    assert note is not None
    assert steady.corner[0] in note
    assert "p_alive" in note
    inside = fit_buying(sample[0])
    assert (inside.corner, corner_note(inside.corner, inside.a, inside.b)) == ((), None)


def test_too_little_history_is_refused() -> None:
    with pytest.raises(TooFewClients, match="50 clients"):
        fit_buying(Histories.of([1, 0, 2], [3, 0, 4], [5, 5, 5]))
    with pytest.raises(TooFewClients, match="50 clients"):
        fit_spending(np.array([1.0, 0.0]), np.array([10.0, 0.0]))


@pytest.mark.parametrize(("x", "t_x", "age"), [([1], [6], [5]), ([0], [1], [5]), ([-1], [0], [5]), ([1, 1], [1], [5])])
def test_impossible_histories_are_refused(x: list[float], t_x: list[float], age: list[float]) -> None:
    with pytest.raises(ValueError, match=r"do not fit|lengths"):
        Histories.of(x, t_x, age)
