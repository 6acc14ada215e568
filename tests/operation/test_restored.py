"""A backup goes on: nothing that the lost database sent goes twice, and nothing it had not sent is forgotten."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Table, delete, insert, select, text

from regulars.core.errors import RegularsError
from regulars.core.ids import message_id, promise_key
from regulars.db.engine import read, write
from regulars.db.tables import customers, metadata, promises, purchases
from regulars.feedback.server_log import LoggedMessage
from regulars.ledger.restorations import PERHAPS_SENT
from regulars.operation import restored
from regulars.operation.restored import Matcher
from regulars.profile import facts
from tests.common.bench import Bench, at
from tests.common.people import SECRET, add_customer, add_purchase
from tests.common.rules import rules

RULES = rules(
    {
        "thanks": {"on": "purchase", "steps": [{"email": "one"}, {"email": "two", "wait": "2 days"}]},
        "quiet": {"when": "days_since(customer.last_purchase_at) > 3", "email": "quiet", "again": "after 30 days"},
        "regular": {"when": "customer.purchases >= 2", "steps": [{"email": "regular", "wait": "1 day"}]},
        "birthday": {"every": "year since customer.birthday", "email": "birthday"},
    },
    policy={"late": "20 days"},
)
DAYS = 16
Sent = tuple[str, str, str]


class Shop:
    """A bench whose clients buy on given days; a backup is all rows of all tables."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.bench, self.engine = Bench(engine, RULES), engine
        draw = random.Random(seed)
        self.names = [f"c-{number}" for number in range(8)]
        self.bought = sorted((draw.randrange(1, DAYS), draw.choice(self.names)) for _ in range(14))
        with write(engine) as connection:
            for number, name in enumerate(self.names):
                add_customer(connection, name, birthday=f"1990-06-{number + 3:02d}")

    def buy(self, first: int, last: int) -> None:
        """The purchases of these days, as far as they are not known."""
        with write(self.engine) as connection:
            keys = {row[0]: row[1] for row in connection.execute(select(customers.c.external_id, customers.c.id))}
            known = set(connection.scalars(select(purchases.c.external_id)))
            for place, (day, name) in enumerate(self.bought):
                if first <= day <= last and f"o-{place}" not in known:
                    add_purchase(connection, keys[name], f"2026-06-{day:02d} 08:00", external_id=f"o-{place}")
            facts.refresh(connection)

    def send(self, days: range) -> Iterator[Sent]:
        """What goes on these days at noon."""
        for day in days:
            self.buy(day, day)
            yield from self.bench.send(f"2026-06-{day:02d} 12:00")

    def rows(self) -> list[tuple[Table, list[dict[str, Any]]]]:
        """A backup."""
        with read(self.engine) as connection:
            return [
                (table, [dict(row) for row in connection.execute(select(table)).mappings()])
                for table in metadata.sorted_tables
            ]

    def put_back(self, backup: Sequence[tuple[Table, list[dict[str, Any]]]]) -> None:
        """Restores the backup, the next ids of promises as well."""
        with write(self.engine) as connection:
            for table, _ in reversed(backup):
                connection.execute(delete(table))
            for table, rows in backup:
                if rows:
                    connection.execute(insert(table), rows)
            if connection.dialect.name == "postgresql":
                largest = "SELECT setval(pg_get_serial_sequence('promises', 'id'), (SELECT max(id) + 1 FROM promises))"
                connection.execute(text(largest))

    def log(self, ids: Sequence[int]) -> list[LoggedMessage]:
        """What the mail server has: the emails with these ids."""
        columns = (promises.c.id, promises.c.campaign, promises.c.step, customers.c.uid, promises.c.occurrence)
        query = select(*columns, customers.c.email, promises.c.settled_at).join(customers)
        with read(self.engine) as connection:
            rows = connection.execute(query.where(promises.c.id.in_(ids))).all()
        return [
            LoggedMessage(message_id(promise_key(*row[1:5]), "studio.example"), None, (row[5],), row[6], taken=True)
            for row in rows
        ]

    def ids(self) -> set[int]:
        """Of all emails that were sent."""
        return {row["id"] for row in self.bench.ledger("sent")}


@pytest.mark.parametrize("seed", [3])
def test_a_restored_backup_mails_nobody_twice_and_forgets_nobody(engine: Engine, seed: int) -> None:
    shop = Shop(engine, seed)
    shop.bench.plan("2026-06-01 00:00")
    empty = shop.rows()
    undisturbed = Counter(shop.send(range(1, 21)))
    shop.put_back(empty)
    went = list(shop.send(range(1, 7)))
    backup, before = shop.rows(), shop.ids()
    went += shop.send(range(7, 12))
    lost, links = shop.log(sorted(shop.ids() - before)), shop.ids()
    assert len(lost) > 5
    shop.put_back(backup)
    shop.buy(7, 11)

    held = restored.begin(engine, RULES, at("2026-06-06 12:00"), at("2026-06-11 18:00"), "anna", None)
    assert held.number > 5
    assert list(shop.bench.send("2026-06-11 18:01")) == []
    matched = Matcher(engine, RULES, SECRET, [SECRET]).match(lambda: lost, at("2026-06-11 18:30"))
    assert matched.messages == len(lost)
    assert matched.sent > 3
    freed, left = restored.let_go(engine, at("2026-06-11 19:00"), "anna", None, with_doubtful=False)
    assert left == restored.status(engine).perhaps_sent
    assert freed + left + matched.sent >= held.number
    went += shop.bench.send("2026-06-11 19:00")
    went += shop.send(range(12, 21))
    assert not [key for key, number in Counter(went).items() if number > undisturbed[key]]
    doubtful = {(row["customer"], row["campaign"], row["step"]) for row in shop.bench.ledger("held")}
    assert set(went) | doubtful == set(undisturbed)
    assert {campaign for _, campaign, _ in doubtful} <= {"quiet", "regular"}
    assert Counter(one for one in went if one[1] == "thanks") == {
        k: n for k, n in undisturbed.items() if k[1] == "thanks"
    }
    fresh = {
        row["id"]
        for row in shop.bench.ledger()
        if row["id"] not in before and row["created_at"] > at("2026-06-06 12:00")
    }
    assert not fresh & (links - before)  # no link of the lost time names another email


def test_without_a_log_all_waits_until_it_is_released(sqlite_engine: Engine) -> None:
    engine = sqlite_engine
    shop = Shop(engine, 4)
    shop.bench.plan("2026-06-01 00:00")
    list(shop.send(range(1, 6)))
    shop.buy(6, 10)
    restored.begin(engine, RULES, at("2026-06-05 12:30"), at("2026-06-10 12:00"), "anna", "the disk broke")
    found = restored.status(engine)
    assert found.number > 0
    assert "was restored by anna" in found.sentences()[0]
    shop.buy(11, 11)
    shop.bench.send("2026-06-11 12:00")
    assert all(
        row["due_at"] > at("2026-06-10 12:00")
        for row in shop.bench.ledger("sent")
        if row["settled_at"] > at("2026-06-06")
    )
    restored.let_go(engine, at("2026-06-11 13:00"), "anna", None, with_doubtful=True)
    assert restored.status(engine).sentences() == []
    assert len(shop.bench.send("2026-06-11 13:00")) > 0  # a state that no longer holds is skipped
    with pytest.raises(RegularsError, match="no backup is waiting"):
        Matcher(engine, RULES, SECRET, [SECRET]).match(list, at("2026-06-11 14:00"))


def test_what_cannot_be_a_backup_of_that_time_is_refused(engine: Engine) -> None:
    shop = Shop(engine, 5)
    shop.bench.plan("2026-06-01 00:00")
    list(shop.send(range(1, 9)))
    with pytest.raises(RegularsError, match="must be older"):
        restored.begin(engine, RULES, at("2026-06-09"), at("2026-06-09"), "anna", None)
    with pytest.raises(RegularsError, match="knows of emails up to 2026-06-0"):
        restored.begin(engine, RULES, at("2026-06-02"), at("2026-06-09"), "anna", None)
    assert restored.status(engine).restorations == ()


def test_a_message_only_begun_is_uncertain_and_a_foreign_one_makes_doubt(engine: Engine) -> None:
    campaigns = {
        "thanks": {"on": "purchase", "email": "one"},
        "first": {"when": "customer.purchases >= 1", "email": "a"},
    }
    bench = Bench(engine, rules(campaigns))
    with write(engine) as connection:
        keys = [add_customer(connection, name) for name in ("ada", "bo", "cy")]
    bench.plan("2026-06-01 00:00")
    with write(engine) as connection:
        for key in keys:
            add_purchase(connection, key, "2026-06-02 08:00", external_id=f"o-{key}")
        facts.refresh(connection)
    assert bench.rules is not None
    restored.begin(engine, bench.rules, at("2026-06-01 12:00"), at("2026-06-03 12:00"), "anna", None)
    ada = message_id(promise_key("thanks", "one", "ada", f"o-{keys[0]}"), "studio.example")
    when = at("2026-06-02 09:00")
    log = [
        LoggedMessage(ada, None, (), when, taken=False),
        LoggedMessage("<x@elsewhere.example>", None, ("BO@client.example",), when, taken=True),
        LoggedMessage("<y@elsewhere.example>", None, ("cy@client.example",), when - timedelta(days=9), taken=True),
    ]
    found = Matcher(engine, bench.rules, SECRET, [SECRET]).match(lambda: log, at("2026-06-03 12:30"))
    assert (found.messages, found.sent, found.perhaps_sent) == (2, 1, 1)
    rows = {(row["customer"], row["campaign"]): (row["state"], row["detail"]) for row in bench.ledger()}
    assert rows["ada", "thanks"] == ("uncertain", "the mail server's log has it")
    assert rows["bo", "first"] == ("held", PERHAPS_SENT)
    assert rows["bo", "thanks"] == ("held", None)  # the log would have its Message-ID
    assert restored.let_go(engine, at("2026-06-03 13:00"), "anna", None, with_doubtful=False) == (4, 1)
    went = bench.send("2026-06-03 13:00")
    assert sorted(went) == [
        ("ada", "first", "a"), ("bo", "thanks", "one"), ("cy", "first", "a"), ("cy", "thanks", "one"),
    ]  # fmt: skip
    assert "perhaps sent them" in restored.status(engine).sentences()[0]
