"""Sequences of products: learned from orders that are known, and never offering what is there already."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from regulars.knowledge.sequence import Bought
from regulars.knowledge.sequence import learn as learn_sequences

GOODS = "abcdefgh"
visits = st.lists(st.frozensets(st.sampled_from(GOODS), min_size=1, max_size=3), min_size=1, max_size=5)


def history(*visits: str | frozenset[str], every: int = 30) -> list[Bought]:
    return [Bought(every * n, frozenset(products)) for n, products in enumerate(visits)]


def test_the_order_of_purchases_is_learned_with_support_lift_and_gap() -> None:
    mowers = [history("m", "s", every=30 + n % 3) for n in range(20)]
    others = [history("p", "q") for _ in range(60)]
    model = learn_sequences([*mowers, *others])
    (link,) = model.links["m"]
    assert (link.target, link.support, link.lift, link.after_days) == ("s", 20, 4.0, 31)
    assert "s" not in model.links, "nobody went back"
    assert model.next_products(["m"]) == ["s"]
    assert model.next_products(["x"]) == []


def test_things_bought_together_lead_to_each_other_without_a_gap() -> None:
    model = learn_sequences([history("lc") for _ in range(6)] + [history("z") for _ in range(6)])
    assert [(link.target, link.after_days) for link in model.links["l"]] == [("c", None)]
    assert model.next_products(["c"]) == ["l"]


def test_few_clients_and_chance_make_no_link() -> None:
    few = learn_sequences([history("a", "b")] * 4 + [history("c")] * 50)
    assert few.links == {}
    chance = [history("a", "b")] * 6 + [history("b")] * 60 + [history("a", "c")] * 54
    assert "b" not in [link.target for link in learn_sequences(chance).links.get("a", ())]


def test_what_is_declared_comes_first_and_what_is_used_up_comes_again() -> None:
    model = learn_sequences([history("m", "s", "o") for _ in range(10)] + [history("p") for _ in range(30)])
    assert model.next_products(["m"], count=2, declared={"m": ["k"]})[0] == "k"
    assert "s" not in model.next_products(["m", "s"], count=9)
    assert "s" in model.next_products(["m", "s"], count=9, consumable=["s"])
    assert model.next_products(["m", "k"], declared={"m": ["k"]}) != ["k"]


@given(st.lists(visits, min_size=1, max_size=25), st.sets(st.sampled_from(GOODS)), st.sets(st.sampled_from(GOODS)))
def test_counts_are_those_of_a_plain_look(shop: list[list[frozenset[str]]], had: set[str], used_up: set[str]) -> None:
    histories = [history(*mine) for mine in shop]
    model = learn_sequences(histories, least_support=1, least_lift=0.0)
    firsts = [{p: next(one.at for one in mine if p in one.products) for p in GOODS
               if any(p in one.products for one in mine)} for mine in histories]  # fmt: skip
    for one in GOODS:
        for other in GOODS:
            both = [times for times in firsts if one in times and other in times and times[one] <= times[other]]
            found = next((x for x in model.links.get(one, ()) if x.target == other), None)
            assert (found.support if found else 0) == (0 if one == other else len(both))
    offered = model.next_products(sorted(had), count=9, consumable=used_up)
    assert not set(map(str, offered)) & (had - used_up)
    assert len(set(offered)) == len(offered)
