"""The sentence of every fact, worked out again from the numbers it names, comes to the fact itself."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from math import floor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from regulars.audience.person import load_people
from regulars.context.plan_context import plan_context
from regulars.db.engine import dry_run, read, write
from regulars.explain.client_facts import client_facts
from regulars.operation.learn import learn
from regulars.profile import facts as fact_store
from regulars.rules.fields import DERIVED
from tests.common import people
from tests.common.bench import at
from tests.common.effort import share
from tests.common.rules import rules
from tests.profile.test_traits import HORIZON, LEARNED, START, Deed, deeds, furnish, happen

RULES = rules({"back": {"when": "customer.overdue >= 2", "email": "a"}}, company={"currency": "EUR"})
Deliveries = dict[str, tuple[Any, str]]


def told(connection: Connection, key: int, now: Any) -> Deliveries:
    person = load_people(connection, [key], now, "UTC")[key]
    found = client_facts(plan_context(connection, RULES, now, key), person, key)
    assert len({fact.name for fact in found}) == len(found)
    assert set(DERIVED) | {"source", "manager"} <= {fact.name for fact in found}
    assert all(fact.why.endswith(".") and "None" not in fact.why for fact in found)
    return {fact.name: (fact.value, fact.why) for fact in found}


def numbers(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in re.findall(r"(?<![\w-])[-+]?\d[\d,]*(?:\.\d+)?", text)]


def check_behaviour(found: Deliveries) -> None:
    value, why = found["price_score"]
    discounted, bought, asked = numbers(re.sub(r"\(.*?\)", "", why))
    assert value == pytest.approx(0.7 * discounted / max(bought, 1) + 0.3 * min(asked, 3) / 3)
    value, why = found["novelty_score"]
    novel, bought, _ = numbers(why)
    assert value == pytest.approx(novel / max(bought, 1))
    value, why = found["belonging_score"]
    assert value == pytest.approx(min(numbers(why)[0], 3) / 3)
    value, why = found["stability_score"]
    divided = numbers(why.partition("divided by ")[2] or "1")[0]
    if "gaps of" in why:
        _, mean, spread, *_ = numbers(why)
        assert value == pytest.approx(max(0.0, 1 - (spread / mean) ** 2) / divided, abs=0.03 + 0.2 / mean)
    else:
        assert value == 0
    scores = re.findall(r"(price|novelty|belonging|stability) (\d+(?:\.\d+)?)", found["motivation"][1])
    assert {f"{name}_score": float(score) for name, score in scores[:4]} == {
        f"{name}_score": floor(found[f"{name}_score"][0] * 100 + 1e-9) / 100
        for name in ("price", "novelty", "belonging", "stability")
    }


def check_answers(found: Deliveries) -> None:
    value, why = found["sci"]
    answers = re.findall(r"(?:satisfied|will return|will recommend) (\d+(?:\.\d+)?)", why)
    assert value == (pytest.approx(sum(map(float, answers)) / len(answers) / 10) if answers else None)
    value, why = found["nps"]
    assert numbers(why)[:1] == ([value] if value is not None else [])
    band, why = found["sci_band"]
    assert (band is None) == (found["sci"][0] is None)
    if band is not None:
        own, least = numbers(why)
        assert (own >= least) == (band != "at risk") == ("at least" in why)


def check_purchases(found: Deliveries) -> None:
    value, why = found["purchases"]
    assert value == (0 if "nothing" in why else 1 if "once" in why else numbers(why)[0])
    value, why = found["overdue"]
    if value is not None:
        rhythm, times = numbers(why)[-2:]
        assert times == round(value, 2)
        assert rhythm == round(found["rhythm"][0], 1) == numbers(found["rhythm"][1])[-1]
    value, why = found["points"]
    assert value == sum(numbers(re.sub("`.*?`", "", why)))
    value, why = found["accessories_missing"]
    assert value == why.count("`") / 2
    assert numbers(found["level"][1])[0] >= max(0, found["points"][0])
    value, why = found["next_product"]
    assert (value is None) == ("due on" not in why)
    if value is not None:
        assert f"due on {found['next_product_at'][0]:%Y-%m-%d}" in why
        leading = {had for (had, target) in LEARNED if target == value}
        assert re.findall("`(.*?)`", why)[0] in leading
    stages = {
        "potential": "nothing else", "visitor": "we know of", "buyer": "one day only|not regularly",
        "client": "regularly; referred nobody",
        "advocate": "and (referred|would)",
    }  # fmt: skip
    assert re.search(stages[found["stage"][0]], found["stage"][1])


@pytest.mark.slow
@settings(max_examples=share(3), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(done=deeds, then=st.integers(0, HORIZON))
def test_each_sentence_comes_to_its_fact(engine: Engine, done: list[Deed], then: int) -> None:
    with dry_run(engine) as connection:
        furnish(connection)
        for deed in sorted(done, key=lambda each: each.at):
            happen(connection, deed)
        for now in (START + timedelta(days=then), START + timedelta(days=HORIZON + 1)):
            found = told(connection, 1, now)
            check_behaviour(found)
            check_answers(found)
            check_purchases(found)


def test_in_words(engine: Engine) -> None:
    with dry_run(engine) as connection:
        furnish(connection)
        key = people.add_customer(connection, "ada", id=9, source="a friend", attrs={"motivation_by_hand": "novelty"})
        people.add_link(connection, "mower", "next", "saw", after_days=60)
        for date in ("2026-01-10", "2026-02-17", "2026-03-27"):
            people.add_purchase(connection, key, date, "mower", amount=120, discount=Decimal(5))
        people.add_event(connection, key, "survey.answered", "2026-04-01", {"satisfaction": 9, "recommend": 10})
        people.add_event(connection, key, "complaint.opened", "2026-04-02")
        fact_store.refresh(connection)
        found = {name: why for name, (_, why) in told(connection, key, at("2026-06-26T12:00")).items()}
        assert found["stage"] == "Bought on 3 days, and would recommend us with 10."
        assert found["purchases"] == (
            "Bought 3 times for 360.00 EUR in all, last on 2026-03-27, 91 days ago; first on 2026-01-10."
        )
        assert found["overdue"] == "Last bought 91 days ago, usually every 38 days: 2.41 times as long as usual."
        assert found["motivation"] == (
            "Set by hand (`motivation_by_hand`); what they did says `price`:"
            " price 0.7, novelty 0, belonging 0, stability 0.5."
        )
        assert found["stability_score"] == (
            "2 gaps of 38 days on average, which differ by 0; divided by 2 for 1 complaint."
        )
        assert found["sci"] == (
            "The mean of the latest answers, out of 10: satisfied 9, will recommend 10; not answered: will return."
        )
        assert found["nps"] == "Would recommend us with 10 out of 10: promoter."
        assert (
            found["next_product"]
            == "Declared to follow `mower`, bought on 2026-03-27, after 60 days: due on 2026-05-26."
        )
        assert found["accessories_missing"] == (
            "Goes with what they bought, and they have not bought it: `oil`, `gloves`."
        )
        assert found["points"] == "+270 for money spent, +20 for coming again."
        assert found["level"] == "Earned 290 points in all, used or not; 410 more open `gold`."
        assert found["p_alive"] == "Not known before `regulars learn` has learned how clients buy."
        assert (found["source"], found["manager"]) == (
            "Heard of us by a friend.", "Nobody is named who looks after them.",
        )  # fmt: skip


@pytest.mark.slow
def test_what_was_learned_is_told_with_its_numbers(engine: Engine) -> None:
    """Sixty clients buy a mower, and most of them a saw a month later, and again."""
    with write(engine) as connection:
        for number, sku in enumerate(("mower", "saw", "oil"), 1):
            people.add_product(connection, sku, id=number)
        for number in range(1, 71):
            key = people.add_customer(connection, f"c-{number}", id=number)
            people.add_purchase(connection, key, START + timedelta(days=number % 9), "mower", amount=100 + number)
            if number <= 60:
                people.add_purchase(connection, key, START + timedelta(days=30 + number), "saw", amount=90)
        fact_store.refresh(connection)
    learn(engine, at("2026-06-01T00:00"))
    with read(engine) as connection:
        bought, once = (told(connection, key, at("2026-06-10T12:00")) for key in (60, 70))
    product, why = once["next_product"]
    assert product == "saw"
    assert why.startswith(
        "Learned: 60 clients bought this after `mower` or with it, 2 times as many as by chance; usually due on 2026-"
    )
    assert bought["next_product"] == (None, "They have all that follows what they bought.")
    chance, why = bought["p_alive"]
    assert why.startswith(f"{chance * 100:.0f} %: bought on 2 days within ")
    assert why.endswith("(learned from 70 clients on 2026-06-01).")
    assert once["p_alive"][0] == 1
    assert "one day only" in once["p_alive"][1]
    clv, why = bought["clv"]
    assert why == (
        f"Expected to spend {clv:.2f} EUR within a year, by 2 purchases for 250.00 EUR, as worked out on 2026-06-01."
    )
