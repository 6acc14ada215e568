"""Learning from a database and back into it: what clients are worth, who is alive, what comes next."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import BigInteger, Engine, literal, select

from regulars.audience.computed_fields import COMPUTED
from regulars.audience.evaluate import Evaluation
from regulars.audience.person import load_people
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.db.types import MICROSECOND, to_micros
from regulars.knowledge.product_prediction import Method, fit
from regulars.knowledge.purchase_history import History
from regulars.operation.learn import learn, put_in_force, revalue
from regulars.profile import facts
from regulars.profile.facts import source
from tests.common import people
from tests.common.histories import groceries

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=300)


@pytest.fixture
def shop(engine: Engine) -> Engine:
    """Ninety clients: a third come once, a third came often and are gone, a third keep coming."""
    with write(engine) as connection:
        for sku in ("mower", "saw", "oil"):
            people.add_product(connection, sku)
        for number in range(90):
            key = people.add_customer(connection, f"c-{number}")
            visits = ([0], [0, 7, 14, 21], [number % 7, 60, 120 + number % 11, 200, 290])[number % 3]
            for place, day in enumerate(visits):
                skus = ["mower", "saw"][place : place + 1]
                people.add_purchase(
                    connection, key, START + timedelta(days=day), *skus, amount=Decimal(20 + number % 5)
                )
        facts.refresh(connection)
    return engine


@pytest.mark.slow
def test_what_was_learned_is_kept_and_told_to_the_facts(shop: Engine) -> None:
    found = learn(shop, NOW)
    assert (found.buying, found.spending, found.valued, found.links) == (True, True, 90, 1)
    with read(shop) as connection:
        rows = select(tables.facts.c.customer_id, tables.products.c.sku).join(
            tables.products, tables.products.c.id == tables.facts.c.next_product_id
        )
        assert {sku for _, sku in connection.execute(rows)} == {"saw"}
        known = load_people(connection, [1, 2, 3], NOW, "UTC")
        once, gone, regular = (known[key] for key in (1, 2, 3))
        alive = [Evaluation(person, NOW).built_in("p_alive") for person in (once, gone, regular)]
        assert alive[0] == 1.0
        assert alive[1] < 0.1
        assert 0.75 < alive[2] < 1.0
        assert regular.fields["clv"] > gone.fields["clv"] > 0


@pytest.mark.slow
def test_how_late_a_client_is_by_what_others_did_is_one_number_in_python_and_in_sql(shop: Engine) -> None:
    """Sixty come again after 7 to 60 days, thirty have not for 300."""
    learn(shop, NOW)
    for days, least, most in ((5, 0.0, 0.0), (8, 0.4, 0.9), (60, 1.0, 1.0), (300, 1.0, 1.0)):
        now = START + timedelta(days=days)
        with read(shop) as connection:
            seen = source(connection, now)
            for key in (1, 2, 3):
                person = load_people(connection, [key], now, "UTC")[key]
                told = Evaluation(person, now).built_in("others_returned")
                computed = COMPUTED["others_returned"].in_sql(
                    tables.customers, seen, literal(to_micros(now), BigInteger)
                )
                query = select(computed).join_from(tables.customers, seen, seen.c.customer_id == tables.customers.c.id)
                assert connection.scalar(query.where(tables.customers.c.id == key)) == told
                if key == 1:
                    assert told is not None
                    assert least <= told <= most


@pytest.mark.slow
def test_what_is_popular_is_offered_where_links_lead_nowhere_alike_in_sql_and_numpy(engine: Engine) -> None:
    """Groceries, of which half get used up: what the model would offer is what the facts have, client by client."""
    lines = groceries(clients=90, products=14, days=200)
    used_up = lines.consumable & (np.arange(14) % 2 == 0)
    with write(engine) as connection:
        for number, consumable in enumerate(used_up.tolist()):
            people.add_product(connection, f"s-{number}", id=number + 1, consumable=consumable)
        for client in range(90):
            people.add_customer(connection, f"c-{client}", id=client + 1)
        for client, at in sorted(set(zip(lines.clients.tolist(), lines.instants.tolist(), strict=True))):
            mine = lines.products[(lines.clients == client) & (lines.instants == at)].tolist()
            people.add_purchase(connection, client + 1, START + at * MICROSECOND, *(f"s-{p}" for p in mine), amount=5)
        facts.refresh(connection)
    found = learn(engine, NOW)
    assert found.trials
    history = History.of(lines.clients, lines.instants, lines.products, clients=90, products=14)
    for method in Method:
        model = fit(history, used_up, method)
        with write(engine) as connection:
            put_in_force(connection, model, history, np.arange(1, 15), (), NOW)
            rows = connection.execute(select(tables.facts.c.next_product_id).order_by(tables.facts.c.customer_id))
            expected = model.offers(history, np.arange(90))[:, 0]
            assert [key for (key,) in rows] == [int(p) + 1 if p >= 0 else None for p in expected]


@pytest.mark.slow
def test_after_one_purchase_one_client_is_valued_anew(shop: Engine) -> None:
    learn(shop, NOW)
    assert revalue(shop, NOW) == 0
    with write(shop) as connection:
        people.add_purchase(connection, 2, NOW, amount=500)
        facts.refresh(connection, [2])
        before = connection.scalar(select(tables.worth.c.clv).where(tables.worth.c.customer_id == 2))
    assert revalue(shop, NOW) == 1
    with read(shop) as connection:
        after = connection.scalar(select(tables.worth.c.clv).where(tables.worth.c.customer_id == 2))
        assert before is not None
        assert after is not None
        assert after > before


@pytest.mark.parametrize(("given", "used"), [(None, "1"), ("3", "3")])
def test_algebra_keeps_to_one_thread_unless_told_otherwise(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, given: str | None, used: str
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
    learn(sqlite_engine, NOW)
    assert os.environ["OPENBLAS_NUM_THREADS"] == used


def test_too_little_history_teaches_nothing_and_breaks_nothing(engine: Engine) -> None:
    assert learn(engine, NOW).buying is False
    with write(engine) as connection:
        people.add_purchase(connection, people.add_customer(connection), START, amount=5)
        facts.refresh(connection)
    assert learn(engine, NOW).valued == 0
