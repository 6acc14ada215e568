from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, insert, select

from regulars.consent import rights
from regulars.consent.suppression import Lifted, lift_suppressions
from regulars.core import ids
from regulars.core.errors import NotFound
from regulars.db import tables
from regulars.db.engine import write
from regulars.profile import facts
from tests.common import people

AT = people.START + timedelta(days=30)
LATER = AT + timedelta(days=1)
HASH = ids.address_hash("c-1@client.example", people.SECRET)


def rows(connection: Connection, table: Table, *names: str) -> list[tuple[Any, ...]]:
    query = select(*(table.c[name] for name in names)).order_by(*table.primary_key.columns)
    return [tuple(row) for row in connection.execute(query)]


def test_the_latest_word_counts_and_each_change_is_logged_once(engine: Engine) -> None:
    with write(engine) as connection:
        key = people.add_customer(connection, "c-1", consent=False)
        for _ in range(2):
            rights.withdraw(connection, key, "news", at=AT, source="link", detail={"agent": "Mail"})
        assert rights.grant(connection, key, "news", at=LATER, source="page", wording="Yes, write to me")
        assert not rights.grant(connection, key, "news", at=LATER, source="page")
        assert rows(connection, tables.consents, "topic", "granted", "at", "source", "wording") == [
            ("news", True, LATER, "page", "Yes, write to me")
        ]
        assert rights.withdraw(connection, key, "news", at=LATER, source="one-click")
        assert rows(connection, tables.consents, "granted", "source", "wording") == [(False, "one-click", None)]
        assert rows(connection, tables.consent_log, "customer_id", "granted", "at", "source", "detail") == [
            (key, False, AT, "link", {"agent": "Mail"}),
            (key, True, LATER, "page", None),
            (key, False, LATER, "one-click", None),
        ]


def test_a_client_who_does_not_exist_has_no_word(engine: Engine) -> None:
    with write(engine) as connection:
        assert not rights.withdraw(connection, 7, "marketing", at=AT, source="link")
        assert rights.grant_imported(connection, [7], rights.ConsentRecord("marketing", AT, "file")) == set()


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ([("marketing", "manual"), ("all", "bounced")], ("all", "bounced", LATER)),
        ([("all", "bounced"), ("marketing", "manual")], ("all", "bounced", AT)),
        ([("all", "bounced"), ("all", "complained")], ("all", "bounced", AT)),
        ([("all", "bounced"), ("all", "erased")], ("all", "erased", LATER)),
        ([("all", "erased"), ("all", "bounced")], ("all", "erased", AT)),
    ],
)
def test_a_suppression_only_grows(engine: Engine, acts: list[tuple[rights.Scope, str]], expected: object) -> None:
    with write(engine) as connection:
        for (scope, reason), at in zip(acts, (AT, LATER), strict=True):
            rights.suppress(connection, HASH, scope, reason, at)
        assert rows(connection, tables.suppressions, "scope", "reason", "at") == [expected]


def test_an_operator_lifts_a_suppression_and_the_log_says_so(engine: Engine) -> None:
    with write(engine) as connection:
        key = people.add_customer(connection, "c-1", consent=False)
        assert rights.suppress(connection, HASH, "all", "bounced", AT, "550 no such user")
        lifted = [lift_suppressions(connection, [HASH], now=LATER, by="operator", why="moved") for _ in range(2)]
        assert lifted == [Lifted(1, 0, 0), Lifted(0, 1, 0)]
        assert rows(connection, tables.suppressions, "email_hash") == []
        assert rows(connection, tables.consent_log, "customer_id", "topic", "granted", "source", "detail") == [
            (key, "address", False, "bounced", {"suppressed": "all"}),
            (key, "address", True, "operator", {"unsuppressed": "all", "was": "bounced", "why": "moved"}),
        ]


def promise(connection: Connection, customer_id: int, **fields: Any) -> None:
    row = {
        "campaign": "win-back", "step": "win-back", "customer_id": customer_id, "occurrence": "1", "state": "bounced",
        "kind": "marketing", "rule": "r", "due_at": AT, "expires_at": AT, "next_at": AT, "created_at": AT,
    }  # fmt: skip
    connection.execute(insert(tables.promises).values(row | fields))


def test_erasure_forgets_the_person_and_keeps_the_counts(engine: Engine) -> None:
    with write(engine) as connection:
        key = people.add_customer(
            connection,
            "c-1",
            name="Ana Popa",
            first_name="Ana",
            birthday="1990-01-31",
            phone="+373",
            attrs={"skin": "dry"},
        )
        other = people.add_customer(connection, "c-2", name="Bo")
        people.add_event(connection, key, "complaint.opened", AT, {"about": "Ana's mower"})
        people.add_event(connection, other, "complaint.opened", AT, {"about": "a saw"})
        promise(connection, key, data='{"name": "Ana"}', detail="550 <c-1@client.example> unknown")
        promise(connection, other, data='{"name": "Bo"}', detail="550 unknown")
        facts.refresh(connection)
        rights.erase(connection, key, AT)
        (gone, kept) = rows(connection, tables.customers, *tables.customers.c.keys())
        left = {n: v for n, v in zip(tables.customers.c.keys(), gone, strict=True) if v is not None}
        assert left == {
            "id": key, "external_id": "c-1", "email_hash": HASH, "attrs": {}, "uid": "c-1", "bucket": ids.bucket("c-1"),
            "created_at": people.START, "updated_at": AT, "erased_at": AT,
        }  # fmt: skip
        assert "Bo" in kept
        assert rows(connection, tables.events, "name", "data") == [
            ("complaint.opened", {}),
            ("complaint.opened", {"about": "a saw"}),
        ]
        assert rows(connection, tables.promises, "state", "data", "detail") == [
            ("bounced", None, None),
            ("bounced", '{"name": "Bo"}', "550 unknown"),
        ]
        assert rows(connection, tables.suppressions, "email_hash", "scope", "reason") == [(HASH, "all", "erased")]
        assert rows(connection, tables.consents, "customer_id", "granted") == [(key, False), (other, True)]
        assert len(rows(connection, tables.facts, "customer_id")) == 2


def test_an_address_that_served_as_id_is_forgotten_too(engine: Engine) -> None:
    with write(engine) as connection:
        key = people.add_customer(connection, "ana@client.example", email="ana@client.example")
        rights.erase(connection, key, AT)
        rights.erase(connection, key, LATER)
        assert rows(connection, tables.customers, "external_id", "email") == [(f"erased-{key}", None)]


def test_nobody_is_not_erased(engine: Engine) -> None:
    with write(engine) as connection, pytest.raises(NotFound):
        rights.erase(connection, 99, AT)
