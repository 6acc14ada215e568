"""How PostgreSQL executes a plan that asks a few clients among many: nothing reads a whole table of clients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from benchmarks.growth import BEGIN, fill, happened
from regulars.db.engine import analyze, write
from regulars.operation.index_upkeep import IndexUpkeep
from regulars.planner import turn_indexes
from regulars.planner.plan import plan
from regulars.workspace.folder import open_workspace
from regulars.workspace.starter import starter

pytestmark = pytest.mark.slow

CLIENTS = 30_000
LARGE = ("customers", "facts", "purchases", "purchase_lines", "events", "members", "values_seen")
"""Tables that grow with the list. Of promises there are few here: it may well read them all."""
MINUTE = timedelta(minutes=1)


@contextmanager
def explained(engine: Engine) -> Iterator[dict[str, str]]:
    """By statement, how PostgreSQL is going to execute it, for every statement in the block."""
    found: dict[str, str] = {}

    def explain(connection: Any, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {statement}", parameters)
                found[statement] = "\n".join(row[0] for row in cursor.fetchall())

    event.listen(engine, "before_cursor_execute", explain)
    yield found
    event.remove(engine, "before_cursor_execute", explain)


def read_whole(found: dict[str, str]) -> dict[str, list[str]]:
    """By the beginning of the statement, which of the large tables it reads from end to end."""
    whole = {statement: re.findall(rf"Seq Scan on ({'|'.join(LARGE)})\b", how) for statement, how in found.items()}
    return {" ".join(statement.split())[:300]: names for statement, names in whole.items() if names}


def test_a_tick_looks_clients_up(postgres_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = open_workspace(starter())
    with write(postgres_engine) as connection:
        fill(connection, CLIENTS)
    analyze(postgres_engine)
    with write(postgres_engine) as connection:
        plan(connection, rules, BEGIN, incremental=True)
    upkeep = IndexUpkeep(postgres_engine)
    every = text("SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'")
    monkeypatch.setattr(turn_indexes, "_LARGE", every)
    upkeep.want(turn_indexes.needed(rules, {}))
    upkeep.close()
    analyze(postgres_engine)
    with write(postgres_engine) as connection:
        happened(connection, 1, CLIENTS, BEGIN + MINUTE, events=20)
    with explained(postgres_engine) as found, write(postgres_engine) as connection:
        made = plan(connection, rules, BEGIN + 2 * MINUTE, incremental=True)
    assert made.asked is not None
    assert 20 <= made.asked < 100
    assert len(found) > 60
    assert read_whole(found) == {}
    upkeep.want({})
    upkeep.close()


def test_a_statement_that_reads_everybody_is_seen(postgres_engine: Engine) -> None:
    with explained(postgres_engine) as found, write(postgres_engine) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM customers WHERE last_name = 'x'")
    assert list(read_whole(found).values()) == [["customers"]]
