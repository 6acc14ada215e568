"""What protects people holds for the mailbox, whoever else is entered with the address."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, select, update

from regulars.consent import rights
from regulars.consent.merge import merge_clients
from regulars.core import ids
from regulars.core.errors import RegularsError
from regulars.core.settings import load
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.db.tables import claims, customers, preferences, promises
from regulars.importing.options import ImportOptions
from regulars.importing.report import Kind
from regulars.importing.row_source import MappingSource
from regulars.importing.service import import_file, import_rows
from regulars.ledger.claims import claim
from regulars.ledger.recall import recall
from regulars.profile.identity import add_alias
from tests.common.bench import Bench, at
from tests.common.people import SECRET, add_customer, add_event
from tests.common.rules import rules

pytestmark = pytest.mark.slow

NEWS: dict[str, Any] = {"schedule": "weekly on monday at 10:00", "email": "mail"}
NOW = "2026-06-15T10:05"  # a Monday
SPELLINGS = ("lena@client.example", "Lena@Client.Example", " LENA@client.EXAMPLE ", "lena@CLIENT.example")
UNICODE = ("j\u00fcri@p\u00f5ld.example", "ju\u0308ri@po\u0303ld.example", "J\u00dcRI@xn--pld-ona.example")


def _twins(connection: Connection, *addresses: str, **fields: Any) -> list[int]:
    return [
        add_customer(connection, email=address, email_hash=ids.address_hash(address, SECRET), **fields)
        for address in addresses
    ]


def _went(bench: Bench, when: str = NOW) -> list[str]:
    return [customer for customer, _, _ in bench.send(when)]


def _bench(engine: Engine, campaigns: dict[str, dict[str, Any]], **policy: Any) -> Bench:
    bench = Bench(engine)
    bench.rules = rules(campaigns, policy=policy)
    bench.plan("2026-06-10T10:00")
    return bench


def _reasons(bench: Bench) -> dict[str, tuple[str, str | None]]:
    return {row["customer"]: (row["reason"], row["detail"]) for row in bench.ledger("skipped", "held")}


@pytest.mark.parametrize("spellings", [SPELLINGS, UNICODE])
def test_one_mailbox_has_one_hash(spellings: tuple[str, ...]) -> None:
    assert len({ids.address_hash(spelling, SECRET) for spelling in spellings}) == 1


def test_dots_and_tags_stay_distinct() -> None:
    addresses = ("a.b@client.example", "ab@client.example", "ab+shop@client.example")
    assert len({ids.address_hash(address, SECRET) for address in addresses}) == 3


# ---------------------------------------------------------------- a no


def test_who_left_under_one_id_is_not_written_to_under_another(engine: Engine) -> None:
    bench = _bench(engine, {"news": NEWS})
    with write(engine) as connection:
        first, _, _ = _twins(connection, *SPELLINGS[:3])
        rights.withdraw(connection, first, "marketing", at=at(NOW), source="one-click")
    assert _went(bench) == []
    assert sorted(reason for reason, _ in _reasons(bench).values()) == ["mailbox-unsubscribed"] * 2 + ["unsubscribed"]


def test_a_no_holds_for_whoever_comes_later_and_wherever_its_giver_moves(engine: Engine) -> None:
    bench = _bench(engine, {"news": NEWS})
    with write(engine) as connection:
        (first,) = _twins(connection, "old@client.example")
        rights.withdraw(connection, first, "marketing", at=at(NOW), source="one-click")
        moved = {"email": "new@client.example", "email_hash": ids.address_hash("new@client.example", SECRET)}
        connection.execute(update(customers).where(customers.c.id == first).values(moved))
        rights.refuse_by_mailbox(connection, [first])
        _twins(connection, "old@client.example", "new@client.example")
    assert _went(bench) == []


def test_who_comes_back_in_person_comes_back_for_the_mailbox(engine: Engine) -> None:
    bench = _bench(engine, {"news": NEWS})
    with write(engine) as connection:
        first, second = _twins(connection, *SPELLINGS[:2])
        rights.withdraw(connection, first, "marketing", at=at("2026-06-10T11:00"), source="one-click")
        assert rights.grant(connection, second, "marketing", at=at("2026-06-11T11:00"), source="page")
        assert not rights.grant(connection, second, "marketing", at=at("2026-06-11T11:00"), source="page")
    assert len(_went(bench)) == 1  # one copy for the mailbox


def test_a_file_brings_no_consent_back_for_the_mailbox(engine: Engine) -> None:
    with write(engine) as connection:
        first, second = _twins(connection, *SPELLINGS[:2], consent=False)
        rights.withdraw(connection, first, "marketing", at=at(NOW), source="page")
        word = rights.ConsentRecord("marketing", at(NOW), "import")
        assert rights.grant_imported(connection, [first, second], word) == set()


def test_recall_takes_back_what_goes_to_the_mailbox(engine: Engine) -> None:
    bench = _bench(engine, {"news": NEWS, "more": NEWS})
    with write(engine) as connection:
        _, second = _twins(connection, *SPELLINGS[:2])
    bench.plan(NOW)
    with write(engine) as connection:
        held = claim(connection, kinds=["marketing"], limit=9, now=at(NOW), lease=timedelta(seconds=60), worker="w")
        assert held is not None
        assert recall(connection, second) == len(held.rows) == 2
        assert connection.scalar(select(claims.c.rows)) == []


# ---------------------------------------------------------------- breaks, pace and the cap


def test_a_break_holds_for_the_mailbox(engine: Engine) -> None:
    bench = _bench(engine, {"news": NEWS}, late="30 days")
    with write(engine) as connection:
        first, _ = _twins(connection, *SPELLINGS[:2])
        pause = {"customer_id": first, "at": at(NOW), "paused_until": at("2026-06-20T10:00")}
        connection.execute(preferences.insert().values(pause))
    assert _went(bench) == []
    assert {reason for reason, _ in _reasons(bench).values()} == {"paused-by-client"}


def test_the_pace_one_asked_for_holds_for_the_mailbox(engine: Engine) -> None:
    bench = _bench(engine, {"first": NEWS, "second": NEWS}, late="1 days")
    with write(engine) as connection:
        first, _ = _twins(connection, *SPELLINGS[:2])
        connection.execute(preferences.insert().values(customer_id=first, at=at(NOW), gap_days=7))
    assert len(_went(bench)) == 1


def test_the_cap_counts_by_mailbox(engine: Engine) -> None:
    bench = _bench(engine, {"first": NEWS, "second": NEWS, "third": NEWS}, cap="2 per 7 days")
    with write(engine) as connection:
        _twins(connection, *SPELLINGS)
        add_customer(connection, "other")
    assert sorted(_went(bench)) == sorted([*_went_to(bench, "lena"), "other", "other"])
    assert len(_went_to(bench, "lena")) == 2


def _went_to(bench: Bench, name: str) -> list[str]:
    with read(bench.engine) as connection:
        theirs = set(connection.scalars(select(customers.c.external_id).where(customers.c.email.ilike(f"%{name}%"))))
    return [row["customer"] for row in bench.ledger("sent") if row["customer"] in theirs]


# ---------------------------------------------------------------- copies


def test_one_mailbox_in_three_rows_gets_one_copy_and_the_others_name_the_first(engine: Engine) -> None:
    bench = _bench(engine, {"news": NEWS})
    with write(engine) as connection:
        for name, address in zip(("c-9", "c-8", "c-10"), SPELLINGS, strict=False):
            add_customer(connection, name, email=address, email_hash=ids.address_hash(address, SECRET))
    (got,) = _went(bench)
    assert got == "c-9"
    assert list(_reasons(bench).values()) == [("same-mailbox", got)] * 2


def test_a_state_comes_once_to_a_mailbox_whenever_the_second_row_comes(engine: Engine) -> None:
    bench = _bench(engine, {"hello": {"when": "customer.country == 'EE'", "email": "mail"}})
    with write(engine) as connection:
        _twins(connection, SPELLINGS[0], country="EE")
    assert len(_went(bench)) == 1
    with write(engine) as connection:
        _twins(connection, *SPELLINGS[1:], country="EE")
    assert _went(bench, "2026-08-15T10:05") == []


def test_two_children_of_one_mailbox_both_have_their_birthday(engine: Engine) -> None:
    birthday = {"every": "year since customer.birthday", "email": "mail"}
    bench = _bench(engine, {"birthday": birthday})
    with write(engine) as connection:
        for day in ("2018-06-15", "2015-06-16", "2015-06-16"):
            _twins(connection, SPELLINGS[0], birthday=day)
    assert len(_went(bench, "2026-06-15T12:00")) == 1
    assert len(_went(bench, "2026-06-16T12:00")) == 1


def test_bookings_of_one_mailbox_all_get_their_service_email(engine: Engine) -> None:
    bench = _bench(engine, {"receipt": {"on": "visit.done", "email": "mail", "kind": "transactional"}})
    with write(engine) as connection:
        for key in _twins(connection, *SPELLINGS[:3]):
            add_event(connection, key, "visit.done", "2026-06-15T09:00")
    assert len(_went(bench)) == 3


def test_an_event_of_each_row_counts_unless_it_may_not_come_again_so_soon(engine: Engine) -> None:
    thanks = {"on": "visit.done", "email": "mail"}
    bench = _bench(engine, {"thanks": thanks, "seldom": thanks | {"again": "after 30 days"}})
    with write(engine) as connection:
        for key in _twins(connection, *SPELLINGS[:2]):
            add_event(connection, key, "visit.done", "2026-06-15T09:00")
    sent = [campaign for _, campaign, _ in bench.send(NOW)]
    assert (sent.count("thanks"), sent.count("seldom")) == (2, 1)


# ---------------------------------------------------------------- files and the API


def _import(engine: Engine, path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    options = ImportOptions(timezone="Europe/Tallinn")
    report = import_file(engine, Kind.CUSTOMERS, path, now=at(NOW), secret=SECRET, options=options)
    assert not report.refused


def test_a_list_without_ids_is_about_the_client_who_is_known(engine: Engine, tmp_path: Path) -> None:
    _import(engine, tmp_path / "shop.csv", "id,email,first name\n7001,lena@client.example,Lena\n")
    _import(engine, tmp_path / "left.csv", "email,unsubscribed\nLENA@client.example,yes\n")
    with read(engine) as connection:
        assert connection.execute(select(customers.c.external_id)).all() == [("7001",)]
        assert connection.execute(select(tables.consents.c.granted)).all() == [(False,)]


def test_somebody_else_at_the_mailbox_stays_somebody_else(engine: Engine, tmp_path: Path) -> None:
    _import(engine, tmp_path / "shop.csv", "id,email,first name\n7001,home@client.example,Lena\n")
    _import(engine, tmp_path / "list.csv", "email,first name\nhome@client.example,Tiit\n")
    with read(engine) as connection:
        assert connection.execute(select(customers.c.first_name).order_by(customers.c.id)).all() == [
            ("Lena",),
            ("Tiit",),
        ]


def test_a_no_of_the_mailbox_goes_along_to_another_address(engine: Engine, tmp_path: Path) -> None:
    """Whose no it was is not known: it holds for both who had the address, wherever they go."""
    bench = _bench(engine, {"news": NEWS})
    _import(
        engine, tmp_path / "shop.csv", "id,email,subscribed\n1,home@client.example,yes\n2,home@client.example,yes\n"
    )
    with write(engine) as connection:
        first = connection.scalar(select(customers.c.id).where(customers.c.external_id == "1"))
        assert first is not None
        rights.withdraw(connection, first, "marketing", at=at(NOW), source="one-click")
    _import(engine, tmp_path / "moved.csv", "id,email,subscribed\n2,own@client.example,yes\n")
    assert bench.send(NOW) == []


def test_a_no_goes_along_with_everybody_who_moves_and_the_log_says_so(engine: Engine, tmp_path: Path) -> None:
    """Two at one mailbox, which complained and left, move to two others in one file."""
    bench = _bench(engine, {"news": NEWS})
    _import(
        engine, tmp_path / "shop.csv", "id,email,subscribed\n1,home@client.example,yes\n2,home@client.example,yes\n"
    )
    with write(engine) as connection:
        first = connection.scalar(select(customers.c.id).where(customers.c.external_id == "1"))
        assert first is not None
        rights.withdraw(connection, first, "marketing", at=at(NOW), source="one-click")
        home = ids.address_hash("home@client.example", SECRET)
        rights.suppress(connection, home, "marketing", "complained", at(NOW))
    _import(engine, tmp_path / "moved.csv", "id,email\n1,one@client.example\n2,two@client.example\n")
    assert bench.send(NOW) == []
    hashes = {ids.address_hash(f"{name}@client.example", SECRET) for name in ("home", "one", "two")}
    with read(engine) as connection:
        for table in (tables.refusals, tables.suppressions):
            assert set(connection.scalars(select(table.c.email_hash))) == hashes
        log = tables.consent_log.c
        query = select(customers.c.external_id, log.topic, log.granted, log.detail).join_from(
            tables.consent_log, customers, customers.c.id == log.customer_id
        )
        carried = [tuple(row) for row in connection.execute(query.order_by(log.id)) if "with" in (row.detail or {})]
    why = {"with": "their former address"}
    assert carried == [
        ("1", "marketing", False, why), ("2", "marketing", False, why),
        ("1", "address", False, {"suppressed": "marketing", **why}),
        ("2", "address", False, {"suppressed": "marketing", **why}),
    ]  # fmt: skip


Way = Callable[[Engine, Path, str, int], None]


def _by_file(engine: Engine, folder: Path, address: str, number: int) -> None:
    _import(engine, folder / "again.csv", f"id,email,subscribed\nagain-{number},{address},yes\n")


def _by_list(engine: Engine, folder: Path, address: str, number: int) -> None:
    _import(engine, folder / "list.csv", f"email,subscribed\n{address},yes\n")


def _by_rows(engine: Engine, folder: Path, address: str, number: int) -> None:
    options = ImportOptions(timezone="Europe/Tallinn")
    rows = [{"id": f"api-{number}", "email": address, "subscribed": True}]
    import_rows(engine, Kind.CUSTOMERS, MappingSource(rows), now=at(NOW), secret=SECRET, options=options)


def _joined_by_policy(engine: Engine, folder: Path, address: str, number: int) -> None:
    options = ImportOptions(timezone="Europe/Tallinn", identity="address")
    rows = [{"id": f"policy-{number}", "email": address, "subscribed": True}]
    import_rows(engine, Kind.CUSTOMERS, MappingSource(rows), now=at(NOW), secret=SECRET, options=options)


def _merged(engine: Engine, folder: Path, address: str, number: int) -> None:
    """A new client with another address is joined with somebody who is there; by turns it stays or goes."""
    with read(engine) as connection:
        erased = connection.scalar(select(customers.c.id).where(customers.c.erased_at.is_not(None)))
    email = f"fresh{number}@client.example" if erased is None else address
    _import(engine, folder / "more.csv", f"id,email,subscribed\nmore-{number},{email},yes\n")
    with write(engine) as connection, suppress(RegularsError):  # with the erased nobody is joined
        pair = list(connection.scalars(select(customers.c.id).order_by(customers.c.id)))
        kept, gone = (pair[0], pair[-1])[:: 1 if number % 2 else -1]
        merge_clients(connection, kept, gone, now=at(NOW), by="merge")


def _aliased(engine: Engine, folder: Path, address: str, number: int) -> None:
    with write(engine) as connection:
        key = connection.scalars(select(customers.c.id).order_by(customers.c.id)).first()
        assert key is not None
        add_alias(connection, key, f"also-{number}", at=at(NOW), source="alias")
    _import(engine, folder / "also.csv", f"id,email,subscribed\nalso-{number},moved{number}@client.example,yes\n")


def _adopted(engine: Engine, folder: Path, address: str, number: int) -> None:
    _by_list(engine, folder, address, number)
    _import(engine, folder / "shop.csv", f"id,email,subscribed\nshop-{number},{address},yes\n")


def _after_rotation(engine: Engine, folder: Path, address: str, number: int) -> None:
    environ = {"REGULARS_SECRET": f"new {number}", "REGULARS_OLD_SECRETS": SECRET.decode()}
    secret = load(folder, environ).address_secret
    rows = [{"id": f"later-{number}", "email": address, "subscribed": True}]
    options = ImportOptions(timezone="Europe/Tallinn")
    import_rows(engine, Kind.CUSTOMERS, MappingSource(rows), now=at(NOW), secret=secret, options=options)


def _erased_and_imported(engine: Engine, folder: Path, address: str, number: int) -> None:
    with write(engine) as connection:
        for key in connection.scalars(select(customers.c.id).where(customers.c.email.is_not(None))).all():
            rights.erase(connection, key, at(NOW))
    _by_file(engine, folder, address, number)


WAYS = (
    _by_file, _by_list, _by_rows, _joined_by_policy, _merged, _aliased, _adopted, _after_rotation, _erased_and_imported,
)  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    said=st.sampled_from(["one-click", "page", "import", "list"]),
    first=st.sampled_from([*SPELLINGS, *UNICODE]),
    ways=st.lists(st.sampled_from(WAYS), min_size=1, max_size=4),
    data=st.data(),
)
def test_who_said_no_is_never_written_to_again(
    sqlite_engine: Engine, tmp_path: Path, said: str, first: str, ways: list[Way], data: st.DataObject
) -> None:
    engine = sqlite_engine
    with write(engine) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table))
    bench = _bench(engine, {"news": NEWS, "hello": {"when": "customer.email is not none", "email": "mail"}})
    _import(engine, tmp_path / "first.csv", f"id,email,subscribed\n1,{first.strip()},yes\n")
    if said in ("import", "list"):
        column = "id,email,unsubscribed\n1," if said == "import" else "email,unsubscribed\n"
        _import(engine, tmp_path / "left.csv", f"{column}{first.strip()},yes\n")
    else:
        with write(engine) as connection:
            key = connection.scalar(select(customers.c.id))
            assert key is not None
            rights.withdraw(connection, key, "marketing", at=at("2026-06-11T10:00"), source=said)
    family = SPELLINGS if first in SPELLINGS else UNICODE
    for number, way in enumerate(ways):
        way(engine, tmp_path, data.draw(st.sampled_from(family)).strip(), number)
    assert bench.send(NOW) == []
    with read(engine) as connection:
        assert not connection.execute(select(promises.c.id).where(promises.c.state == "sent")).all()
