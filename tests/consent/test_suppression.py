"""Suppressing and lifting by address: for the mailbox, at once, and with the log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from regulars.consent import rights
from regulars.consent.rights import Scope, Suppression
from regulars.consent.suppression import Lifted, add_suppressions, lift_suppressions, list_suppressions, suppression_of
from regulars.core import ids
from regulars.db.engine import read, write
from regulars.db.tables import claims, consent_log, promises
from regulars.ledger.claims import claim
from tests.common.bench import Bench, at
from tests.common.people import SECRET, add_customer, add_manager
from tests.common.rules import rules

NOW = "2026-06-15T10:05"  # a Monday
NEWS: dict[str, Any] = {"schedule": "weekly on monday at 10:00", "email": "mail"}
RECEIPT: dict[str, Any] = {**NEWS, "kind": "transactional"}


def hashed(address: str) -> str:
    return ids.address_hash(address, SECRET)


def bar(address: str, scope: Scope = "all", reason: str = "manual", detail: str | None = None) -> Suppression:
    return Suppression(hashed(address), scope, reason, at(NOW), detail)


def log(connection: Connection) -> list[tuple[Any, ...]]:
    query = select(consent_log.c.customer_id, consent_log.c.granted, consent_log.c.source, consent_log.c.detail)
    return [tuple(row) for row in connection.execute(query.order_by(consent_log.c.id))]


def test_erasure_takes_emails_of_every_kind_back_from_workers(engine: Engine) -> None:
    bench = Bench(engine)
    bench.rules = rules({"news": NEWS, "receipt": RECEIPT})
    bench.plan("2026-06-10T10:00")
    with write(engine) as connection:
        ada = add_customer(connection, "c-1", email="ada@client.example")
        add_customer(connection, "c-2", email="bo@client.example")
    bench.plan(NOW)
    with write(engine) as connection:
        held = claim(
            connection, kinds=["marketing", "transactional"], limit=99, now=at(NOW),
            lease=timedelta(seconds=60), worker="w",
        )  # fmt: skip
        assert held is not None
        assert len(held.rows) == 4
        rights.erase(connection, ada, at(NOW))
        left = connection.scalar(select(claims.c.rows))
        assert left is not None
        theirs = set(connection.scalars(select(promises.c.customer_id).where(promises.c.id.in_(left))))
        assert (len(left), ada in theirs) == (2, False)


@pytest.mark.parametrize(("scope", "taken"), [("all", 4), ("marketing", 2)])
def test_what_workers_hold_for_the_mailbox_is_taken_back(engine: Engine, scope: Scope, taken: int) -> None:
    bench = Bench(engine)
    bench.rules = rules({"news": NEWS, "receipt": RECEIPT, "boss": {**NEWS, "to": "manager"}})
    bench.plan("2026-06-10T10:00")
    with write(engine) as connection:
        add_manager(connection)
        for name, address in (("c-1", "ada@client.example"), ("c-2", "bo@client.example")):
            add_customer(connection, name, email=address, manager="m-1")
        add_customer(connection, "c-3", email="eve@client.example")
    bench.plan(NOW)
    with write(engine) as connection:
        held = claim(
            connection, kinds=["marketing", "transactional"], limit=99, now=at(NOW),
            lease=timedelta(seconds=60), worker="w",
        )  # fmt: skip
        assert held is not None
        bars = [bar("ADA@client.example", scope), bar("bo@CLIENT.example", scope)]
        done = add_suppressions(connection, bars, now=at(NOW), by="test")
        assert (done.recalled, len(done.changed)) == (taken, 2)
        left = connection.scalar(select(claims.c.rows))
        assert left is not None
        assert len(left) == len(held.rows) - taken
        assert add_suppressions(connection, bars, now=at(NOW), by="test").recalled == 0


def test_many_at_once_are_judged_one_by_one(engine: Engine) -> None:
    with write(engine) as connection:
        first = add_customer(connection, "c-1", email="ada@client.example")
        second = add_customer(connection, "c-2", email="Ada@client.example")
        rights.suppress(connection, hashed("bo@client.example"), "all", "bounced", at("2026-01-01"), "550 gone")
        rights.suppress(connection, hashed("cy@client.example"), "marketing", "manual", at("2026-01-01"))
        bars = [
            bar("ada@client.example", "marketing", "complained", "by form"),
            bar("bo@client.example", "marketing"),
            bar("cy@client.example", "all", "complained"),
        ]
        done = add_suppressions(connection, bars, now=at(NOW), by="import")
        assert done.changed == {hashed("ada@client.example"), hashed("cy@client.example")}
        told = {"suppressed": "marketing", "by": "import", "why": "by form"}
        assert log(connection) == [(key, False, "complained", told) for key in (first, second)]
        found = list_suppressions(connection)
        assert {(one.suppression.reason, one.suppression.scope, one.clients) for one in found} == {
            ("complained", "marketing", ("c-1", "c-2")), ("bounced", "all", ()), ("complained", "all", ()),
        }  # fmt: skip


def test_lifting_leaves_the_erased_and_every_no(engine: Engine) -> None:
    with write(engine) as connection:
        ada = add_customer(connection, "ada")
        bo = add_customer(connection, "bo")
        rights.withdraw(connection, bo, "marketing", at=at(NOW), source="page")
        rights.erase(connection, ada, at(NOW))
        add_suppressions(connection, [bar("bo@client.example")], now=at(NOW), by="test")
        asked = [hashed(f"{name}@client.example") for name in ("ada", "bo", "nobody")]
        assert lift_suppressions(connection, asked, now=at(NOW), by="test", why="w") == Lifted(1, 1, 1)
        found = suppression_of(connection, asked[0])
        assert found is not None
        assert (found.suppression.reason, found.clients) == ("erased", ()), "who was erased has no address"
        assert lift_suppressions(connection, asked, now=at(NOW), by="test", why="w", erased=True) == Lifted(1, 2, 0)
        assert not rights.grant_imported(connection, [bo], rights.ConsentRecord("marketing", at(NOW), "import"))


def test_nothing_asked_changes_nothing(engine: Engine) -> None:
    with write(engine) as connection:
        assert add_suppressions(connection, [], now=at(NOW), by="test").changed == frozenset()
        assert lift_suppressions(connection, [], now=at(NOW), by="test", why="w") == Lifted(0, 0, 0)
    with read(engine) as connection:
        assert list_suppressions(connection) == []
