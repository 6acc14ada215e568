"""Neither the author's texts nor the data can become SQL: they travel as parameters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, func, select

from regulars.audience.expression import parse
from regulars.audience.local_days import today_by_zone
from regulars.audience.person import load_people
from regulars.audience.sql import Scope, instant
from regulars.db.engine import dry_run
from regulars.db.tables import customers
from regulars.db.tables import facts as kept
from regulars.profile import facts
from regulars.profile.time_zones import in_use
from tests.audience.conditions import quoted
from tests.audience.populations import CATALOGUE
from tests.common import people

NOW = datetime(2026, 3, 10, tzinfo=UTC)
HOSTILE = [
    "'; DROP TABLE customers; --", "' OR '1'='1", "\\'; SELECT 1; --", '"zq"', "%(zq)s", ":zq", "?zq", "{zq}", "zq%%",
    "$zq$", "/* zq */", "zq\nzq", "\u02bczq",
]  # fmt: skip
TEMPLATES = [
    "customer.name == {}", "customer.name < {}", "customer.tier == {}", "customer.name in [{}, 'x']",
    "{} in customer.tags",
    "contains(customer.name, {})", "starts_with({}, customer.name)", "ends_with(customer.tier, {})",
    "bought({})", "bought({}, within='1 day')", "(customer.name if customer.vip else {}) == 'x'",
]  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_text_of_the_author_is_in_the_sql(engine: Engine, template: str) -> None:
    scope = Scope(instant(NOW), customers, kept, "UTC")
    expected = str(parse(template.format("'a'"), CATALOGUE).sql(scope).compile(engine))
    for hostile in HOSTILE:
        written = parse(template.format(quoted(hostile)), CATALOGUE).sql(scope).compile(engine)
        assert str(written) == expected
        assert hostile in list(written.params.values())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_are_plain_texts(engine: Engine, hostile: str) -> None:
    with dry_run(engine) as connection:
        attrs = {"tier": hostile, "tags": [hostile]}
        key = people.add_customer(connection, hostile, name=hostile, timezone=hostile, attrs=attrs)
        other = people.add_customer(connection, "other", name="x", attrs={"tier": "x", "tags": ["x"]})
        facts.refresh(connection)
        scope = Scope(instant(NOW), customers, kept, "UTC", today_by_zone(in_use(connection), NOW, "UTC"))
        asked = select(customers.c.id).join(kept, kept.c.customer_id == customers.c.id)
        known = load_people(connection, [key, other], NOW, "UTC")
        written = quoted(hostile).replace("\n", "\\n")
        for condition in (
            f"customer.name == {written}", f"customer.tier == {written}", f"{written} in customer.tags",
            f"contains(customer.name, {written}) and today == '2026-03-10'", f"customer.external_id in [{written}]",
        ):  # fmt: skip
            expression = parse(condition, CATALOGUE)
            assert connection.scalars(asked.where(expression.sql(scope))).all() == [key], condition
            assert [k for k, person in known.items() if expression.evaluate(person, NOW)] == [key], condition
        assert connection.scalar(select(func.count()).select_from(customers)) == 2
