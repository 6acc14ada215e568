"""Several outside ids name one client, and a client known by address alone takes the first id that comes with it."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from regulars.core import ids
from regulars.core.errors import RegularsError
from regulars.coupons.redemption import CouponStatus, check
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.importing.report import Kind
from regulars.profile.identity import add_alias, client_named, clients_called
from tests.importing.conftest import NOW, Desk

CLIENTS = "id,email,first name\n7001,ana@client.example,Ana\n"


def _alias(desk: Desk, name: str, of: str = "7001") -> None:
    with write(desk.engine) as connection:
        key = client_named(connection, of)
        assert key is not None
        assert add_alias(connection, key, name, at=NOW, source="test")
        assert not add_alias(connection, key, name, at=NOW, source="test")


def _clients(desk: Desk) -> list[tuple[str, str | None]]:
    return desk.rows(tables.customers, "external_id", "first_name")


# ---------------------------------------------------------------- aliases


def test_every_kind_of_row_finds_a_client_by_an_alias(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, CLIENTS)
    _alias(desk, "crm-9")
    reports = [
        desk.bring(Kind.CUSTOMERS, "id,email,name\ncrm-9,ana@client.example,Ana Rusu\n"),
        desk.bring(Kind.PURCHASES, "id,customer,occurred_at,amount\np-1,crm-9,2026-05-01,10\n"),
        desk.bring(Kind.EVENTS, "id,customer,name,occurred_at\ne-1,crm-9,meeting.completed,2026-05-01\n"),
        desk.bring(Kind.APPOINTMENTS, "id,customer,starts_at\nv-1,crm-9,2026-07-01 10:00\n"),
    ]
    assert [report.refused for report in reports] == [0] * 4
    with read(desk.engine) as connection:
        mine = client_named(connection, "7001")
        assert mine == client_named(connection, "crm-9")
        assert clients_called(connection, "crm-9") == [mine]
        for table in (tables.purchases, tables.events):
            assert set(connection.scalars(select(table.c.customer_id))) == {mine}
    assert _clients(desk) == [("7001", "Ana")]
    assert desk.rows(tables.customers, "name") == [("Ana Rusu",)]


def test_a_coupon_is_the_clients_under_either_id(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, CLIENTS)
    _alias(desk, "crm-9")
    with write(desk.engine) as connection:
        row = {
            "code": "SPRING", "campaign": "c", "customer_id": client_named(connection, "7001"), "occurrence": "o",
            "offer": {"percent": 5}, "uses": 1, "given_at": NOW, "valid_from": NOW, "valid_until": NOW,
        }  # fmt: skip
        connection.execute(insert(tables.coupons).values(row))
        assert check(connection, "SPRING", NOW, "crm-9").standing is CouponStatus.VALID
        assert check(connection, "SPRING", NOW, "crm-8").standing is CouponStatus.NOT_THEIRS


def test_rows_of_one_client_under_two_ids_are_one_row_and_a_no_in_either_counts(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, CLIENTS)
    _alias(desk, "crm-9")
    content = "id,email,first name,subscribed\ncrm-9,new@client.example,Ana,no\n7001,,Anna,yes\n"
    report = desk.bring(Kind.CUSTOMERS, content)
    assert (report.added, report.changed, report.refused) == (0, 1, 0)
    assert desk.rows(tables.customers, "external_id", "email", "first_name") == [("7001", "new@client.example", "Ana")]
    assert desk.rows(tables.consents, "granted") == [(False,)]


def test_an_alias_of_an_erased_client_brings_nobody_back(desk: Desk) -> None:
    from regulars.consent.rights import erase

    desk.bring(Kind.CUSTOMERS, CLIENTS)
    _alias(desk, "crm-9")
    _alias(desk, "Old@client.example")
    with write(desk.engine) as connection:
        key = client_named(connection, "7001")
        assert key is not None
        erase(connection, key, NOW)
    assert desk.rows(tables.aliases, "external_id") == [("crm-9",)]  # an address is forgotten, an id stays barred
    report = desk.bring(Kind.CUSTOMERS, "id,email\ncrm-9,other@client.example\n")
    assert (report.added, report.changed) == (0, 0)
    assert desk.rows(tables.customers, "email") == [(None,)]


def test_an_id_names_one_client(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, CLIENTS + "7002,bo@client.example,Bo\n")
    with write(desk.engine) as connection:
        key = client_named(connection, "7001")
        assert key is not None
        with pytest.raises(RegularsError, match="`7002` names another client already"):
            add_alias(connection, key, "7002", at=NOW, source="test")


# ---------------------------------------------------------------- a known address and a new id


@pytest.mark.parametrize("known", ["email\nana@client.example\n", "id,email\nana@client.example,ana@client.example\n"])
def test_a_client_known_by_address_takes_the_id_and_keeps_the_rest(desk: Desk, known: str) -> None:
    desk.bring(Kind.CUSTOMERS, known)
    before = desk.rows(tables.customers, "id", "uid", "bucket")
    report = desk.bring(Kind.CUSTOMERS, CLIENTS)
    assert (report.added, report.changed, report.notes) == (0, 1, ())
    assert _clients(desk) == [("7001", "Ana")]
    assert desk.rows(tables.customers, "id", "uid", "bucket") == before
    assert desk.rows(tables.consent_log, "topic", "source") == [("identity", "import")]
    again = [desk.bring(Kind.CUSTOMERS, content) for content in (known, CLIENTS)]
    assert [(report.added, report.changed) for report in again] == [(0, 0)] * 2


def test_what_was_known_by_address_is_not_adopted_by_somebody_else(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "email,first name\nana@client.example,Tiit\n")
    report = desk.bring(Kind.CUSTOMERS, CLIENTS)
    assert _clients(desk) == [("ana@client.example", "Tiit"), ("7001", "Ana")]
    assert report.added == 1
    (note,) = report.notes
    assert note.startswith("1 new clients have the address of another")
    assert "7001 (as ana@client.example)" in note


def test_a_second_id_stays_a_second_client_and_is_told_once(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, CLIENTS)
    more = CLIENTS + "".join(f"800{n},ana@client.example,Ana\n" for n in range(1, 6))
    report = desk.bring(Kind.CUSTOMERS, more)
    assert (report.added, len(_clients(desk))) == (5, 6)
    (note,) = report.notes
    assert note.startswith("5 new clients")
    assert "8001 (as 7001), 8002 (as 7001), 8003 (as 7001), …;" in note
    assert desk.bring(Kind.CUSTOMERS, more).notes == ()


def test_a_row_without_id_is_about_the_client_of_the_same_list(desk: Desk) -> None:
    rows = '{"id": "7001", "email": "ana@client.example"}\n{"email": "Ana@client.example", "name": "Ana Rusu"}\n'
    report = desk.bring(Kind.CUSTOMERS, rows, "rows.jsonl")
    assert (report.added, report.refused) == (1, 0)
    assert desk.rows(tables.customers, "external_id", "name") == [("7001", "Ana Rusu")]


# ---------------------------------------------------------------- the lasting id


def test_the_lasting_id_is_given_once_and_alike_in_every_database(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, CLIENTS)
    first = desk.rows(tables.customers, "uid", "bucket")
    assert first == [(ids.client_uid("7001"), ids.bucket(ids.client_uid("7001")))]
    with write(desk.engine) as connection:
        connection.execute(tables.customers.update().values(uid="given at first", bucket=7))
    desk.bring(Kind.CUSTOMERS, CLIENTS.replace("Ana", "Anna"))
    assert desk.rows(tables.customers, "uid", "bucket", "first_name") == [("given at first", 7, "Anna")]


def test_nothing_that_leads_to_an_address_becomes_a_lasting_id() -> None:
    assert ids.client_uid("ana@client.example") != ids.client_uid("ana@client.example")
