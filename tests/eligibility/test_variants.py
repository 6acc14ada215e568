"""The draw of variants: shares within what chance allows, and whatever happens afterwards the same variant."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.stats import chisquare
from sqlalchemy import insert, select, update

from regulars.consent.merge import merge_clients
from regulars.core import ids
from regulars.core.ids import address_hash
from regulars.db.engine import read, write
from regulars.db.tables import assignments, consents, customers, events, promises
from regulars.importing.options import ImportOptions
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from regulars.ledger.arms import arm_by_bucket, arms_of_promises, variant_by_bucket
from regulars.rules.model import Campaign
from tests.common.bench import Bench, at
from tests.common.people import SECRET, START, add_customer, add_event
from tests.common.rules import rules

VISIT: dict[str, Any] = {"on": "visit.done", "email": "mail", "again": "always"}
TWO = [{"name": "plain"}, {"name": "gift", "words": "gift"}]
THREE = [{"name": "plain", "share": "50%"}, {"name": "gift", "words": "gift"}, {"name": "short", "words": "short"}]
CLIENTS = 10_000


def crowd(bench: Bench, count: int, when: str) -> None:
    """Clients who all had a visit, `c1` the first."""
    people = [
        {
            "id": n, "external_id": f"c{n}", "uid": f"c{n}", "bucket": ids.bucket(f"c{n}"), "attrs": {},
            "email": f"c{n}@client.example", "email_hash": f"hash of c{n}", "created_at": START, "updated_at": START,
        }
        for n in range(1, count + 1)
    ]  # fmt: skip
    granted = [
        {"customer_id": row["id"], "topic": "marketing", "granted": True, "at": START, "source": "test"}
        for row in people
    ]
    visits = [
        {"external_id": f"v{row['id']}", "customer_id": row["id"], "name": "visit.done", "occurred_at": at(when),
         "received_at": at(when), "data": {}}
        for row in people
    ]  # fmt: skip
    with write(bench.engine) as connection:
        for table, rows in ((customers, people), (consents, granted), (events, visits)):
            connection.execute(insert(table), rows)


def _visit(bench: Bench, names: list[str], when: str) -> dict[str, int]:
    with write(bench.engine) as connection:
        known = {row.external_id: row.id for row in connection.execute(select(customers))}
        keys = {name: known.get(name) or add_customer(connection, name) for name in names}
        for key in keys.values():
            add_event(connection, key, "visit.done", when)
    return keys


def _arms(bench: Bench) -> dict[str, str]:
    """By client, the group that is written."""
    query = select(customers.c.external_id, assignments.c.arm).join(
        assignments, assignments.c.mailbox == customers.c.email_hash
    )
    with read(bench.engine) as connection:
        return dict(connection.execute(query).all())


def _emailed(bench: Bench, when: str) -> dict[str, str | None]:
    """By client, the variant of the campaign's emails that go now."""
    assert bench.rules is not None
    bench.plan(when)
    (name,) = bench.rules.rulebook.campaigns
    with write(bench.engine) as connection:
        rows = connection.execute(
            select(promises.c.id, promises.c.campaign, customers.c.external_id)
            .join(customers, customers.c.id == promises.c.customer_id)
            .where(promises.c.state == "planned")
        ).all()
        arms = arms_of_promises(connection, [row.id for row in rows], {row.campaign for row in rows})
        connection.execute(
            update(promises).where(promises.c.state == "planned").values(state="sent", settled_at=at(when))
        )
    rule = bench.rules.rulebook.campaigns[name]
    return {row.external_id: rule.for_arm(arms.get(row.id)).variant for row in rows}


def test_shares_are_kept_and_the_database_draws_as_the_function_does(bench: Bench) -> None:
    """So another database with the same clients draws the same, SQLite or PostgreSQL."""
    bench.rules = rules({"news": VISIT | {"variants": THREE, "holdout": "10%"}})
    bench.plan("2026-06-10T11:00")
    crowd(bench, CLIENTS, "2026-06-10T12:00")
    bench.plan("2026-06-10T12:01")
    drawn, rule = _arms(bench), bench.rules.rulebook.campaigns["news"]
    assert drawn == {f"c{n}": arm_by_bucket(ids.bucket(f"c{n}"), "news", rule) for n in range(1, CLIENTS + 1)}
    names = ["control", "plain", "gift", "short"]
    counted = [list(drawn.values()).count(name) for name in names]
    expected = [CLIENTS * share for share in (0.1, 0.45, 0.225, 0.225)]
    assert chisquare(counted, expected).pvalue > 0.001


def test_the_variant_stays_through_import_rename_merge_another_address_and_other_shares(
    bench: Bench, tmp_path: Any
) -> None:
    names = [f"c{n}" for n in range(24)]
    rule = VISIT | {"variants": TWO}
    bench.rules = rules({"news": rule})
    bench.plan("2026-06-10T11:00")
    keys = _visit(bench, names, "2026-06-10T12:00")
    first = _emailed(bench, "2026-06-10T12:01")
    assert set(first.values()) == {"plain", "gift"}
    assert (
        first == _arms(bench) == {name: variant_by_bucket(ids.bucket(name), "news", _campaign(rule)) for name in names}
    )

    path = tmp_path / "clients.csv"
    path.write_text("id,email,name\n" + "".join(f"{name},{name}@client.example,Ana\n" for name in names), "utf-8")
    import_file(bench.engine, Kind.CUSTOMERS, path, now=at("2026-06-11T09:00"), secret=SECRET, options=ImportOptions())
    moved, other = names[0], next(name for name in names if first[name] != first[names[1]])
    with write(bench.engine) as connection:
        mark = address_hash("new@client.example", SECRET)
        where = update(customers).where(customers.c.id == keys[moved])
        connection.execute(where.values(email="new@client.example", email_hash=mark))
        merge_clients(connection, keys[names[1]], keys[other], now=at("2026-06-11T09:00"), by="test")
    turned = [TWO[0] | {"share": "1%"}, TWO[1] | {"share": "99%"}]
    bench.rules = rules({"letter": rule | {"was": "news", "variants": turned}})
    left = [name for name in names if name != other]
    _visit(bench, left, "2026-06-11T12:00")
    again = _emailed(bench, "2026-06-11T12:01")
    earlier = {name: first[name] for name in left}
    merged = again.pop(names[1])
    assert merged in {first[names[1]], first[other]}
    earlier.pop(names[1])
    assert again == earlier
    _visit(bench, ["new-1", "new-2", "new-3"], "2026-06-12T12:00")
    assert set(_emailed(bench, "2026-06-12T12:01").values()) <= {"plain", "gift"}


def _campaign(rule: dict[str, Any]) -> Campaign:
    return rules({"news": rule}).rulebook.campaigns["news"]


def test_who_changes_address_between_two_emails_of_a_sequence_keeps_the_variant(bench: Bench) -> None:
    steps = [{"email": "a"}, {"email": "b", "wait": "1 day"}]
    bench.rules = rules({"news": {"on": "visit.done", "steps": steps, "variants": TWO}})
    bench.plan("2026-06-10T11:00")
    keys = _visit(bench, ["c1", "c2", "c3", "c4"], "2026-06-10T12:00")
    first = _emailed(bench, "2026-06-10T12:01")
    with write(bench.engine) as connection:
        for name, key in keys.items():
            moved = f"new-{name}@client.example"
            row = {"email": moved, "email_hash": address_hash(moved, SECRET)}
            connection.execute(update(customers).where(customers.c.id == key).values(row))
        twin = add_customer(connection, "twin", email="twin@client.example")
        shared = {"email": "twin@client.example", "email_hash": address_hash("twin@client.example", SECRET)}
        connection.execute(update(customers).where(customers.c.id == keys["c1"]).values(shared))
        assert twin
    assert _emailed(bench, "2026-06-11T12:02") == first


def test_who_was_there_before_the_variants_or_in_one_that_is_gone_gets_none(bench: Bench) -> None:
    names = [f"c{n}" for n in range(8)]
    bench.rules = rules({"news": VISIT | {"holdout": "50%"}})
    bench.plan("2026-06-10T11:00")
    _visit(bench, names, "2026-06-10T12:00")
    written = _emailed(bench, "2026-06-10T12:01")
    assert set(written.values()) == {None}
    bench.rules = rules({"news": VISIT | {"variants": TWO}})  # without the holdout, all of them get an email
    _visit(bench, [*names, "d1", "d2", "d3", "d4", "d5", "d6"], "2026-06-11T12:00")
    now = _emailed(bench, "2026-06-11T12:01")
    assert {now.pop(name) for name in names} == {None}
    assert set(now.values()) == {"plain", "gift"}
    other = [TWO[0], {"name": "short", "words": "short"}]
    bench.rules = rules({"news": VISIT | {"variants": other}})
    _visit(bench, list(now), "2026-06-12T12:00")
    assert _emailed(bench, "2026-06-12T12:01") == {
        name: "plain" if variant == "plain" else None for name, variant in now.items()
    }


def test_a_variant_with_a_share_of_nothing_keeps_its_clients_and_gets_no_new_ones(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | {"variants": TWO}})
    bench.plan("2026-06-10T11:00")
    names = [f"c{n}" for n in range(8)]
    _visit(bench, names, "2026-06-10T12:00")
    first = _emailed(bench, "2026-06-10T12:01")
    bench.rules = rules({"news": VISIT | {"variants": [TWO[0] | {"share": "0%"}, TWO[1] | {"share": "100%"}]}})
    fresh = [f"d{n}" for n in range(8)]
    _visit(bench, [*names, *fresh], "2026-06-11T12:00")
    assert _emailed(bench, "2026-06-11T12:01") == {**first, **dict.fromkeys(fresh, "gift")}


def test_clients_with_one_mailbox_get_one_variant(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | {"variants": TWO, "kind": "transactional"}})
    bench.plan("2026-06-10T11:00")
    with write(bench.engine) as connection:
        for n in range(6):
            add_customer(connection, f"c{n}", email="family@client.example")
    _visit(bench, [f"c{n}" for n in range(6)], "2026-06-10T12:00")
    found = _emailed(bench, "2026-06-10T12:01")
    assert len(found) == 6
    assert len(set(found.values())) == 1


@pytest.mark.parametrize("cap", [None, "1 per 7 days"])
def test_every_variant_has_its_own_stock_and_an_inherited_offer_has_one_for_all(bench: Bench, cap: str | None) -> None:
    own = [
        {"name": "plain"}, {"name": "soft", "words": "soft"},
        {"name": "gift", "offer": {"coupon": {"gift": "a blade", "stock": 2}}},
    ]  # fmt: skip
    rule = VISIT | {"variants": own, "offer": {"coupon": {"percent": 10, "stock": 3}}}
    bench.rules = rules({"news": rule}, policy={"cap": cap} if cap else {})
    bench.plan("2026-06-10T11:00")
    names = [f"c{n}" for n in range(60)]
    _visit(bench, names, "2026-06-10T12:00")
    tally = bench.tally("2026-06-10T12:01")["news"]
    assert tally.held == {"no-coupon": 55}
    assert (tally.due, tally.variants["gift"]) == (5, 2)
    assert tally.variants["plain"] + tally.variants["soft"] == 3
    assert len(_arms(bench)) == 5


def test_who_cannot_be_sent_every_variant_is_in_none(bench: Bench) -> None:
    variants = [{"name": "plain"}, {"name": "personal", "from": "manager"}]
    bench.rules = rules({"news": VISIT | {"variants": variants}})
    bench.plan("2026-06-10T11:00")
    _visit(bench, ["c1", "c2", "c3", "c4"], "2026-06-10T12:00")
    bench.plan("2026-06-10T12:01")
    assert {(row["state"], row["reason"]) for row in bench.ledger()} == {("skipped", "no-manager")}
    assert _arms(bench) == {}
