"""What a client is like, set by set in SQL, against the same worked out one by one in plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select

from regulars.db import tables
from regulars.db.engine import dry_run, write
from regulars.profile import facts, points
from regulars.profile.traits import BELONGING, NOVEL_DAYS, SIGNALS
from regulars.rules.tariff import Points
from tests.common import people
from tests.common.effort import share

START = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON = 700
SKUS = ("mower", "saw", "oil", "gloves")
LAUNCHED = {"saw": 100, "oil": 0}
ACCESSORIES = {("mower", "oil"), ("mower", "gloves"), ("saw", "gloves")}
LEARNED = {("mower", "saw"): (500, 40), ("mower", "oil"): (300, None), ("gloves", "oil"): (250, 10),
           ("oil", "mower"): (10, 5)}  # fmt: skip
USED_UP = {"oil"}
TARIFF = Points(
    per_currency_unit=Decimal("0.75"), per_visit=10, per_referral=50, levels={"gold": 700, "silver": 100, "member": 1}
)
NAMES = ("meeting.completed", "price.requested", "complaint.opened", "survey.answered", "referral.made",
         "referral.bought", "points.granted", "points.used", "planning.proposed", "advice.given",
         "coupon.redeemed")  # fmt: skip
COLUMNS = ("days", "stage", "motivation", "price_score", "novelty_score", "belonging_score", "stability_score", "sci",
           "nps", "accessories_missing", "points", "points_earned", "level", "next_level", "points_to_next_level",
           "next_product_id", "next_product_at")  # fmt: skip


@dataclass(frozen=True)
class Deed:
    """A purchase (no name) or an event."""

    customer: int
    at: timedelta
    name: str
    amount: Decimal | None
    discount: Decimal | None
    skus: tuple[str, ...]
    data: dict[str, Any]


answer = st.sampled_from([0, 1, 3, 5, 7.5, 8.96, 9, 10, 11, -1, "9", "x", None])
deeds = st.lists(
    st.builds(
        Deed,
        customer=st.integers(1, 3),
        at=st.builds(lambda d, h: timedelta(days=d, hours=h), st.integers(0, HORIZON), st.sampled_from([0, 1, 23])),
        name=st.sampled_from(["", ""]) | st.sampled_from(NAMES),
        amount=st.none() | st.decimals(-200, 900, places=2),
        discount=st.none() | st.sampled_from([Decimal(0), Decimal(5)]),
        skus=st.lists(st.sampled_from(SKUS), max_size=2, unique=True).map(tuple),
        data=st.fixed_dictionaries(
            {"survey": st.sampled_from(["nps", "loyalty", "quality", None])},
            optional=dict.fromkeys(("satisfaction", "score", "return", "recommend", "again"), answer),
        )
        | st.fixed_dictionaries({"points": st.sampled_from([5, 20.9, 2_000_000, -3, "7", None])}),
    ),
    max_size=14,
)


def number(value: Any, least: float, most: float) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if least <= found <= most else None


def expected(done: list[Deed], customer: int, until: timedelta) -> dict[str, Any]:
    """The facts of one client, worked out the slow way."""
    mine = sorted((d for d in done if d.customer == customer and d.at <= until), key=lambda d: d.at)
    bought, said = [d for d in mine if not d.name], [d for d in mine if d.name]
    count = {name: sum(d.name == name for d in said) for name in NAMES}
    year = timedelta(days=365)
    end = max((d.at for d in mine if not d.name or d.name in SIGNALS), default=timedelta())
    lately = [d.name for d in said if d.at > end - year]
    days = sorted({d.at.days for d in bought})
    gaps = [b - a for a, b in pairwise(days)]
    answers: dict[str, float] = {}
    for deed in said:
        if deed.name == "survey.answered":
            answers |= answered(deed.data)
    scores = {
        "price": 0.7 * (sum(bool(d.discount) and not ours(d, said) for d in bought) / len(bought) if bought else 0.0)
        + 0.3 * (min(lately.count("price.requested"), 3) / 3),
        "novelty": sum(map(novel, bought)) / len(bought) if bought else 0.0,
        "belonging": min(sum(map(lately.count, BELONGING)), 3) / 3,
        "stability": steady(gaps) / (1.0 + count["complaint.opened"]),
    }
    best = max(scores, key=lambda name: scores[name])
    has = {sku for d in bought for sku in d.skus}
    known = [answers[key] for key in ("satisfaction", "return", "recommend") if key in answers]
    entries = ledger(mine)
    refers = count["referral.made"] or answers.get("recommend", 0.0) >= 9
    regular = "client" if len(days) >= 3 and steady(gaps) >= 0.3 else "buyer"
    stages = ("visitor" if said else "potential", "buyer", "advocate" if refers else regular)
    return {
        "days": len(days), "stage": stages[min(len(days), 2)],
        "motivation": best if scores[best] >= 0.3 else None,
        **{f"{name}_score": score for name, score in scores.items()},
        "sci": sum(int(each * 10 + 0.5) for each in known) / (len(known) * 100) if known else None,
        "nps": answers.get("recommend"),
        "accessories_missing": len({target for had, target in ACCESSORIES if had in has and target not in has}),
        "points": sum(entries), **standing(sum(p for p in entries if p > 0)),
        **following(bought),
    }  # fmt: skip


def answered(data: dict[str, Any]) -> dict[str, float]:
    survey = data.get("survey")
    if survey == "loyalty":
        asked = {"satisfaction": "score", "return": "again", "recommend": "recommend"}
        fives = {key: number(data.get(name), 1, 5) for key, name in asked.items()}
        return {key: (value - 1) * 2.5 for key, value in fives.items() if value is not None}
    found = {key: number(data.get(key), 0, 10) for key in ("satisfaction", "return", "recommend")}
    spare = "recommend" if survey == "nps" else "satisfaction"
    if found[spare] is None:
        found[spare] = number(data.get("score"), 0, 10)
    return {key: value for key, value in found.items() if value is not None}


def ours(deed: Deed, said: list[Deed]) -> bool:
    return any(d.name == "coupon.redeemed" and abs(d.at - deed.at) <= timedelta(days=1) for d in said)


def novel(deed: Deed) -> bool:
    ages = [deed.at - timedelta(days=LAUNCHED[sku]) for sku in deed.skus if sku in LAUNCHED]
    return any(timedelta() <= age <= timedelta(days=NOVEL_DAYS) for age in ages)


def steady(gaps: list[int]) -> float:
    if len(gaps) < 2:
        return 0.0
    return max(0.0, 1.0 - (float(len(gaps)) * sum(g * g for g in gaps) / (float(sum(gaps)) * sum(gaps)) - 1.0))


def ledger(mine: list[Deed]) -> list[int]:
    found, visits = [], 0
    for deed in mine:
        if not deed.name:
            visits += 1
            found += [int((deed.amount or 0) * TARIFF.per_currency_unit), 10 if visits > 1 else 0]
        given = int(number(deed.data.get("points"), 0, 1_000_000) or 0)
        found.append({"referral.bought": 50, "points.granted": given, "points.used": -given}.get(deed.name, 0))
    return found


def standing(earned: int) -> dict[str, Any]:
    ways = sorted((least, name) for name, least in TARIFF.levels.items())
    reached = [name for least, name in ways if least <= earned]
    left = [(name, least - earned) for least, name in ways if least > earned]
    name, points_left = left[0] if left else (None, None)
    return {
        "points_earned": earned, "level": reached[-1] if reached else None, "next_level": name,
        "points_to_next_level": points_left,
    }  # fmt: skip


def following(bought: list[Deed]) -> dict[str, Any]:
    last = {sku: deed.at for deed in bought for sku in deed.skus}
    score: dict[str, int] = {}
    due: dict[str, timedelta] = {}
    for (had, target), (strength, after) in LEARNED.items():
        if had in last and (target not in last or target in USED_UP):
            score[target] = score.get(target, 0) + strength
            since = max(last[had], last.get(target, timedelta()))
            due[target] = max(due.get(target, timedelta()), since + timedelta(days=after or facts.USUAL_GAP))
    if not score:
        return {"next_product_id": None, "next_product_at": None}
    best = min(score, key=lambda sku: (-score[sku], SKUS.index(sku)))
    return {"next_product_id": SKUS.index(best) + 1, "next_product_at": START + due[best]}


def furnish(connection: Connection, tariff: Points = TARIFF) -> None:
    points.put_in_force(connection, tariff)
    for key in (1, 2, 3):
        people.add_customer(connection, f"c-{key}", id=key)
    for key, sku in enumerate(SKUS, 1):
        launched = START + timedelta(days=LAUNCHED[sku]) if sku in LAUNCHED else None
        people.add_product(connection, sku, id=key, consumable=sku in USED_UP, launched_at=launched)
    for product, target in ACCESSORIES:
        people.add_link(connection, product, "accessory", target)
    for (product, target), (strength, after) in LEARNED.items():
        row = {"product_id": SKUS.index(product) + 1, "target_id": SKUS.index(target) + 1, "strength": strength,
               "support": 5, "lift": 2.0, "after_days": after}  # fmt: skip
        connection.execute(insert(tables.learned_links).values(row))
    facts.refresh(connection)


def happen(connection: Connection, deed: Deed) -> None:
    at = START + deed.at
    if deed.name:
        key = people.add_event(connection, deed.customer, deed.name, at, deed.data)
        facts.refresh_after_events(connection, [key])
    else:
        people.add_purchase(connection, deed.customer, at, *deed.skus, amount=deed.amount, discount=deed.discount)
        facts.refresh(connection, [deed.customer])


def found(connection: Connection, source: Any, customer: int) -> dict[str, Any]:
    query = select(*(source.c[name] for name in COLUMNS)).where(source.c.customer_id == customer)
    return dict(connection.execute(query).mappings().one())


@pytest.mark.slow
@settings(max_examples=share(3), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(done=deeds, then=st.integers(0, HORIZON))
def test_facts_are_those_that_a_plain_look_finds(engine: Engine, done: list[Deed], then: int) -> None:
    with dry_run(engine) as connection:
        furnish(connection)
        done = sorted(done, key=lambda deed: deed.at)
        for deed in done:
            happen(connection, deed)
        for customer in (1, 2, 3):
            assert found(connection, tables.facts, customer) == expected(done, customer, timedelta(days=HORIZON + 1))
        assert facts.refresh(connection) == 0, "a full recompute finds nothing to mend"
        for look in (facts.source, facts.materialized):
            past = look(connection, START + timedelta(days=then))
            for customer in (1, 2, 3):
                assert found(connection, past, customer) == expected(done, customer, timedelta(days=then))


def test_the_points_ledger_adds_up_entry_by_entry(engine: Engine) -> None:
    with write(engine) as connection:
        furnish(connection, Points(per_currency_unit=Decimal(1), per_visit=10, per_referral=50))
        people.add_purchase(connection, 1, "2026-01-05", amount="49.99")
        people.add_purchase(connection, 1, "2026-02-05", amount="120")
        people.add_purchase(connection, 1, "2026-02-06", amount="-20.50")
        people.add_event(connection, 1, "referral.bought", "2026-02-07")
        people.add_event(connection, 1, "points.used", "2026-02-08", {"points": 100})
        facts.refresh(connection, [1])
        entries = points.ledger(connection, 1, START + timedelta(days=365))
        assert [(points, reason) for _, points, reason in entries] == [
            (49, "spent"), (120, "spent"), (10, "visit"), (-20, "spent"), (10, "visit"), (50, "referral.bought"),
            (-100, "points.used"),
        ]  # fmt: skip
        kept = connection.execute(select(tables.facts).where(tables.facts.c.customer_id == 1)).mappings().one()
        assert kept["points"] == sum(points for _, points, _ in entries) == 119
        assert kept["points_earned"] == 239


def test_a_changed_tariff_counts_anew_and_the_same_one_counts_nothing(engine: Engine) -> None:
    with write(engine) as connection:
        furnish(connection, Points())
        people.add_purchase(connection, 1, "2026-01-05", amount="49.99")
        people.add_purchase(connection, 1, "2026-02-05", amount="100000000000")
        facts.refresh(connection, [1])
        assert found(connection, tables.facts, 1)["points"] == 0, "no tariff, no points"
        dear = Points(per_currency_unit=Decimal(1000), per_visit=5, levels={"gold": 100})
        assert points.put_in_force(connection, dear)
        facts.refresh(connection)
        assert found(connection, tables.facts, 1)["points"] == 49_990 + 100_000_000_000_000 + 5
        assert found(connection, tables.facts, 1)["level"] == "gold"
        assert not points.put_in_force(connection, Points.model_validate(dear.model_dump()))
        assert points.in_force(connection) == dear


def test_a_declared_sequence_comes_before_a_learned_one(engine: Engine) -> None:
    with write(engine) as connection:
        furnish(connection)
        people.add_link(connection, "mower", "next", "gloves", after_days=7)
        people.add_purchase(connection, 1, "2026-01-05", "mower")
        people.add_purchase(connection, 2, "2026-01-05", "mower", "gloves")
        facts.refresh(connection, [1, 2])
        rows = select(tables.facts.c.next_product_id).order_by(tables.facts.c.customer_id)
        assert list(connection.scalars(rows)) == [SKUS.index("gloves") + 1, SKUS.index("oil") + 1, None]


def test_an_event_that_says_nothing_is_not_recomputed_for(engine: Engine) -> None:
    with write(engine) as connection:
        furnish(connection)
        first = people.add_event(connection, 1, "meeting.completed", "2026-01-05")
        assert facts.refresh_after_events(connection, [first]) == 1, "potential becomes visitor"
        second = people.add_event(connection, 1, "meeting.completed", "2026-01-06")
        connection.execute(tables.facts.update().where(tables.facts.c.customer_id == 1).values(points=77))
        assert facts.refresh_after_events(connection, [second]) == 0
