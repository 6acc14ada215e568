"""A server's rate holds whatever the clocks of the workers say, and whatever happens to the database's."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, type_coerce, update
from sqlalchemy.types import BigInteger

from regulars.db.engine import write
from regulars.db.tables import buckets
from regulars.ledger import token_bucket

RATE, BURST = 100.0, 100.0
SLACK = 1.0
"""SQLite's clock has milliseconds, and tokens are given whole."""


def passes(connection: Connection, seconds: float) -> None:
    """So many seconds go by on the database's clock, as far as the bucket can see; fewer than none: it is set back."""
    moved = type_coerce(buckets.c.filled_at, BigInteger) - round(seconds * 1_000_000)
    connection.execute(update(buckets).values(filled_at=moved))


def take(connection: Connection, wanted: int) -> int:
    given = min(wanted, int(token_bucket.available(connection, "p", rate=RATE, burst=BURST)))
    token_bucket.spend(connection, "p", given)
    return given


@pytest.mark.parametrize("seconds", [0, 1, 3])
def test_a_providers_rate_is_shared_and_refills(engine: Engine, seconds: int) -> None:
    with write(engine) as connection:
        assert token_bucket.available(connection, "p", rate=10, burst=10) == 10
        token_bucket.spend(connection, "p", 10)
        passes(connection, seconds)
        found = token_bucket.available(connection, "p", rate=4, burst=10)
    assert min(10, 4 * seconds) <= found <= min(10, 4 * (seconds + 1))


turns = st.lists(
    st.tuples(
        st.floats(0, 5),  # seconds since the turn before
        st.integers(0, 200),  # how many are asked for
        st.one_of(st.just(0.0), st.floats(-7200, 0)),  # how far the database's clock is set back before it
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.slow
@given(turns=turns)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_never_more_than_the_rate_and_never_less(engine: Engine, turns: list[tuple[float, int, float]]) -> None:
    with write(engine) as connection:
        connection.execute(delete(buckets))
        begun, passed, total = time.perf_counter(), 0.0, 0
        for seconds, wanted, step in turns:
            passes(connection, seconds)
            token_bucket.available(connection, "p", rate=RATE, burst=BURST)  # another worker looks, and takes nothing
            passes(connection, step)
            total, passed = total + take(connection, wanted), passed + seconds
            assert total <= BURST + RATE * (passed + time.perf_counter() - begun) + SLACK
        take(connection, 10_000)
        passes(connection, 0.5)
        # Whatever was set back, the next half second brings its tokens.
        assert take(connection, 10_000) >= RATE * 0.5 - SLACK
