"""Whatever happened before: when clients are joined, or get further ids, nobody gets an email that one of them had."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, select, update

from regulars.consent import rights
from regulars.consent.merge import merge_clients
from regulars.core import ids
from regulars.core.errors import RegularsError
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.db.tables import customers, promises
from regulars.profile.identity import add_alias, client_named
from tests.common.bench import Bench, at
from tests.common.people import SECRET, add_customer, add_event, add_purchase
from tests.common.rules import rules

pytestmark = pytest.mark.slow

CAMPAIGNS: dict[str, dict[str, Any]] = {
    "news": {"schedule": "daily at 10:00", "email": "news"},
    "hello": {
        "when": "customer.country == 'EE'", "steps": [{"email": "one"}, {"email": "two", "wait": "2 days"}],
    },
    "loyal": {"when": "customer.purchases >= 2", "email": "loyal", "again": "never"},
    "thanks": {"on": "visit.done", "email": "thanks", "again": "after 3 days"},
    "receipt": {"on": "purchase", "email": "receipt", "kind": "transactional"},
    "value": {"each": "customer.country", "email": "value"},
    "birthday": {"every": "year since customer.birthday", "email": "birthday"},
}  # fmt: skip
NAMES = ("a", "b", "c")
OVER = ("sent", "uncertain", "bounced")
SENT = ("sent", "sent", "sent")
Key = tuple[str, str, str]


class Shop:
    """A few clients, what happens to them, and which emails each has had."""

    def __init__(self, engine: Engine) -> None:
        self.bench = Bench(engine, rules(CAMPAIGNS, policy={"late": "30 days"}))
        self.now = at("2026-06-10T09:00")
        self.had: dict[str, set[Key]] = {}
        self.left = False
        """Whether anybody has left the state, so that they may enter it anew."""
        with write(engine) as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(delete(table))
        self.plan()
        with write(engine) as connection:
            for place, name in enumerate(NAMES):
                address = "home@client.example" if place < 2 else "other@client.example"
                mailbox: dict[str, Any] = {"email": address, "email_hash": ids.address_hash(address, SECRET)}
                add_customer(connection, name, birthday=f"1990-06-1{place + 1}", **mailbox)
                self.had[name] = set()

    def plan(self) -> None:
        self.bench.plan(self.now.replace(tzinfo=None).isoformat())

    def key(self, connection: Connection, name: str) -> int:
        found = client_named(connection, name)
        assert found is not None
        return found

    def send(self, outcomes: tuple[str, str, str], hours: int) -> None:
        """Plans some hours later; what may go to each client ends so, and none of it had the same person before."""
        self.now += timedelta(hours=hours)
        self.plan()
        with write(self.bench.engine) as connection:
            columns = [*promises.c["id", "campaign", "step", "occurrence"], customers.c.external_id]
            query = select(*columns).join(customers).where(promises.c.state == "planned")
            rows = connection.execute(query).all()
            for row in rows:
                had, key = self.had[row.external_id], (row.campaign, row.step, row.occurrence)
                outcome = outcomes[NAMES.index(row.external_id)]
                assert key not in had, key
                if outcome in OVER:
                    had.add(key)
                if outcome != "planned":
                    ended = update(promises).where(promises.c.id == row.id)
                    connection.execute(ended.values(state=outcome, settled_at=self.now))

    def merge(self, kept: str, gone: str) -> None:
        """Joins the two; at once nobody gets an email of a state that either had, whenever each entered it."""
        with write(self.bench.engine) as connection:
            pair = self.key(connection, kept), self.key(connection, gone)
            if pair[0] == pair[1]:
                return
            name, other = (self.name(connection, key) for key in pair)
            merge_clients(connection, *pair, now=self.now, by="merge")
        before = self.had[name] | self.had.pop(other)
        self.had[name] = set(before)
        self.send(SENT, 0)
        lasting = {"loyal"} if self.left else {"hello", "loyal"}
        fresh = {key[:2] for key in self.had[name] - before if key[0] in lasting}
        assert not fresh & {key[:2] for key in before}

    @staticmethod
    def name(connection: Connection, key: int) -> str:
        return str(connection.scalar(select(customers.c.external_id).where(customers.c.id == key)))

    def act(self, what: Callable[[Connection, int, datetime], object], name: str) -> None:
        self.left |= what is _leaves
        with write(self.bench.engine) as connection:
            what(connection, self.key(connection, name), self.now)


def _buys(connection: Connection, key: int, now: datetime) -> None:
    add_purchase(connection, key, now, amount=10)


def _visits(connection: Connection, key: int, now: datetime) -> None:
    add_event(connection, key, "visit.done", now)


def _comes(connection: Connection, key: int, now: datetime) -> None:
    connection.execute(update(customers).where(customers.c.id == key).values(country="EE"))


def _leaves(connection: Connection, key: int, now: datetime) -> None:
    connection.execute(update(customers).where(customers.c.id == key).values(country="LV"))


def _refuses(connection: Connection, key: int, now: datetime) -> None:
    rights.withdraw(connection, key, "marketing", at=now, source="page")


def _is_named(connection: Connection, key: int, now: datetime) -> None:
    with suppress(RegularsError):
        add_alias(connection, key, f"also-{key}", at=now, source="test")


_who = st.sampled_from(NAMES)
_outcomes = st.tuples(*[st.sampled_from(["sent", "uncertain", "bounced", "failed", "planned"])] * 3)
_acts = st.one_of(
    st.tuples(st.just("act"), st.sampled_from([_buys, _visits, _comes, _leaves]), _who),
    st.tuples(st.just("act"), st.sampled_from([_refuses, _is_named]), _who),
    st.tuples(st.just("send"), _outcomes, st.integers(1, 30)),
)
_histories = st.lists(_acts, min_size=2, max_size=6)
_pairs = st.lists(st.tuples(_who, _who), min_size=1, max_size=2)


def _play(shop: Shop, history: list[tuple[str, Any, Any]]) -> None:
    for kind, first, second in history:
        (shop.act if kind == "act" else shop.send)(first, second)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    before=_histories, last=_outcomes, pairs=st.lists(st.tuples(_who, _who), min_size=1, max_size=2), after=_histories
)
def test_nobody_gets_again_what_one_of_them_had(
    engine: Engine, before: list[Any], last: tuple[str, str, str], pairs: list[tuple[str, str]], after: list[Any]
) -> None:
    shop = Shop(engine)
    _play(shop, before)
    shop.send(last, 5)
    for kept, gone in pairs:
        shop.merge(kept, gone)
    _play(shop, after)
    shop.send(SENT, 30)
    with read(engine) as connection:  # nothing of the ledger was lost, and no open promise stands twice
        named = connection.execute(select(*promises.c["campaign", "step", "customer_id", "occurrence"])).all()
        assert len(named) == len(set(named))
