"""`days_since(x) > n` written as a bound on x selects exactly what counting the days selects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Engine, column, literal, select, values

from regulars.audience import day_spans
from regulars.audience.evaluate import COMPARE
from regulars.audience.nodes import Comparison
from regulars.audience.sql import instant
from regulars.db.engine import read
from regulars.db.types import DAY, to_micros

NOW = datetime(2026, 3, 10, 22, 30, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

ages = st.one_of(
    st.builds(lambda n, m: n * DAY + m, st.integers(-5, 400), st.integers(-1, 1)),
    st.integers(to_micros(NOW) - to_micros(LAST), to_micros(NOW) - to_micros(FIRST)),
)
counts = st.one_of(
    st.integers(-5, 400).map(float),
    st.sampled_from([0.5, -0.5, 1.5, 399.999, -0.0, 1e6, 999_999.5]),
    st.floats(-1e6, 1e6),
)


@pytest.mark.parametrize("until", [False, True])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=st.lists(ages.map(lambda age: to_micros(NOW) - age), min_size=1, max_size=20), count=counts)
def test_bounds_say_the_same(sqlite_engine: Engine, until: bool, moments: list[int], count: float) -> None:
    some = values(column("x", BigInteger), name="some").data([(m,) for m in moments]).cte()
    counted = day_spans.days_since(some.c.x, instant(NOW))
    with read(sqlite_engine) as connection:
        rows = connection.execute(select(some.c.x, counted)).all()
        assert [(x, found) for x, found in rows] == [(m, float((to_micros(NOW) - m) // DAY)) for m in moments]
        for op in Comparison:
            bounds = day_spans.compare(op, count, some.c.x, instant(NOW), until=until, cheap=True)
            if bounds is None:
                assert op in (Comparison.EQ, Comparison.NE)
                assert not count.is_integer()
                continue
            expected = [COMPARE[op](-found if until else found, count) for _, found in rows]
            assert [bool(v) for v in connection.scalars(select(bounds).select_from(some))] == expected


def test_the_ends_of_the_calendar(engine: Engine) -> None:
    with read(engine) as connection:
        for moment in (FIRST, LAST):
            for now in (FIRST, NOW, LAST):
                asked = day_spans.days_since(literal(to_micros(moment), BigInteger), instant(now))
                assert connection.scalar(select(asked)) == (now - moment) // timedelta(days=1)


def test_what_lies_beyond_the_calendar_is_counted_instead() -> None:
    x = column("x", BigInteger)
    assert day_spans.compare(Comparison.GT, 1_000_001, x, instant(NOW), until=False, cheap=True) is None
    assert day_spans.compare(Comparison.EQ, 5, x, instant(NOW), until=False, cheap=False) is None
