"""`identity: address` joins clients of one address at import, but never two who differ by name or birthday."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from regulars.db import tables
from regulars.db.engine import read
from regulars.importing.options import options_for
from regulars.importing.report import ImportReport, Kind
from regulars.profile.identity import clients_named
from tests.common.rules import rules
from tests.importing.conftest import Desk

HEADER = "id,email,first name,birthday\n"


def _bring(desk: Desk, *rows: str) -> ImportReport:
    return desk.bring(Kind.CUSTOMERS, HEADER + "".join(f"{row}\n" for row in rows), identity="address")


def _clients(desk: Desk) -> list[str]:
    return [name for (name,) in desk.rows(tables.customers, "external_id")]


def test_ids_of_one_address_become_one_client_in_one_file_and_in_two(desk: Desk) -> None:
    report = _bring(desk, "1,home@client.example,Ana,", "2,Home@client.example,ana,1992-02-29", "9,bo@client.example,,")
    assert (report.added, report.refused) == (2, 0)
    assert report.notes == ("1 clients were joined with the one who has their address",)
    later = _bring(desk, "3,HOME@client.example,,")
    assert (later.added, later.notes) == (0, ("1 clients were joined with the one who has their address",))
    assert _clients(desk) == ["1", "9"]
    with read(desk.engine) as connection:
        assert len(set(clients_named(connection, ["1", "2", "3"], tables.customers.c.id).values())) == 1
        birthday = connection.scalar(select(tables.customers.c.birthday).where(tables.customers.c.external_id == "1"))
    assert str(birthday) == "1992-02-29"
    again = _bring(
        desk, "1,home@client.example,Ana,", "2,Home@client.example,ana,1992-02-29", "3,home@client.example,,"
    )
    assert (again.added, again.changed, again.notes) == (0, 0, ())


@pytest.mark.parametrize("second", ["2,home@client.example,Tiit,", "2,home@client.example,Ana,2015-06-16"])
def test_other_names_and_birthdays_stay_apart_and_are_listed(desk: Desk, second: str) -> None:
    report = _bring(desk, "1,home@client.example,Ana,1992-02-29", second)
    assert report.added == 2
    (note,) = report.notes
    assert note.startswith("1 clients have the address of another, but may be somebody else")
    assert "2 (as 1)" in note
    assert _clients(desk) == ["1", "2"]


def test_where_several_people_live_nobody_nameless_is_joined(desk: Desk) -> None:
    people = {"1": "Ana", "2": "Tiit", "3": "", "4": "tiit"}
    rows = [f"{name},home@client.example,{person}," for name, person in people.items()]
    report = _bring(desk, *rows)
    assert _clients(desk) == ["1", "2", "3"]
    assert report.added == 3
    assert _bring(desk, *rows).notes == ()


def test_who_is_there_already_is_joined_with_the_next_row_of_the_address(desk: Desk) -> None:
    rows = ["1,home@client.example,Ana,", "2,home@client.example,Ana,"]
    desk.bring(Kind.CUSTOMERS, HEADER + "\n".join(rows) + "\n")
    assert _clients(desk) == ["1", "2"]
    _bring(desk, *rows)
    assert _clients(desk) == ["1"]


def test_a_no_of_one_is_a_no_of_the_joined(desk: Desk) -> None:
    content = "id,email,subscribed\n1,home@client.example,yes\n2,home@client.example,no\n"
    desk.bring(Kind.CUSTOMERS, content, identity="address")
    assert desk.rows(tables.consents, "granted") == [(False,)]


def test_the_policy_tells_the_import() -> None:
    assert options_for(rules({}).rulebook).identity == "id"
    assert options_for(rules({}, policy={"identity": "address"}).rulebook).identity == "address"
