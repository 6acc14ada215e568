"""Links between products: counted as a plain look counts them; a lift of 1 for goods independent of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.knowledge.product_links import MILLION, Links, in_common, in_order, repeated, with_gaps
from regulars.knowledge.purchase_history import DAY, History

GOODS = "abcdefgh"
Shop = list[list[tuple[int, str]]]
"""Per client the days and the goods bought, one letter each."""

visits = st.lists(
    st.tuples(st.integers(0, 90), st.text(GOODS, min_size=1, max_size=3)), min_size=1, max_size=5,
)  # fmt: skip


def history(shop: Sequence[Sequence[tuple[int, str]]]) -> History:
    rows = [
        (n, int(day * DAY), ord(sku) - ord("a")) for n, mine in enumerate(shop) for day, skus in mine for sku in skus
    ]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return History.of(*columns.T, clients=len(shop), products=26)


def found(links: Links) -> dict[str, tuple[int, float]]:
    """Support and lift by the two letters."""
    return {
        chr(97 + product) + chr(97 + target): (support, lift)
        for product, target, support, lift in zip(
            links.product.tolist(), links.target.tolist(), links.support.tolist(), links.lift.tolist(), strict=True
        )
    }


def after(links: Links, both: str) -> float:
    number = list(found(links)).index(both)
    return float(links.after_days[number])


def test_the_order_of_purchases_is_learned_with_support_lift_and_gap() -> None:
    mowers = [[(0, "m"), (30 + n % 3, "s")] for n in range(20)]
    others = [[(0, "p"), (30, "q")] for _ in range(60)]
    links = with_gaps(in_order(history([*mowers, *others])), history([*mowers, *others]))
    # Of 80 clients a quarter has each: 5 by chance have both, half of them this way round.
    assert found(links) == {"ms": (20, 8.0), "pq": (60, pytest.approx(80 / 60 * 2))}
    assert after(links, "ms") == 31


def test_what_is_had_in_common_leads_both_ways_and_only_the_later_has_a_gap() -> None:
    shop = history([[(0, "m"), (30, "s")]] * 10 + [[(0, "l")]] * 10)
    links = with_gaps(in_common(shop), shop)
    assert found(links) == {"ms": (10, 2.0), "sm": (10, 2.0)}
    assert after(links, "ms") == 30
    assert np.isnan(after(links, "sm"))


def test_few_clients_and_less_than_chance_make_no_link() -> None:
    assert found(in_order(history([[(0, "a"), (9, "b")]] * 4 + [[(0, "c")]] * 50))) == {}
    rare = [[(0, "a"), (9, "b")]] * 6 + [[(0, "b")]] * 60 + [[(0, "a"), (9, "c")]] * 54
    assert "ab" not in found(in_order(history(rare)))
    assert "ab" not in found(in_common(history(rare)))


@pytest.mark.parametrize("learn", [in_order, in_common])
def test_goods_that_have_nothing_to_do_with_each_other_have_a_lift_of_one(learn: Callable[..., Links]) -> None:
    dice = np.random.default_rng(11)
    rows = [(client, int(dice.integers(200) * DAY), product)
            for client in range(3000) for product in range(8) if dice.random() < 0.4]  # fmt: skip
    shop = History.of(*np.array(rows, dtype=np.int64).T, clients=3000, products=8)
    lifts = learn(shop, least_lift=0.0).lift
    assert len(lifts) == 8 * 7
    assert lifts.mean() == pytest.approx(1.0, abs=0.03)
    assert 0.8 < lifts.min() < lifts.max() < 1.2


def test_what_is_bought_again_links_to_itself_and_ties_go_to_what_sells_now() -> None:
    shop = history([[(0, "ab"), (7, "a"), (14 + n % 3, "a")] for n in range(6)] + [[(0, "b"), (9, "b")]] * 3)
    recent = np.zeros(26, dtype=np.int64)
    recent[0] = 4
    links = repeated(shop, recent)
    assert list(found(links)) == ["aa"], "three clients are too few for b"
    support, lift = found(links)["aa"]
    assert support == 6
    assert lift == pytest.approx(1 / (9 / 15))
    assert links.strength.tolist() == [MILLION + 999]
    assert after(links, "aa") == 7


@given(st.lists(visits, min_size=1, max_size=25))
def test_counts_are_those_of_a_plain_look(shop: Shop) -> None:
    firsts = [{p: min(day for day, skus in mine if p in skus) for p in GOODS if any(p in skus for _, skus in mine)}
              for mine in shop]  # fmt: skip
    ordered = found(in_order(history(shop), least_support=1, least_lift=0.0))
    common = found(in_common(history(shop), least_support=1, least_lift=0.0))
    pairs = sum(len(times) * (len(times) - 1) for times in firsts)
    share = sum(s for s, _ in ordered.values()) / pairs if pairs else 1.0
    for one in GOODS:
        for other in set(GOODS) - {one}:
            both = [times for times in firsts if one in times and other in times]
            turned = [times for times in both if times[one] <= times[other]]
            assert ordered.get(one + other, (0, 0))[0] == len(turned)
            assert common.get(one + other, (0, 0))[0] == len(both)
            if turned:
                chance = sum(one in t for t in firsts) * sum(other in t for t in firsts) / len(shop)
                assert ordered[one + other][1] == pytest.approx(len(turned) / chance / share)
                assert common[one + other][1] == pytest.approx(len(both) / chance)
    assert one + one not in ordered
    assert one + one not in common


@given(st.lists(visits, min_size=1, max_size=25))
def test_gaps_are_the_lower_median_of_those_who_bought_the_target_later(shop: Shop) -> None:
    links = with_gaps(in_common(history(shop), least_support=1, least_lift=0.0), history(shop))
    for number, both in enumerate(found(links)):
        first = [[min((day for day, skus in mine if sku in skus), default=None) for sku in both] for mine in shop]
        gaps = sorted(b - a for a, b in first if a is not None and b is not None and b > a)
        expected = gaps[(len(gaps) - 1) // 2] if gaps else None
        assert (None if np.isnan(links.after_days[number]) else links.after_days[number]) == expected
