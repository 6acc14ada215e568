from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.render.mailbox import Mailbox, clean


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("ana@studio.example", "", "ana@studio.example"),
        ("Ana <ana@studio.example>", "Ana", "ana@studio.example"),
        ('"Rusu, Ana" <ana@studio.example>', "Rusu, Ana", "ana@studio.example"),
        (r'"Ana \"A\" \\" <ana@studio.example>', 'Ana "A" \\', "ana@studio.example"),
        ("Анна Русу <ana@studio.example>", "Анна Русу", "ana@studio.example"),
        ("<ana@studio.example>", "", "ana@studio.example"),
        ("root@localhost", "", "root@localhost"),
        ("o'hara+tag@x.example", "", "o'hara+tag@x.example"),
    ],
)
def test_mailboxes_are_read(text: str, name: str, address: str) -> None:
    box = Mailbox.parse(text)
    assert (box.name, box.address) == (name, address)
    assert Mailbox.parse(str(box)) == box


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "ana@",
        "@studio.example",
        "ana@studio..example",
        "ana@-studio.example",
        "a b@x.example",
        ".a@x.example",
        "a.@x.example",
        "a..b@x.example",
        "a@x.example, b@x.example",
        "a@x.example b@x.example",
        "A <a@x.example>, B <b@x.example>",
        "A <a@x.example> <b@x.example>",
        "<a@x.example",
        "a@x.example\n",
        "a@b@x.example",
        '"a b"@x.example',
        "a@[127.0.0.1]",
        "a@x.example\r\nBcc: eve@evil.example",
        "a@x.example\x00",
        "a\u202e@x.example",
        "group: a@x.example;",
        "a(comment)@x.example",
        "a" * 65 + "@x.example",
        "a@" + "x" * 64 + ".example",
        "a@" + "x." * 130 + "example",
        "a@exa mple",
        "a@ex_ample.example",
    ],
)
def test_what_is_not_one_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not (an email address|a domain)|is longer"):
        Mailbox("", text)
    with pytest.raises(ValueError, match=r"is not (an email address|a domain)|is longer"):
        Mailbox.parse(f"Ana <{text}>")


def test_international_addresses() -> None:
    domain = Mailbox("", "ana@студія.example")
    assert (domain.wire, domain.needs_smtputf8) == (
        "ana@xn--d1ah4a2e5f.example".replace("d1ah4a2e5f", domain.wire[8:-8]),
        False,
    )
    assert domain.wire.isascii()
    local = Mailbox("", "анна@studio.example")
    assert (local.wire, local.needs_smtputf8) == ("анна@studio.example", True)


def test_names_are_cleaned() -> None:
    assert clean("A\r\nB\t\tC\x00 \u202eD\u2066 ") == "A B C D"
    assert clean("👩\u200d🚀 می\u200cخواهم") == "👩\u200d🚀 می\u200cخواهم"


@given(st.text())
def test_only_one_addr_spec_is_an_address(text: str) -> None:
    try:
        box = Mailbox("", text)
    except ValueError:
        return
    assert text.count("@") == 1
    assert not set(text) & set(' \r\n\t\x00<>,;:()[]"\\')
    assert box.wire.rpartition("@")[2].isascii()
