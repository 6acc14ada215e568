"""What an import does to clients: adds, changes what it says, keeps what it does not, and never their rights."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from regulars.consent import rights
from regulars.consent.suppression import lift_suppressions
from regulars.core import ids
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.importing.report import Kind
from tests.common.people import SECRET
from tests.importing.conftest import NOW, Desk

ADDRESS = ids.address_hash("ana@client.example", SECRET)


def customer_id(desk: Desk, external_id: str = "c-1") -> int:
    with read(desk.engine) as connection:
        query = select(tables.customers.c.id).where(tables.customers.c.external_id == external_id)
        return int(connection.execute(query).scalar_one())


def test_a_client_as_the_file_says_with_defaults_for_the_new(desk: Desk) -> None:
    desk.bring(Kind.MANAGERS, "id,name,email\nm-1,Elena Rusu,elena@studio.example\n")
    content = (
        "id,email,first name,birthday,language,time zone,country,manager,registered,skin,points,vip\n"
        "c-1,Ana@Client.Example,Ana,29.02.1992,pt_br,Europe/Tallinn,ee,ELENA@studio.example,2020-05-17,dry,7,yes\n"
        "c-2,,Bo,,,,,m-1,,,,\n"
    )
    report = desk.bring(Kind.CUSTOMERS, content, locale="ro", country="MD")
    assert (report.rows, report.added, report.changed, report.unchanged, report.refused) == (2, 2, 0, 0, 0)
    with read(desk.engine) as connection:
        ana, bo = connection.execute(select(tables.customers).order_by(tables.customers.c.id)).mappings()
    assert ana["email"] == "Ana@client.example"
    assert ana["email_hash"] == ADDRESS
    assert (ana["birthday"], ana["locale"], ana["country"]) == (date(1992, 2, 29), "pt-BR", "EE")
    assert ana["attrs"] == {"skin": "dry", "points": 7, "vip": True}
    assert ana["bucket"] == ids.bucket(ana["uid"])
    assert ana["created_at"] == datetime(2020, 5, 17, 9, tzinfo=UTC)
    assert (bo["email"], bo["email_hash"], bo["locale"], bo["country"]) == (None, None, "ro", "MD")
    assert (bo["created_at"], bo["timezone"], bo["attrs"]) == (NOW, None, {})
    assert ana["manager_id"] == bo["manager_id"] is not None
    assert desk.rows(tables.facts, "purchases", "spent", "rhythm") == [(0, 0, None)] * 2
    assert desk.rows(tables.consents, "topic") == []


def test_without_ids_the_address_is_the_id(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "email\nAna@Client.Example\n")
    report = desk.bring(Kind.CUSTOMERS, "email,name\nana@client.example,Ana\nANA@client.example,Ana\n")
    assert (report.added, report.changed, report.refused) == (0, 1, 1)
    assert desk.rows(tables.customers, "external_id", "name") == [("ana@client.example", "Ana")]


def test_an_empty_cell_and_a_missing_column_change_nothing(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "id,email,name,skin,points\nc-1,ana@client.example,Ana,dry,7\n", locale="ro")
    later = NOW + timedelta(days=1)
    same = desk.bring(Kind.CUSTOMERS, "id,email,name,skin\nc-1,,,\n", now=later, locale="et")
    assert (same.added, same.changed, same.unchanged) == (0, 0, 1)
    seen = desk.rows(tables.customers, "email", "name", "locale", "attrs", "created_at", "updated_at")
    assert seen == [("ana@client.example", "Ana", "ro", {"skin": "dry", "points": 7}, NOW, NOW)]
    changed = desk.bring(Kind.CUSTOMERS, "id,points,vip\nc-1,8,no\n", now=later)
    assert (changed.added, changed.changed, changed.unchanged) == (0, 1, 0)
    assert desk.rows(tables.customers, "attrs", "created_at", "updated_at") == [
        ({"skin": "dry", "points": 8, "vip": False}, NOW, later)
    ]


def test_a_file_withdraws_consent_and_never_brings_it_back(desk: Desk) -> None:
    def said() -> list[tuple[object, ...]]:
        return desk.rows(tables.consents, "topic", "granted", "source")

    assert desk.bring(Kind.CUSTOMERS, "id,subscribed\nc-1,yes\n", source="shop").added == 1
    assert said() == [("marketing", True, "shop")]
    assert desk.bring(Kind.CUSTOMERS, "id,unsubscribed\nc-1,yes\n").changed == 1
    assert said() == [("marketing", False, "import")]
    again = desk.bring(Kind.CUSTOMERS, "id,subscribed\nc-1,yes\n")
    assert (again.changed, again.unchanged) == (0, 1)
    assert said() == [("marketing", False, "import")]
    assert desk.rows(tables.consent_log, "granted", "source") == [(True, "shop"), (False, "import")]


def test_a_no_in_either_column_is_a_no(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "id,subscribed,unsubscribed\nc-1,yes,yes\nc-2,no,no\nc-3,yes,no\nc-4,,\n")
    assert desk.rows(tables.consents, "granted") == [(False,), (False,), (True,)]


def test_a_client_who_left_by_themselves_stays_away(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "id\nc-1\n")
    with write(desk.engine) as connection:
        rights.withdraw(connection, customer_id(desk), "marketing", at=NOW, source="link")
    desk.bring(Kind.CUSTOMERS, "id,consent\nc-1,true\n")
    assert desk.rows(tables.consents, "granted", "source") == [(False, "link")]


def test_an_import_lifts_no_suppression(desk: Desk) -> None:
    with write(desk.engine) as connection:
        rights.suppress(connection, ADDRESS, "all", "bounced", NOW)
    report = desk.bring(Kind.CUSTOMERS, "id,email,subscribed\nc-1,ANA@client.example,yes\n")
    assert report.added == 1
    assert desk.rows(tables.suppressions, "email_hash", "reason") == [(ADDRESS, "bounced")]


def test_an_erased_client_stays_erased_however_they_are_named(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "id,email,name\nc-1,ana@client.example,Ana\n")
    desk.bring(Kind.CUSTOMERS, "id,name\nc-2,Bo\n")
    with write(desk.engine) as connection:
        for name in ("c-1", "c-2"):
            rights.erase(connection, customer_id(desk, name), NOW)
    for content in (
        "id,email,name\nc-1,ana@client.example,Ana\n",
        "id,email,name\nc-9,Ana@Client.Example,Ana\n",
        "email,name\nana@client.example,Ana\n",
        "id,name\nc-1,Ana\nc-2,Bo\n",
    ):
        report = desk.bring(Kind.CUSTOMERS, content)
        assert (report.added, report.changed, report.refused) == (0, 0, 0), content
        assert report.notes[0].endswith("clients who were erased; they were left out")
    assert desk.rows(tables.customers, "external_id", "name", "email") == [("c-1", None, None), ("c-2", None, None)]


def test_an_erased_client_returns_only_when_an_operator_says_so(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "id,email,name\nc-1,ana@client.example,Ana\n")
    with write(desk.engine) as connection:
        rights.erase(connection, customer_id(desk), NOW)
        lifted = lift_suppressions(connection, [ADDRESS], now=NOW, by="operator", why="back", erased=True)
        assert lifted.lifted == 1
    report = desk.bring(Kind.CUSTOMERS, "id,email,name,subscribed\nc-1,ana@client.example,Ana,yes\n")
    assert report.changed == 1
    assert desk.rows(tables.customers, "name", "erased_at") == [("Ana", None)]
    assert desk.rows(tables.consents, "granted") == [(False,)], "consent is theirs alone to give back"


def test_managers_by_id_or_by_address(desk: Desk) -> None:
    report = desk.bring(
        Kind.MANAGERS, "ФИО,e-mail,должность,tz\nElena,Elena@Studio.Example,Owner,Europe/Chisinau\n,x,,\n"
    )
    assert (report.added, report.refused) == (1, 1)
    report = desk.bring(
        Kind.MANAGERS, "email,name,phone\nelena@studio.example,Elena Rusu,+373 22\nnew@studio.example,,\n"
    )
    assert (report.added, report.changed) == (1, 1)
    assert desk.rows(tables.managers, "external_id", "name", "title", "phone") == [
        ("elena@studio.example", "Elena Rusu", "Owner", "+373 22"),
        ("new@studio.example", "new@studio.example", None, None),
    ]
