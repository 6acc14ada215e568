"""The columns of a purchase history, against the same by a loop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from regulars.knowledge.purchase_history import History

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 5), st.integers(0, 4)), max_size=40)


def _listed(history: History) -> list[tuple[int, int, int]]:
    return list(zip(history.client.tolist(), history.at.tolist(), history.product.tolist(), strict=True))


def _history(rows: list[tuple[int, int, int]]) -> History:
    who, when, what = ([row[n] for row in rows] for n in range(3))
    return History.of(who, when, what, clients=4, products=5)


@given(ROWS)
def test_the_last_purchase_of_each_product_comes_latest_first(rows: list[tuple[int, int, int]]) -> None:
    latest: dict[tuple[int, int], int] = {}
    for client, at, product in rows:
        latest[client, product] = max(at, latest.get((client, product), at))
    expected = sorted(((client, at, product) for (client, product), at in latest.items()),
                      key=lambda row: (row[0], -row[1], row[2]))  # fmt: skip
    assert _listed(_history(rows).last()) == expected


@given(ROWS)
def test_the_first_purchase_of_each_product_comes_earliest_first(rows: list[tuple[int, int, int]]) -> None:
    earliest: dict[tuple[int, int], int] = {}
    for client, at, product in rows:
        earliest[client, product] = min(at, earliest.get((client, product), at))
    expected = sorted((client, at, product) for (client, product), at in earliest.items())
    assert _listed(_history(rows).first()) == expected


@given(ROWS)
def test_a_visit_is_a_client_at_an_instant(rows: list[tuple[int, int, int]]) -> None:
    history = _history(rows)
    visits = sorted({(client, at) for client, at, _ in rows})
    assert history.visits().tolist() == [visits.index((client, at)) for client, at, _ in _listed(history)]
