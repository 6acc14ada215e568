"""The indexes of incremental plans follow the rules in force."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import Engine, text

from regulars.db.engine import read, write
from regulars.db.locks import AdvisoryLock
from regulars.operation.index_upkeep import IndexUpkeep
from regulars.planner import turn_indexes
from tests.common.rules import rules

RULES = {
    "away": {"when": "customer.overdue >= 2", "email": "away", "again": "after 30 days"},
    "soon": {"when": "days_since(customer.next_product_at) >= 0 and has_upcoming('visit')", "email": "soon"},
    "known": {"when": "days_since(customer.created_at) > 3 and did('purchase', within='3 days')", "email": "known"},
}


@pytest.fixture
def upkeep(postgres_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> IndexUpkeep:
    """It takes every table for a large one."""
    every = text("SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'")
    monkeypatch.setattr(turn_indexes, "_LARGE", every)
    return IndexUpkeep(postgres_engine)


def made(engine: Engine) -> set[str]:
    query = text("SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'ix_turn_%'")
    with read(engine) as connection:
        return {row.partition(" USING btree ")[2] for row in connection.scalars(query)}


def test_indexes_come_and_go_with_the_rules(postgres_engine: Engine, upkeep: IndexUpkeep) -> None:
    upkeep.want(turn_indexes.needed(rules(RULES), {"away": "absent"}))
    upkeep.close()
    rhythms = "((((last_purchase_at)::double precision + (rhythm * (172800000000.0)::double precision))))"
    assert made(postgres_engine) == {
        "(next_product_at)", "(created_at)", rhythms, "(due_at) WHERE (campaign = 'absent'::text)",
        "(((data ->> 'starts_at'::text))) WHERE (name = 'visit.booked'::text)",
    }  # fmt: skip
    upkeep.want(turn_indexes.needed(rules({"known": RULES["known"]}), {}))
    upkeep.close()
    assert made(postgres_engine) == {"(created_at)"}
    upkeep.want({})
    upkeep.close()
    assert made(postgres_engine) == set()


def test_an_index_left_half_made_is_made_anew(postgres_engine: Engine, upkeep: IndexUpkeep) -> None:
    wanted = turn_indexes.needed(rules({"known": RULES["known"]}), {})
    upkeep.want(wanted)
    upkeep.close()
    with write(postgres_engine) as connection:
        half = "UPDATE pg_index SET indisvalid = false WHERE indexrelid::regclass::text LIKE 'ix_turn%'"
        connection.execute(text(half))
        make, drop = turn_indexes.differences(connection, wanted)
    assert [len(make), len(drop)] == [1, 1]
    upkeep.want(wanted)
    upkeep.close()
    with read(postgres_engine) as connection:
        assert turn_indexes.differences(connection, wanted) == ([], [])
    upkeep.want({})
    upkeep.close()


def test_what_cannot_be_made_is_told(upkeep: IndexUpkeep, caplog: pytest.LogCaptureFixture) -> None:
    upkeep.want({"ix_turn_x": "facts (nothing_of_that_name)"})
    upkeep.close()
    assert "plans are slower than they could be" in caplog.text
    assert caplog.records[-1].levelno == logging.WARNING


def test_small_tables_and_sqlite_need_none(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_indexes, "_LARGE", text("SELECT 'hits'"))  # other tests have left theirs large
    wanted = turn_indexes.needed(rules(RULES), {})
    with read(engine) as connection:
        assert turn_indexes.differences(connection, wanted) == ([], [])


def test_only_names_come_into_the_statements() -> None:
    with pytest.raises(ValueError, match="is no name"):
        turn_indexes.needed(rules({"away": RULES["away"]}), {"away": "a'; DROP TABLE facts --"})


def test_two_processes_do_not_undo_each_other(postgres_engine: Engine, upkeep: IndexUpkeep) -> None:
    wanted = turn_indexes.needed(rules({"known": RULES["known"]}), {})
    with postgres_engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": int(AdvisoryLock.TURN_INDEXES)})
        assert turn_indexes.keep_up(postgres_engine, wanted) == []
        other.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": int(AdvisoryLock.TURN_INDEXES)})
    assert len(turn_indexes.keep_up(postgres_engine, wanted)) > 0
    upkeep.want({})
    upkeep.close()


def test_the_limits_of_time_stay_with_its_own_connection(postgres_engine: Engine, upkeep: IndexUpkeep) -> None:
    upkeep.want({})
    upkeep.close()
    with read(postgres_engine) as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "0"
