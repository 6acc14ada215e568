"""What earlier versions drew is carried over: both groups, at the instant at which the first promise was made."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text

from regulars.core.ids import address_hash
from regulars.db.engine import read, write
from regulars.db.types import to_micros
from regulars.operation.database_upgrade import upgrade_database
from tests.common.bench import Bench, at
from tests.common.people import SECRET
from tests.common.rules import rules

pytestmark = pytest.mark.slow

BEFORE = "0015"
DRAWS = [  # client, campaign, occurrence, step, made at, state, reason, settled at
    (1, "news", "o1", "a", 10, "sent", None, 11),  # before anybody was held out
    (2, "news", "o1", "a", 20, "skipped", "holdout", 20),
    (3, "news", "o1", "a", 21, "sent", None, 25),
    (3, "news", "o1", "b", 26, "sent", None, 27),
    (4, "news", "o1", "a", 22, "skipped", "again", 22),  # decided before the draw
    (5, "news", "o1", "a", 23, "skipped", "unsubscribed", 24),  # drawn, then kept back: counts
    (1, "news", "o1", "b", 24, "sent", None, 24),  # follows an email that went before there was a draw
    (6, "news", "o1", "a", 28, "sent", None, 29),  # of the mailbox of client 2
    (2, "news", "o2", "a", 30, "skipped", "holdout", 30),
    (7, "news", "o1", "a", 31, "sent", None, 32),  # after the last draw that is known
    (3, "plain", "o1", "a", 25, "sent", None, 26),
]


def _fill(engine: Engine) -> None:
    with write(engine) as connection:
        for key in range(1, 8):
            mark = "box-2" if key in (2, 6) else None if key == 5 else f"box-{key}"
            connection.execute(
                text(
                    "INSERT INTO customers (id, external_id, email_hash, bucket, created_at, updated_at)"
                    " VALUES (:id, :name, :mark, :id, 0, 0)"
                ),
                {"id": key, "name": f"c{key}", "mark": mark},
            )
        for number, row in enumerate(DRAWS, start=1):
            names = ("customer", "campaign", "occurrence", "step", "made", "state", "reason", "settled")
            connection.execute(
                text(
                    "INSERT INTO promises (id, campaign, step, customer_id, occurrence, state, reason, kind, rule,"
                    " due_at, expires_at, next_at, created_at, settled_at) VALUES (:id, :campaign, :step, :customer,"
                    " :occurrence, :state, :reason, 'marketing', 'r', :made, :made, :made, :made, :settled)"
                ),
                {"id": number, **dict(zip(names, row, strict=True))},
            )


def test_both_groups_are_carried_over_with_the_instant_of_their_first_promise(empty: Engine) -> None:
    upgrade_database(empty, BEFORE, secret=SECRET)
    _fill(empty)
    upgrade_database(empty, secret=SECRET)
    with read(empty) as connection:
        rows = connection.execute(text("SELECT experiment, mailbox, arm, at, customer_id FROM assignments")).all()
        ledger = connection.execute(text("SELECT count(*) FROM promises")).scalar_one()
    assert sorted(tuple(row) for row in rows) == [
        ("news", "5", "written", 23, 5),
        ("news", "box-2", "control", 20, 2),
        ("news", "box-3", "written", 21, 3),
    ]
    assert ledger == len(DRAWS)


def test_who_was_held_out_stays_so_after_an_upgrade(empty: Engine) -> None:
    """Though the draw of today would write to them; and what was skipped stays skipped."""
    upgrade_database(empty, BEFORE, secret=SECRET)
    moment = to_micros(at("2026-06-09T12:00"))
    person: dict[str, Any] = {
        "id": 1, "name": "ada", "email": "ada@client.example", "mark": address_hash("ada@client.example", SECRET),
        "at": moment,
    }  # fmt: skip
    with write(empty) as connection:
        connection.execute(
            text(
                "INSERT INTO customers (id, external_id, email, email_hash, bucket, attrs, created_at, updated_at)"
                " VALUES (:id, :name, :email, :mark, 1, '{}', :at, :at)"
            ),
            person,
        )
        connection.execute(
            text(
                "INSERT INTO promises (id, campaign, step, customer_id, occurrence, state, reason, kind, rule, due_at,"
                " expires_at, next_at, created_at, settled_at) VALUES (9, 'news', 'mail', 1, 'v1', 'skipped',"
                " 'holdout', 'marketing', 'r', :at, :at, :at, :at, :at)"
            ),
            {"at": moment},
        )
    upgrade_database(empty, secret=SECRET)
    bench = Bench(empty, rules({"news": {"on": "visit.done", "email": "mail", "holdout": "0.01%"}}))
    bench.plan("2026-06-10T11:00")
    with write(empty) as connection:
        for name, when in (("v1", "2026-06-09T12:00"), ("v2", "2026-06-10T12:00")):
            connection.execute(
                text(
                    "INSERT INTO events (external_id, customer_id, name, occurred_at, received_at, data)"
                    " VALUES (:name, 1, 'visit.done', :at, :at, '{}')"
                ),
                {"name": name, "at": to_micros(at(when))},
            )
    bench.plan("2026-06-10T12:01")
    assert sorted((row["occurrence"], row["state"], row["reason"]) for row in bench.ledger()) == [
        ("v1", "skipped", "holdout"), ("v2", "skipped", "holdout"),
    ]  # fmt: skip
