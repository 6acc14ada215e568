"""Each outcome is written as it is, alike on both databases: what a statement takes for granted included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from regulars.db.engine import dry_run
from regulars.db.states import Reason, State
from regulars.db.tables import promises
from regulars.ledger import claims, settle
from regulars.ledger.settle import Settlement
from tests.common.effort import share
from tests.common.people import add_customer

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
BEFORE: dict[str, Any] = {"attempts": 2, "code": 451, "message_id": "<0@x>", "template": "old", "data": '{"old": 1}'}
KEPT = ("code", "message_id", "template", "data")
"""What stays as it was where an outcome says nothing of it."""

words = st.none() | st.sampled_from(["2.0.0 Ok", 'quotes " and \\ and \n', "Привіт 🎉", "{}", ""])
outcomes = st.builds(
    Settlement,
    id=st.just(0),
    state=st.sampled_from(State),
    reason=st.none() | st.sampled_from([Reason.RETRY, Reason.REFUSED]),
    detail=words,
    code=st.none() | st.sampled_from([250, 451, 550]),
    next_at=st.none() | st.just(LATER),
    attempted=st.booleans(),
    message_id=words,
    template=words,
    data=words,
)


@settings(max_examples=share(1), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=st.lists(outcomes, min_size=1, max_size=5), told=st.booleans())
def test_each_outcome_is_written_as_it_is(engine: Engine, given: list[Settlement], told: bool) -> None:
    with dry_run(engine) as connection:
        row = {
            "campaign": "news", "step": "news", "customer_id": add_customer(connection), "state": "planned",
            "kind": "marketing", "rule": "r", "due_at": NOW, "expires_at": LATER, "next_at": NOW, "created_at": NOW,
            **BEFORE,
        }  # fmt: skip
        connection.execute(insert(promises), [row | {"occurrence": str(number)} for number in range(len(given))])
        taken = claims.claim(connection, kinds={"marketing"}, limit=9, now=NOW, lease=timedelta(minutes=1), worker="w")
        assert taken is not None
        for outcome, key in zip(given, sorted(taken.rows), strict=True):
            outcome.id = key
        held = frozenset(taken.rows) if told else None
        assert settle.settle(connection, taken.id, given, NOW, held) == len(given)
        rows = connection.execute(select(promises).order_by(promises.c.id)).mappings().all()
    for outcome, found in zip(given, rows, strict=True):
        open_ = outcome.state in (State.HELD, State.PLANNED)
        assert (found["state"], found["reason"], found["detail"]) == (outcome.state, outcome.reason, outcome.detail)
        assert found["next_at"] == (outcome.next_at or NOW)
        assert found["settled_at"] == (None if open_ else NOW)
        assert found["attempts"] == BEFORE["attempts"] + outcome.attempted
        for name in KEPT:
            given_value = getattr(outcome, name)
            assert found[name] == (BEFORE[name] if given_value is None else given_value), name


@pytest.mark.parametrize("told", [True, False])
def test_what_the_claim_does_not_hold_is_not_written(engine: Engine, told: bool) -> None:
    with dry_run(engine) as connection:
        row = {
            "campaign": "news", "step": "news", "customer_id": add_customer(connection), "occurrence": "1",
            "state": "planned", "kind": "marketing", "rule": "r", "due_at": NOW, "expires_at": LATER, "next_at": NOW,
            "created_at": NOW,
        }  # fmt: skip
        connection.execute(insert(promises), [row])
        key = connection.scalar(select(promises.c.id))
        assert key is not None
        held = frozenset[int]() if told else None
        assert settle.settle(connection, 1, [Settlement(key, State.SENT)], NOW, held) == 0
        assert connection.scalar(select(promises.c.state)) == "planned"
