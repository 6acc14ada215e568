from __future__ import annotations

import email
import email.policy
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.render.headers import one_line
from regulars.render.mailbox import Mailbox, clean
from regulars.render.mime import Attachment, Letter, assemble
from tests.common import data
from tests.render import strict

LETTER = Letter(
    sender=Mailbox("Студія Анна", "ana@studio.example"),
    to=Mailbox("Maria Popescu", "maria@example.org"),
    subject="Hello",
    html="<p>Привіт</p>",
    text="Привіт\n",
    message_id="<abc@studio.example>",
    date=datetime(2026, 3, 5, 9, 7, tzinfo=UTC),
    unsubscribe_url="https://studio.example/u/abc",
    list_id="win-back.studio.example",
)
HEADERS = [
    "Date", "Message-ID", "From", "To", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post", "List-ID",
    "Auto-Submitted", "MIME-Version", "Content-Type",
]  # fmt: skip


def parts(message: Message) -> tuple[str, str]:
    texts = []
    for part in message.get_payload():
        assert isinstance(part, Message)
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        texts.append(payload.decode().replace("\r\n", "\n"))
    return texts[0], texts[1]


def check_plain(letter: Letter, raw: bytes) -> None:
    """What delivery is told of the bytes, so that it need not look at them."""
    assert raw.isascii() or letter.needs_smtputf8
    assert raw.endswith(b"\r\n")
    lines = raw.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or line.startswith(b".") for line in lines)


def check_letter(letter: Letter) -> None:
    """The letter, read three ways, has exactly its recipient, its headers, its subject and its two texts."""
    raw = assemble(letter)
    check_plain(letter, raw)
    fields, _ = strict.split(raw)
    assert [name for name, _ in fields] == HEADERS
    by_name = dict(fields)
    [(name, address)] = strict.addressees(by_name["To"])
    assert address == letter.to.wire
    assert name in (clean(letter.to.name), "")
    assert strict.decode(by_name["Subject"]) == one_line(letter.subject)
    old = email.message_from_bytes(raw, policy=email.policy.compat32)
    assert [a for _, a in getaddresses([str(old["To"])])] == [letter.to.wire]
    unfolded = str(old["Subject"]).replace("\r\n", "")
    assert str(make_header(decode_header(unfolded))) == one_line(letter.subject)
    new = email.message_from_bytes(raw, policy=email.policy.default)
    assert [a.addr_spec for a in new["To"].addresses] == [letter.to.wire]
    for message in (old, new):
        assert message.keys() == HEADERS
        assert not message.defects
        text, html = letter.text.replace("\r\n", "\n"), letter.html.replace("\r\n", "\n")
        assert parts(message) == (text, html)


def test_a_letter_reads_back() -> None:
    check_letter(LETTER)


def encodings(letter: Letter) -> list[str]:
    """How the text and the HTML part are coded."""
    return [
        str(part["Content-Transfer-Encoding"])
        for part in email.message_from_bytes(assemble(letter)).walk()
        if not part.is_multipart()
    ]


def test_ascii_goes_as_it_is_and_all_else_coded() -> None:
    plain = replace(LETTER, text="Hello,\n\nyours\n", html="<p>Hello</p>\n")
    assert encodings(plain) == ["7bit", "7bit"]
    assert b"\r\n\r\nHello,\r\n\r\nyours\r\n\r\n--" in assemble(plain)
    assert encodings(replace(plain, text="Grüße\n")) == ["base64", "7bit"]
    check_letter(plain)


@pytest.mark.parametrize(
    "text",
    [
        ".", "a\n.", ".\na", "From here", "a\nFrom there", "a\rb", "a\r\nb", "a\0b", "x" * 999, f"a\n{'x' * 999}\n",
        "--alt_" + blake2b(LETTER.message_id.encode(), digest_size=12).hexdigest(),
    ],
)  # fmt: skip
def test_what_would_be_taken_for_something_else_is_coded(text: str) -> None:
    letter = replace(LETTER, text=text, html="<p>Hello</p>")
    assert encodings(letter) == ["base64", "7bit"]
    check_plain(letter, assemble(letter))
    assert len(max(assemble(letter).split(b"\r\n"), key=len)) <= 998


def test_the_longest_line_there_may_be_goes_as_it_is() -> None:
    assert encodings(replace(LETTER, text="x" * 998, html="x" * 998)) == ["7bit", "7bit"]


@given(st.text(st.sampled_from("a.F rom\n-\x0b\0")))
def test_any_ascii_stays_what_it_is(body: str) -> None:
    check_letter(replace(LETTER, text=body, html=body))


@pytest.mark.slow
def test_naughty_strings_change_neither_addressee_nor_headers() -> None:
    for text in data.naughty_strings():
        for letter in (
            replace(LETTER, to=Mailbox(text, "maria@example.org")),
            replace(LETTER, sender=Mailbox(text, "ana@studio.example")),
            replace(LETTER, to=Mailbox(f"{text} {text}, {text} Ltd", "maria@example.org"), subject=f"{text}: {text}"),
            replace(LETTER, subject=text, text=text, html=text),
        ):
            check_letter(letter)


@given(st.text(), st.text(), st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])))
def test_any_text_stays_in_its_place(name: str, subject: str, body: str) -> None:
    check_letter(replace(LETTER, to=Mailbox(name, "maria@example.org"), subject=subject, text=body, html=body))


@given(
    st.lists(
        st.sampled_from([" ", "  ", "=?utf-8?q?", "?=", "a" * 80, "щ", "é", '"', "\\", ",", "<", ">", "@", "\r\n", "b"])
    )
)
def test_pieces_of_header_grammar_stay_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    check_letter(replace(LETTER, to=Mailbox(text, "maria@example.org"), subject=text))


@given(st.text(), st.binary(), st.text())
def test_attachments_and_further_headers_leave_the_bytes_plain(name: str, content: bytes, value: str) -> None:
    file = Attachment(name, "text/calendar; charset=utf-8", content)
    letter = replace(LETTER, attachments=(file,), headers=(("X-Campaign", value),), feedback_id=value)
    check_plain(letter, assemble(letter))


def test_a_long_quoted_name_keeps_its_quotes() -> None:
    name = "Bcc: eve@evil.example, " * 4 + "Rusu"
    raw = assemble(replace(LETTER, to=Mailbox(name, "maria@example.org")))
    assert strict.addressees(dict(strict.split(raw)[0])["To"]) == [(name, "maria@example.org")]
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert [a.addr_spec for a in message["To"].addresses] == ["maria@example.org"]


def test_a_name_that_is_too_long_is_dropped() -> None:
    fields, _ = strict.split(assemble(replace(LETTER, to=Mailbox("Щ" * 500, "maria@example.org"))))
    assert dict(fields)["To"] == "<maria@example.org>"


def test_lines_are_short() -> None:
    letter = replace(
        LETTER, subject="Вітання " * 40, text="x" * 5000, to=Mailbox("Олександра " * 8, "maria@example.org")
    )
    assert max(map(len, assemble(letter).split(b"\r\n"))) <= 76


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 113, 114, 115, 5000])
def test_bodies_of_every_length_read_back(size: int) -> None:
    check_letter(replace(LETTER, text="x" * size, html="y" * size))


def test_the_same_letter_gives_the_same_bytes() -> None:
    assert assemble(LETTER) == assemble(replace(LETTER))


def test_one_click_unsubscribe() -> None:
    raw = assemble(replace(LETTER, unsubscribe_mailto="mailto:leave@studio.example?subject=abc"))
    fields = dict(strict.split(raw)[0])
    assert fields["List-Unsubscribe"] == "<https://studio.example/u/abc>, <mailto:leave@studio.example?subject=abc>"
    assert fields["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    without = dict(strict.split(assemble(replace(LETTER, unsubscribe_url=None, list_id=None)))[0])
    assert not {"List-Unsubscribe", "List-Unsubscribe-Post", "List-ID"} & set(without)


def test_copies_and_replies() -> None:
    letter = replace(
        LETTER, cc=(Mailbox("A, B", "a@x.example"), Mailbox("", "b@x.example")), reply_to=Mailbox("", "r@x.example")
    )
    fields = dict(strict.split(assemble(letter))[0])
    assert strict.addressees(fields["Cc"]) == [("A, B", "a@x.example"), ("", "b@x.example")]
    assert strict.addressees(fields["Reply-To"]) == [("", "r@x.example")]
    assert letter.recipients == ("maria@example.org", "a@x.example", "b@x.example")


def test_international_addresses_go_out_in_the_right_form() -> None:
    domain = replace(LETTER, to=Mailbox("Марія", "maria@студія.example"))
    assert not domain.needs_smtputf8
    check_letter(domain)
    local = replace(LETTER, to=Mailbox("", "марія@studio.example"))
    assert local.needs_smtputf8
    assert "To: марія@studio.example\r\n".encode() in assemble(local)


def test_a_calendar_file_goes_along() -> None:
    files = (
        Attachment("Візит.ics", "text/calendar; charset=utf-8; method=REQUEST", b"BEGIN:VCALENDAR\r\n"),
        Attachment('a"b\r\nX: y.pdf', "application/pdf", bytes(range(256))),
    )
    message = email.message_from_bytes(assemble(replace(LETTER, attachments=files)), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.get_content_type() == "multipart/mixed"
    assert not message.defects
    found = list(message.iter_attachments())
    assert [f.get_filename() for f in found] == ["Візит.ics", 'a"b X: y.pdf']
    assert [f.get_payload(decode=True) for f in found] == [f.content for f in files]
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content() == "Привіт\r\n"


@pytest.mark.parametrize(
    "change",
    [
        {"message_id": "<a@b>\r\nBcc: eve@evil.example"},
        {"message_id": "a@b"},
        {"unsubscribe_url": "https://x.example/\r\nBcc: eve@evil.example"},
        {"unsubscribe_url": "javascript:x"},
        {"unsubscribe_mailto": "mailto:a@x.example>, <b"},
        {"headers": (("X-A: b\r\nBcc", "eve@evil.example"),)},
        {"headers": (("bcc", "eve@evil.example"),)},
        {"headers": (("To", "eve@evil.example"),)},
        {"attachments": (Attachment("a", "text/html\r\nX: y", b""),)},
        {"date": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)
def test_what_may_not_stand_in_a_header_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        assemble(replace(LETTER, **change))  # type: ignore[arg-type]


def test_own_headers_are_encoded() -> None:
    fields = dict(
        strict.split(assemble(replace(LETTER, headers=(("X-Campaign", "весна\r\nBcc: eve@evil.example"),))))[0]
    )
    assert strict.decode(fields["X-Campaign"]) == "весна Bcc: eve@evil.example"
    assert "Bcc" not in fields


def _stdlib(letter: Letter) -> bytes:
    message = EmailMessage()
    message["From"] = str(letter.sender)
    message["To"] = str(letter.to)
    message["Subject"] = letter.subject
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message.as_bytes()


def _seconds(make: Callable[[Letter], bytes], letter: Letter) -> float:
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(10):
            make(letter)
        rounds.append(time.perf_counter() - start)
    return min(rounds)


def test_assembling_is_far_quicker_than_the_standard_library() -> None:
    letter = replace(LETTER, html="<p>Привіт, Марія</p>" * 400, text="Привіт\n" * 200)
    assert _seconds(_stdlib, letter) > 8 * _seconds(assemble, letter)


@given(st.lists(st.integers(0, 2100), max_size=6))
def test_a_line_too_long_is_found_wherever_it_stands(lengths: list[int]) -> None:
    text = "\n".join("x" * length for length in lengths)
    wanted = "base64" if max(lengths, default=0) > 998 else "7bit"
    assert encodings(replace(LETTER, text=text, html="")) == [wanted, "7bit"]
