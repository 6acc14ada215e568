"""What each part of the language means, case by case, in Python and on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, select, text

from regulars.audience.expression import parse
from regulars.audience.local_days import today_by_zone
from regulars.audience.person import load_people
from regulars.audience.rule_catalogue import catalogue_of
from regulars.audience.sql import Scope, instant
from regulars.db.engine import dry_run
from regulars.db.tables import customers
from regulars.profile import facts
from regulars.profile.time_zones import in_use
from regulars.rules.model import Rulebook
from tests.audience.populations import CATALOGUE, furnish
from tests.common import people
from tests.common.rules import rules

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 10, 22, 30, tzinfo=UTC)  # already the 11th in Chișinău

CASES: dict[str, list[tuple[str, bool | None]]] = {
    "fields": [
        ("customer.external_id == 'ada'", True),
        ("customer.name == 'Ada Ж'", True),
        ("customer.country is none", True),
        ("customer.country is not none", False),
        ("customer.manager == 'm-2'", True),
        ("customer.next_product == 'shampoo'", True),
        ("customer.next_product_at == '2026-03-10T12:00Z'", True),  # 20 days after the latest haircut
        ("customer.purchases == 3", True),
        ("customer.spent == 60.5", True),
        ("customer.rhythm == 14.5", True),  # 29 days between three purchases
        ("1.4 < customer.overdue < 1.41", True),  # 20 days and ten and a half hours
        ("customer.first_purchase_at < customer.last_purchase_at", True),
    ],
    "three values": [
        ("customer.country == 'MD'", None),
        ("customer.country != 'MD'", None),
        ("not customer.country == 'MD'", None),
        ("customer.country == customer.country", None),
        ("customer.country == 'MD' or customer.purchases > 0", True),
        ("customer.country == 'MD' or customer.purchases > 9", None),
        ("customer.country == 'MD' and customer.purchases > 0", None),
        ("customer.country == 'MD' and customer.purchases > 9", False),
        ("(customer.country == 'MD') is none", True),
        ("customer.country in ['MD', 'RO']", None),
        ("customer.country not in ['MD', 'RO']", None),
        ("customer.country in []", False),
        ("customer.country not in []", True),
        ("true if customer.country == 'MD' else false", False),
        ("contains(customer.country, '')", None),
        ("days_since(customer.seen) > 3", None),
    ],
    "numbers": [
        ("1 < customer.purchases <= 3", True),
        ("1 < customer.purchases < 3", False),
        ("customer.spent / customer.purchases > 20", True),
        ("customer.spent / 0 > 1", None),
        ("(customer.spent / 0) is none", True),
        ("customer.credit + 1 == 8", True),  # the text "7" is a number where one was declared
        ("-customer.credit == -7", True),
        ("0.1 + 0.2 == 0.3", False),  # as in any language with doubles
        ("0.1 + (0.2 + 0.3) == (0.1 + 0.2) + 0.3", False),
        ("7 - (3 - 2) == 6", True),
        ("8 / (4 / 2) == 4", True),
        ("customer.purchases in [1, 2, 3.0]", True),
        ("(5 if customer.purchases > 2 else 1) == 5", True),
        ("(none if customer.purchases > 2 else 1) is none", True),
    ],
    "texts": [
        ("customer.name == 'ada Ж'", False),
        ("customer.name < 'a'", True),  # by code point: capitals first
        ("'Z' < 'a' < 'ä' < 'Ж'", True),
        ("contains(customer.name, 'a Ж')", True),
        ("contains(customer.name, 'ADA')", False),
        ("contains(customer.name, '%')", False),
        ("contains(customer.name, '')", True),
        ("starts_with(customer.name, 'Ada')", True),
        ("ends_with(customer.name, 'Ж')", True),
        ("ends_with(customer.name, customer.name)", True),
        ("ends_with(customer.name, '')", True),
        ("starts_with(customer.first_name, customer.name)", False),
        ("customer.tier == '12'", True),  # the number 12 where a text was declared
        ("'new' in customer.tags", True),
        ("'New' in customer.tags", False),
        ("'new' not in customer.tags", False),
    ],
    "days": [
        ("days_since(customer.last_purchase_at) == 20", True),
        ("days_until(customer.last_purchase_at) == -20", True),
        ("days_until(customer.last_purchase_at) + 20 == 0", True),
        ("days_since(customer.last_purchase_at) > 20", False),
        ("days_since(customer.last_purchase_at) >= 19.5", True),
        ("20 <= days_since(customer.last_purchase_at)", True),
        ("days_since(customer.last_purchase_at) == 20.5", False),
        ("days_since(customer.last_purchase_at) != 20", False),
        ("days_since(customer.last_purchase_at) < 1000000000", True),
        ("days_since(now) == 0", True),
        ("days_since('2026-03-11') == 0", True),  # a date, so by the client's own calendar
        ("days_until(customer.renewal) == 1", True),
        ("days_since(customer.renewal) == -1", True),
        ("customer.renewal == '2026-03-12'", True),
        ("today == '2026-03-11'", True),
        ("today in ['2026-03-10', '2026-03-11']", True),
        ("customer.birthday < today", True),
        ("customer.created_at >= '2026-01-31'", True),  # midnight of the company, Tallinn: 22:00 UTC the day before
        ("customer.created_at >= '2026-02-01'", False),
        ("customer.created_at == '2026-01-30T22:00Z'", True),
        ("customer.created_at == '2026-01-31 00:00+02:00'", True),
        ("customer.created_at < now", True),
    ],
    "history": [
        ("bought('haircut')", True),
        ("bought('hair')", True),  # its category
        ("bought('wax')", False),  # bought tomorrow
        ("bought('haircut', within='21 days')", True),
        ("bought('haircut', within='20 days')", False),
        ("did('purchase')", True),
        ("did('complaint')", False),
        ("did('visit.done', within='1 hour')", True),
        ("did('visit.done', within='30 minutes')", False),  # it was exactly thirty minutes ago
        ("count('visit.done') == 2", True),
        ("count('visit.done', within='3 days') == 1", True),
        ("count('purchase') == customer.purchases", True),
        ("count('purchase', within='365 days') == 3", True),
        ("spent() == 60.5", True),
        ("spent(within='30 days') == 40.5", True),
        ("spent(within='1 day') == 0", True),
        ("first('visit.done') == '2026-03-01T10:00Z'", True),
        ("days_since(last('visit.done')) == 0", True),
        ("last('complaint') is none", True),
        ("first('purchase') == customer.first_purchase_at", True),
    ],
}  # fmt: skip


def world(connection: Connection) -> tuple[int, Scope]:
    """Ada, and the scope at NOW."""
    furnish(connection)
    ada = people.add_customer(
        connection, "ada", name="Ada Ж", first_name="Ada", timezone="Europe/Chisinau", birthday="1990-02-28",
        created_at="2026-01-30T22:00", manager="m-2",
        attrs={"credit": "7", "tier": 12, "renewal": "2026-03-12", "tags": ["new", 1], "vip": "yes"},
    )  # fmt: skip
    people.add_purchase(connection, ada, "2026-01-20T12:00", "haircut", amount=20)
    people.add_purchase(connection, ada, "2026-02-16T12:00", "haircut", amount="40.5")
    people.add_purchase(connection, ada, "2026-02-18T12:00", "haircut", amount=None)
    people.add_purchase(connection, ada, "2026-03-11T22:30", "wax", amount=Decimal(500))
    people.add_event(connection, ada, "visit.done", "2026-03-01T10:00", {"score": 5})
    people.add_event(connection, ada, "visit.done", "2026-03-10T22:00", {"score": 9})
    people.add_event(connection, ada, "complaint", "2026-03-10T22:30:00.000001")
    facts.refresh(connection)
    known = facts.source(connection, NOW)
    return ada, Scope(
        instant(NOW), customers, known, "Europe/Tallinn", today_by_zone(in_use(connection), NOW, "Europe/Tallinn")
    )


def test_the_world_has_a_purchase_that_is_yet_to_come(engine: Engine) -> None:
    with dry_run(engine) as connection:
        _, scope = world(connection)
        assert scope.facts.name == "facts_then"  # type: ignore[attr-defined]


@pytest.mark.parametrize("group", CASES)
def test_meaning(engine: Engine, group: str) -> None:
    with dry_run(engine) as connection:
        ada, scope = world(connection)
        person = load_people(connection, [ada], NOW, "Europe/Tallinn")[ada]
        asked = select(customers.c.id).join(scope.facts, scope.facts.c.customer_id == customers.c.id)
        in_python = {text: parse(text, CATALOGUE).explain(person, NOW).value for text, _ in CASES[group]}
        in_sql = {
            text: connection.scalar(asked.with_only_columns(parse(text, CATALOGUE).sql(scope)))
            for text, _ in CASES[group]
        }
    assert in_python == dict(CASES[group])
    assert in_sql == dict(CASES[group])


def test_unknown_counts_as_no(engine: Engine) -> None:
    with dry_run(engine) as connection:
        ada, scope = world(connection)
        person = load_people(connection, [ada], NOW, "Europe/Tallinn")[ada]
        unknown = parse("customer.country == 'MD'", CATALOGUE)
        asked = select(customers.c.id).join(scope.facts, scope.facts.c.customer_id == customers.c.id)
        assert unknown.evaluate(person, NOW) is False
        assert connection.execute(asked.where(unknown.sql(scope))).all() == []


def test_a_comparison_of_days_is_one_of_instants_so_that_an_index_serves(sqlite_engine: Engine) -> None:
    with dry_run(sqlite_engine) as connection:
        _, scope = world(connection)
        long_ago = parse("days_since(customer.created_at) > 90", CATALOGUE).sql(scope)
        asked = select(customers.c.id).where(long_ago).compile(connection)
        connection.execute(text("CREATE INDEX by_birth ON customers (created_at)"))
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {asked}", tuple(asked.params[name] for name in asked.positiontup or ())
        ).all()
    assert "USING COVERING INDEX by_birth (created_at<?)" in plan[0].detail


def test_a_scope_without_today_or_event_is_refused_where_they_are_asked(sqlite_engine: Engine) -> None:
    with dry_run(sqlite_engine) as connection:
        _, scope = world(connection)
        bare = Scope(instant(NOW), scope.customers, scope.facts, scope.zone)
        parse("customer.purchases > 1", CATALOGUE).sql(bare)
        with pytest.raises(ValueError, match="today"):
            parse("today > '2026-01-01'", CATALOGUE).sql(bare)
        with pytest.raises(ValueError, match="event_data"):
            parse("event.score > 1", CATALOGUE, "visit.done").sql(bare)


def test_clients_of_an_alias(engine: Engine) -> None:
    with dry_run(engine) as connection:
        ada, scope = world(connection)
        them = customers.alias("them")
        today = today_by_zone(in_use(connection), NOW, "Europe/Tallinn", them)
        aliased = Scope(instant(NOW), them, scope.facts, scope.zone, today)
        text = "did('visit.done') and customer.manager == 'm-2' and today == '2026-03-11' and customer.credit == 7"
        asked = select(them.c.id).join(scope.facts, scope.facts.c.customer_id == them.c.id)
        assert connection.scalars(asked.where(parse(text, CATALOGUE).sql(aliased))).all() == [ada]


def test_what_it_depends_on() -> None:
    found = parse("customer.overdue > 2 and (did('visit.done') or bought('wax')) and customer.vip", CATALOGUE)
    assert found.fields == {"overdue", "vip"}
    assert found.events == {"visit.done", "purchase"}


def test_the_catalogue_of_a_rulebook() -> None:
    found = rules({}, fields=CATALOGUE_FIELDS).rulebook
    assert isinstance(found, Rulebook)
    catalogue = catalogue_of(found)
    assert catalogue.fields["credit"].custom
    assert not catalogue.fields["email"].custom  # a built-in field cannot be redefined
    assert set(catalogue.events["purchase"]) == {"amount", "currency", "quantity", "discount"}
    assert catalogue.events["visit.done"]


CATALOGUE_FIELDS = {name: CATALOGUE.fields[name].type for name in ("credit", "email")}
