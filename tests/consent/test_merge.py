"""Two clients who are one person become one client: everything is kept, the stricter right holds, nobody is mailed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from regulars.consent import rights
from regulars.consent.merge import Merged, add_aliases, merge_clients
from regulars.core import ids
from regulars.core.errors import RegularsError
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.db.tables import customers, promises
from regulars.ledger.link_owner import link_owner
from regulars.profile.identity import client_named
from tests.common.bench import Bench, at
from tests.common.people import SECRET, add_customer, add_event, add_purchase
from tests.common.rules import rules

NOW = "2026-06-15T12:00"
NEWS: dict[str, Any] = {"schedule": "weekly on monday at 10:00", "email": "mail"}
HELLO: dict[str, Any] = {
    "when": "customer.country == 'EE'",
    "steps": [{"email": "one"}, {"email": "two", "wait": "1 days"}],
}


def _merge(engine: Engine, kept: str = "b", gone: str = "a", when: str = NOW) -> Merged:
    with write(engine) as connection:
        return merge_clients(connection, _key(connection, kept), _key(connection, gone), now=at(when), by="merge")


def _key(connection: Connection, name: str) -> int:
    key = client_named(connection, name)
    assert key is not None
    return key


def _bench(engine: Engine, campaigns: dict[str, dict[str, Any]], **policy: Any) -> Bench:
    bench = Bench(engine)
    bench.rules = rules(campaigns, policy=policy)
    bench.plan("2026-06-10T10:00")
    return bench


def _mailbox(address: str) -> dict[str, Any]:
    return {"email": address, "email_hash": ids.address_hash(address, SECRET)}


# ---------------------------------------------------------------- what is kept


def test_what_both_did_and_were_given_is_kept_by_one(engine: Engine) -> None:
    with write(engine) as connection:
        a = add_customer(connection, "a", country="EE", attrs={"skin": "dry", "vip": True})
        b = add_customer(connection, "b", first_name="Ana", attrs={"skin": "oily"})
        for key, day in ((a, "2026-01-05"), (b, "2026-02-05"), (a, "2026-03-05")):
            add_purchase(connection, key, day, amount=10)
        add_event(connection, a, "survey.answered", "2026-03-06", {"score": 9})
        for key in (a, b):
            coupon = {
                "code": f"C{key}", "campaign": "c", "customer_id": key, "occurrence": "o", "offer": {"percent": 5},
                "uses": 1, "given_at": at(NOW), "valid_from": at(NOW), "valid_until": at(NOW),
            }  # fmt: skip
            connection.execute(insert(tables.coupons).values(coupon))
            connection.execute(insert(tables.preferences).values(customer_id=key, at=at(NOW), gap_days=key))
            seen = {"campaign": "e", "customer_id": key, "value": "gold", "at": at(NOW), "baseline": key == a}
            connection.execute(insert(tables.values_seen).values(seen))
    made = _merge(engine)
    assert (made.client, made.joined, made.events, made.purchases) == ("b", "a", 1, 2)
    with read(engine) as connection:
        (person,) = connection.execute(select(customers)).mappings().all()
        assert (person["country"], person["first_name"], person["uid"]) == ("EE", "Ana", "b")
        assert person["attrs"] == {"skin": "oily", "vip": True}
        facts = connection.execute(select(tables.facts)).mappings().one()
        assert (facts["customer_id"], facts["purchases"], facts["spent"]) == (b, 3, 30)
        assert set(connection.scalars(select(tables.coupons.c.code))) == {f"C{a}", f"C{b}"}
        assert set(connection.scalars(select(tables.coupons.c.customer_id))) == {b}
        assert connection.scalars(select(tables.preferences.c.gap_days)).all() == [max(a, b)]
        assert connection.scalars(select(tables.values_seen.c.baseline)).all() == [True]
        assert connection.execute(select(tables.aliases.c.external_id, tables.aliases.c.customer_id)).all() == [
            ("a", b)
        ]
        (line,) = connection.execute(select(tables.consent_log).where(tables.consent_log.c.topic == "identity"))
        assert (line.customer_id, line.source, line.detail["joined"], line.detail["purchases"]) == (b, "merge", "a", 2)


def test_further_merges_keep_every_alias(engine: Engine) -> None:
    with write(engine) as connection:
        for name in "abc":
            add_customer(connection, name)
    _merge(engine, "b", "a")
    _merge(engine, "c", "a")  # by its alias: that is b
    with read(engine) as connection:
        assert {_key(connection, name) for name in "abc"} == set(connection.scalars(select(customers.c.id)))


def test_who_was_known_by_address_takes_the_others_id(engine: Engine) -> None:
    with write(engine) as connection:
        add_customer(connection, "7001", **_mailbox("ana@client.example"))
        add_customer(connection, "ana@client.example", **_mailbox("ana@client.example"))
    assert _merge(engine, "ana@client.example", "7001").client == "7001"
    with read(engine) as connection:
        assert connection.scalars(select(customers.c.uid)).all() == ["ana@client.example"]
        assert connection.scalars(select(tables.aliases.c.external_id)).all() == []


# ---------------------------------------------------------------- rights


@pytest.mark.parametrize(("of_a", "of_b"), [(False, True), (True, False), (False, None), (None, False)])
def test_a_no_of_either_is_a_no(engine: Engine, of_a: bool | None, of_b: bool | None) -> None:
    bench = _bench(engine, {"news": NEWS})
    with write(engine) as connection:
        for name, word in (("a", of_a), ("b", of_b)):
            key = add_customer(connection, name, consent=bool(word))
            if word is False:
                rights.withdraw(connection, key, "marketing", at=at("2026-06-11T10:00"), source="page")
    made = _merge(engine, when="2026-06-12T10:00")
    assert made.refused == (("marketing",) if of_a is False else ())
    assert bench.send("2026-06-15T10:05") == []
    with read(engine) as connection:
        mailboxes = set(connection.scalars(select(tables.refusals.c.email_hash)))
        assert ids.address_hash("b@client.example", SECRET) in mailboxes


def _log(engine: Engine) -> list[tuple[Any, ...]]:
    log = tables.consent_log.c
    with read(engine) as connection:
        query = select(customers.c.external_id, log.topic, log.granted, log.source, log.detail)
        joined = query.join_from(tables.consent_log, customers, customers.c.id == log.customer_id)
        return [tuple(row) for row in connection.execute(joined.order_by(log.id)) if row.source in {"merge", "shop"}]


def test_each_right_that_changes_hands_has_a_line_in_the_log(engine: Engine) -> None:
    with write(engine) as connection:
        a, b = add_customer(connection, "a"), add_customer(connection, "b", consent=False)
        rights.grant(connection, a, "tips", at=at(NOW), source="page")
        rights.withdraw(connection, a, "recipes", at=at(NOW), source="page")
        rights.withdraw(connection, b, "tours", at=at(NOW), source="page")
        connection.execute(insert(tables.preferences).values(customer_id=a, at=at(NOW), gap_days=7))
    made = _merge(engine)
    moved = [line[:4] for line in _log(engine)]
    assert moved == [
        ("b", "marketing", True, "merge"),
        ("b", "recipes", False, "merge"),
        ("b", "tips", True, "merge"),
        ("b", "identity", True, "merge"),
    ]
    assert made.refused == ("recipes",)
    assert _log(engine)[-1][4]["preferences"] == ["gap_days"]
    assert [line[4] for line in _log(engine)[:3]] == [{"of": "a"}] * 3


def test_a_further_id_is_logged_once(engine: Engine) -> None:
    with write(engine) as connection:
        key = add_customer(connection, "a")
        add_customer(connection, "b")
        assert add_aliases(connection, key, ["till-1", "shop-1"], now=at(NOW), by="shop") == ["till-1", "shop-1"]
        assert add_aliases(connection, key, ["till-1"], now=at(NOW), by="shop") == []
        with pytest.raises(RegularsError, match="names another client"):
            add_aliases(connection, key, ["b"], now=at(NOW), by="shop")
    assert _log(engine) == [
        ("a", "identity", True, "shop", {"alias": "till-1"}), ("a", "identity", True, "shop", {"alias": "shop-1"}),
    ]  # fmt: skip


def test_of_a_mailbox_that_goes_complaints_hold_on_and_bounces_do_not(engine: Engine) -> None:
    hashes = [ids.address_hash(f"{name}@client.example", SECRET) for name in "abcd"]
    with write(engine) as connection:
        for name in "abcd":
            add_customer(connection, name)
        rights.suppress(connection, hashes[0], "marketing", "complained", at(NOW))
        rights.suppress(connection, hashes[2], "all", "bounced", at(NOW))
    _merge(engine, "b", "a")
    _merge(engine, "d", "c")
    with read(engine) as connection:
        assert set(connection.scalars(select(tables.suppressions.c.email_hash))) == set(hashes[:3])


def test_the_erased_are_joined_with_nobody(engine: Engine) -> None:
    with write(engine) as connection:
        add_customer(connection, "a")
        rights.erase(connection, add_customer(connection, "b"), at(NOW))
        add_customer(connection, "c", **_mailbox("b@client.example"))
    for kept, gone in (("a", "b"), ("b", "a"), ("a", "c")):
        with pytest.raises(RegularsError, match="was erased"):
            _merge(engine, kept, gone)
    with pytest.raises(RegularsError, match="one client already"):
        _merge(engine, "a", "a")


# ---------------------------------------------------------------- emails


def test_an_email_that_went_to_either_stands_and_its_links_go_on_working(engine: Engine) -> None:
    bench = _bench(engine, {"news": NEWS})
    with write(engine) as connection:
        for name in "ab":
            add_customer(connection, name)
    assert len(bench.send("2026-06-15T10:05")) == 2
    made = _merge(engine)
    assert (made.emails, made.twice) == (1, 1)
    assert bench.send("2026-06-15T12:05") == []
    assert bench.rules is not None
    with read(engine) as connection:
        steps = {row.step for row in connection.execute(select(promises.c.step))}
        assert "mail" in steps
        assert len(steps) == 2
        owners = [
            link_owner(connection, str(key), bench.rules.rulebook) for key in connection.scalars(select(promises.c.id))
        ]
        assert {owner.customer for owner in owners if owner} == {_key(connection, "b")}


def test_uncertain_wins_over_planned(engine: Engine) -> None:
    bench = _bench(engine, {"news": NEWS})
    with write(engine) as connection:
        a = add_customer(connection, "a")
        add_customer(connection, "b")
    bench.plan("2026-06-15T10:05")
    with write(engine) as connection:
        mine = update(promises).where(promises.c.customer_id == a)
        connection.execute(mine.values(state="uncertain", reason="worker-lost", settled_at=at(NOW)))
    _merge(engine)
    assert bench.send("2026-06-15T12:05") == []
    assert sorted((row["state"], row["reason"]) for row in bench.ledger()) == [
        ("skipped", "merged"), ("uncertain", "worker-lost"),
    ]  # fmt: skip


def test_a_sequence_goes_on_once(engine: Engine) -> None:
    bench = _bench(engine, {"hello": HELLO})
    with write(engine) as connection:
        a = add_customer(connection, "a")
        b = add_customer(connection, "b")
        connection.execute(update(customers).where(customers.c.id == a).values(country="EE"))
    assert bench.send("2026-06-15T09:00") == [("a", "hello", "one")]
    with write(engine) as connection:
        connection.execute(update(customers).where(customers.c.id == b).values(country="EE"))
    assert bench.send("2026-06-15T11:00") == [("b", "hello", "one")]
    _merge(engine)
    assert bench.send("2026-06-17T12:00") == [("b", "hello", "two")]
    assert bench.send("2026-06-19T12:00") == []


def test_an_open_email_of_another_occurrence_is_examined_again(engine: Engine) -> None:
    thanks = {"on": "visit.done", "email": "mail"}
    bench = _bench(engine, {"often": thanks, "seldom": thanks | {"again": "after 30 days"}})
    with write(engine) as connection:
        a, b = add_customer(connection, "a"), add_customer(connection, "b")
        add_event(connection, a, "visit.done", "2026-06-15T08:00")
    assert len(bench.send("2026-06-15T09:00")) == 2
    with write(engine) as connection:
        add_event(connection, b, "visit.done", "2026-06-15T10:00")
    bench.plan("2026-06-15T10:30")
    assert {row["campaign"] for row in bench.ledger("planned")} == {"often", "seldom"}
    _merge(engine)
    assert bench.send("2026-06-15T12:30") == [("b", "often", "mail")]
    assert [row["reason"] for row in bench.ledger("skipped")] == ["merged"]


def test_while_an_email_is_being_sent_nobody_is_joined(engine: Engine) -> None:
    bench = _bench(engine, {"news": NEWS})
    with write(engine) as connection:
        for name in "ab":
            add_customer(connection, name)
    bench.plan("2026-06-15T10:05")
    with write(engine) as connection:
        keys = list(connection.scalars(select(promises.c.id)))
        claim = {"id": 1, "worker": "w", "taken_at": at(NOW), "lease_until": at(NOW), "rows": keys}
        connection.execute(insert(tables.claims).values(**claim, sending=keys[:1]))
    with pytest.raises(RegularsError, match="is being sent at this moment"):
        _merge(engine)
    with write(engine) as connection:
        connection.execute(update(tables.claims).values(sending=None))
    _merge(engine)
    with read(engine) as connection:
        assert connection.scalars(select(tables.claims.c.rows)).all() == [[]]
