"""The return path of each email: signed, short, indifferent to case, and in nobody else's copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from regulars.core.return_path import HEADER, LONGEST, ReturnPath, ReturnToken, make_token, read_token, tag_of
from regulars.db.engine import write
from regulars.rules.bounce_rules import return_path
from tests.common.people import SECRET, add_manager
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, VISIT, Office

PATH = ReturnPath.parse("bounces@studio.example")
ADDRESSES = st.emails() | st.just("анна@пошта.example")


@given(st.integers(0, 2**63 - 1), ADDRESSES, st.binary(min_size=1, max_size=80), st.booleans())
def test_a_token_survives_any_change_of_case(promise: int, address: str, secret: bytes, leaving: bool) -> None:
    token = make_token(promise, address, secret)
    made = PATH.unsubscribe(token) if leaving else PATH.sender(token)
    expected = ReturnToken(promise, tag_of(address.upper().lower(), secret), leaving)
    for written in (made, made.upper(), made.partition("@")[0].swapcase()):
        assert read_token(written, [b"former", secret]) == expected
    assert len(made.partition("@")[0]) <= LONGEST


@given(st.integers(0, 2**63 - 1), st.integers(0, 36), st.sampled_from("0123456789abcdefghijklmnopqrstuv"))
def test_a_changed_token_is_none(promise: int, place: int, letter: str) -> None:
    token = make_token(promise, "ada@client.example", SECRET)
    changed = token[:place] + letter + token[place + 1 :]
    assert read_token(token, [b"another secret"]) is None
    if changed != token:
        assert read_token(changed, [SECRET]) is None


@given(st.text(max_size=80))
def test_no_text_is_mistaken_for_a_token(text: str) -> None:
    assert read_token(text, [SECRET]) is None


def test_a_link_and_a_return_path_do_not_stand_for_each_other() -> None:
    token = make_token(7, "ada@client.example", SECRET)
    assert read_token(PATH.sender(token), [SECRET]) == ReturnToken(7, tag_of("Ada@client.example", SECRET), False)
    assert read_token(f"bounces+x{token}@studio.example", [SECRET]) is None


@pytest.mark.parametrize(
    ("pattern", "made", "base"),
    [
        ("bounces@studio.example", "bounces+t@studio.example", "bounces@studio.example"),
        ("bounces-{token}@studio.example", "bounces-t@studio.example", "bounces@studio.example"),
        ("{token}@b.studio.example", "t@b.studio.example", "bounces@b.studio.example"),
    ],
)
def test_the_separator_is_what_the_pattern_says(pattern: str, made: str, base: str) -> None:
    path = ReturnPath.parse(return_path(pattern))
    assert (path.sender("t"), path.base) == (made, base)
    assert path.receives(made.upper())
    assert path.receives(base)
    assert not path.receives("bounces+t@elsewhere.example")


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("bounces", "not an email address"),
        ("Ana <bounces@studio.example>", "address alone"),
        ("bounces{token}@studio.example", "a separator stands before"),
        ("bounces-{token}-x@studio.example", "stands last before"),
        (f"{'b' * 30}@studio.example", "room for 25 characters"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        return_path(pattern)


@pytest.mark.slow
def test_each_email_comes_back_to_its_own_address(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS, "visit": VISIT}, company={"bounces": "bounces@studio.example"})
    office.clients("ada")
    office.plan("2026-06-10T09:00")
    office.visit("ada", "2026-06-10T11:00")
    assert office.tick().sent == 2
    secret = office.runtime.settings.secret
    ids = {row["campaign"]: row["id"] for row in office.rows()}
    found = {str(one.message["Subject"]).partition(" ")[0]: one for one in smtp_inbox.messages}
    for name, one in found.items():
        token = read_token(one.sender, [secret])
        assert token == ReturnToken(ids[name], tag_of("ada@client.example", secret), False)
        assert read_token(str(one.message[HEADER]), [secret]) == token
        assert str(one.message["From"]).endswith("<hello@studio.example>")
    leaving = str(found["news"].message["List-Unsubscribe"]).split("mailto:")[1].partition("?")
    assert leaving[2] == "subject=unsubscribe>"
    assert read_token(leaving[0], [secret]) == ReturnToken(ids["news"], tag_of("ada@client.example", secret), True)
    assert found["visit"].message["List-Unsubscribe"] is None


@pytest.mark.slow
def test_a_copy_for_the_manager_carries_no_token(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> None:
    office = Office(engine, tmp_path / "workspace", smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS | {"cc": "manager"}}, company={"bounces": "bounces@studio.example"})
    with write(engine) as connection:
        add_manager(connection, "mira")
    office.clients("ada", manager="mira")
    office.tick(NOON)
    office.close()
    theirs, copy = smtp_inbox.messages
    token = str(theirs.message[HEADER])
    assert token in theirs.sender
    assert copy.sender == "bounces@studio.example"
    assert token.encode() not in copy.content
    assert copy.message["List-Unsubscribe"] is None
