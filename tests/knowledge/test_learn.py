"""Learning from a database and back into it: what clients are worth, who is alive, what comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, select

from regulars.audience.evaluate import Evaluation
from regulars.audience.person import load_people
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.operation.learn import learn, revalue
from regulars.profile import facts
from tests.common import people

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


def test_too_little_history_teaches_nothing_and_breaks_nothing(engine: Engine) -> None:
    assert learn(engine, NOW).buying is False
    with write(engine) as connection:
        people.add_purchase(connection, people.add_customer(connection), START, amount=5)
        facts.refresh(connection)
    assert learn(engine, NOW).valued == 0
