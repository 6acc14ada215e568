"""Draws are kept by mailbox: what becomes of them when clients are joined, or an address gets another hash."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, insert, select

from regulars.core.ids import address_hash
from regulars.db.engine import write
from regulars.db.tables import assignments
from regulars.ledger.assignments import merge_assignments, move_assignments
from tests.common.bench import at
from tests.common.people import SECRET, add_customer


def _draw(connection: Connection, experiment: str, mailbox: str, arm: str, day: int, customer: int) -> None:
    row = {
        "experiment": experiment,
        "mailbox": mailbox,
        "arm": arm,
        "at": at(f"2026-06-{day:02}"),
        "customer_id": customer,
    }
    connection.execute(insert(assignments).values(row))


def _drawn(connection: Connection) -> dict[tuple[str, str], tuple[str, int]]:
    return {
        (row.experiment, row.mailbox): (row.arm, row.customer_id) for row in connection.execute(select(assignments))
    }


@pytest.mark.parametrize("earlier", ["ada", "ida"])
def test_of_two_draws_of_one_person_the_earlier_decides(engine: Engine, earlier: str) -> None:
    with write(engine) as connection:
        ada, ida, other = (add_customer(connection, name) for name in ("ada", "ida", "other"))
        _draw(connection, "news", "a", "control", 1 if earlier == "ada" else 3, ada)
        _draw(connection, "news", "i", "written", 2, ida)
        _draw(connection, "back", "i", "control", 2, ida)
        _draw(connection, "news", "o", "control", 1, other)
        merge_assignments(connection, ada, ida)
        arm = "control" if earlier == "ada" else "written"
        assert _drawn(connection) == {
            ("news", "a"): (arm, ada), ("news", "i"): (arm, ada), ("back", "i"): ("control", ada),
            ("news", "o"): ("control", other),
        }  # fmt: skip


def test_a_mailbox_that_was_drawn_for_another_client_counts_in_a_merge(engine: Engine) -> None:
    with write(engine) as connection:
        twin, ada = (add_customer(connection, name, email="ada@client.example") for name in ("twin", "ada"))
        ida = add_customer(connection, "ida")
        shared = address_hash("ada@client.example", SECRET)
        _draw(connection, "news", shared, "control", 1, twin)
        _draw(connection, "news", "i", "written", 2, ida)
        merge_assignments(connection, ada, ida)
        assert _drawn(connection) == {("news", shared): ("control", twin), ("news", "i"): ("control", ada)}


def test_a_mailbox_with_another_hash_keeps_the_earlier_draw(engine: Engine) -> None:
    with write(engine) as connection:
        ada = add_customer(connection, "ada")
        _draw(connection, "news", "old", "control", 1, ada)
        _draw(connection, "news", "new", "written", 2, ada)
        _draw(connection, "back", "old", "written", 2, ada)
        move_assignments(connection, "old", "new")
        assert _drawn(connection) == {("news", "new"): ("control", ada), ("back", "new"): ("written", ada)}
