"""The local inbox keeps what it acknowledges, and its pages show other people's words without obeying them."""

from __future__ import annotations

import base64
import smtplib
from pathlib import Path

import pytest
from lxml import etree, html

from regulars.core.errors import EnvironmentFailed
from regulars.delivery.inbox.server import Inbox, stored, write_index
from regulars.delivery.parcel import Outcome, Parcel
from tests.delivery.posting import BODY, deliver, parcels

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def mail(content_type: str, body: str, **headers: str) -> bytes:
    head = {"Subject": "Hello", "From": "Ana <ana@studio.example>", "Content-Type": content_type, **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    return ("\n".join([*lines, "", body, ""])).replace("\n", "\r\n").encode()


def kept(folder: Path, data: bytes, recipient: str = "bo@example.com") -> Path:
    """The page of a message that arrived by SMTP."""
    with Inbox(folder) as inbox:
        (result,) = deliver(inbox.url, [Parcel(1, "ana@studio.example", (recipient,), data, smtputf8=True)])
    assert result.outcome is Outcome.ACCEPTED, result
    write_index(folder)
    return stored(folder)[-1].path.with_suffix(".html")


def test_every_message_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    batch = [*parcels(3), Parcel(9, "", ("bo@example.com", "cy@example.com"), b".\r\n..\r\n")]
    with Inbox(tmp_path) as inbox:
        results = deliver(inbox.url, batch)
        messages = inbox.messages()
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert [message.number for message in messages] == [1, 2, 3, 4]
    assert [message.content for message in messages] == [parcel.data for parcel in batch]
    assert [message.recipients for message in messages] == [parcel.recipients for parcel in batch]
    assert [message.sender for message in messages] == [*["ana@studio.example"] * 3, ""]
    assert messages[0].message["Subject"] == "Привет"
    assert messages[0].path.name in results[0].text


def test_numbers_go_on_where_the_folder_ends_and_nothing_is_overwritten(tmp_path: Path) -> None:
    for _ in range(2):
        with Inbox(tmp_path) as inbox:
            deliver(inbox.url, parcels(2))
    assert [message.number for message in stored(tmp_path)] == [1, 2, 3, 4]


def test_the_same_message_id_has_the_same_mark_in_its_file_name(tmp_path: Path) -> None:
    with Inbox(tmp_path) as inbox:
        for name in ("<one@studio.example>", "<two@studio.example>", "<one@studio.example>"):
            deliver(inbox.url, parcels(1, mail("text/plain", "x", Message_ID=name)))
        marks = [message.path.stem.partition("-")[2] for message in inbox.messages()]
    assert marks[0] == marks[2] != marks[1]


def test_a_message_that_cannot_be_kept_is_not_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    with Inbox(folder) as inbox:
        folder.rmdir()
        (result,) = deliver(inbox.url, parcels(1))
    assert (result.outcome, result.code) == (Outcome.DEFERRED, 451)


def test_an_ordinary_client_can_send_here_too(tmp_path: Path) -> None:
    with Inbox(tmp_path) as inbox, smtplib.SMTP(inbox.host, inbox.port) as client:
        client.sendmail("ana@studio.example", ["bo@example.com"], "Subject: hi\r\n\r\nhi\r\n")
        assert [message.message["Subject"] for message in inbox.messages()] == ["hi"]


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with Inbox(tmp_path) as inbox, pytest.raises(EnvironmentFailed, match=str(inbox.port)):
        Inbox(tmp_path, port=inbox.port).__enter__()


# ---------------------------------------------------------------- pages


def words(element: etree._Element) -> str:
    return "".join(str(piece) for piece in element.itertext())


def test_an_empty_inbox_has_a_page(tmp_path: Path) -> None:
    index = write_index(tmp_path / "inbox")
    assert "Nothing has arrived yet" in index.read_text()


def test_the_index_lists_the_newest_first_with_what_a_reader_sees(tmp_path: Path) -> None:
    hidden = '<html><body><div style="display: none">Only for you &#847; &zwnj;</div><p>Hello</p></body></html>'
    kept(tmp_path, mail("text/plain", "First words\nof the text", Subject="Older"))
    kept(tmp_path, mail("text/html", hidden, To="Bo <bo@example.com>", Date="Wed, 10 Jun 2026 10:00:00 +0300"))
    page = html.document_fromstring((tmp_path / "index.html").read_text())
    rows = [[" ".join(words(span).split()) for span in row.iter("b", "time", "span")] for row in page.iter("li")]
    assert [row[1] for row in rows] == ["Bo <bo@example.com>", "bo@example.com"]
    assert "10 Jun 2026 10:00" in rows[0]
    assert {"Hello", "Only for you", "Ana <ana@studio.example>"} <= set(rows[0])
    assert {"Older", "First words of the text"} <= set(rows[1])
    for link in page.iter("a"):
        assert (tmp_path / str(link.get("href"))).exists()


EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def test_words_from_outside_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    data = mail(
        "text/plain; charset=utf-8", EVIL, Subject=EVIL, From=f"{EVIL} <ana@studio.example>", Date=EVIL, Cc=EVIL
    )
    page = kept(tmp_path, data)
    for path in (page, tmp_path / "index.html"):
        document = html.document_fromstring(path.read_text())
        assert not list(document.iter("script", "img"))
        assert not [name for element in document.iter() for name, _ in element.items() if str(name).startswith("on")]
        assert EVIL in words(document)


def test_html_from_outside_is_shown_where_it_can_do_nothing(tmp_path: Path) -> None:
    page = html.document_fromstring(
        kept(tmp_path, mail("text/html", f"<html><HEAD></HEAD><body>{EVIL}</body></html>")).read_text()
    )
    assert not list(page.iter("script", "img"))
    (frame,) = page.iter("iframe")
    assert set(str(frame.get("sandbox")).split()) == {"allow-popups", "allow-popups-to-escape-sandbox"}
    assert f"<body>{EVIL}</body>" in str(frame.get("srcdoc"))
    assert '<HEAD><base target="_blank">' in str(frame.get("srcdoc"))
    (policy,) = [meta.get("content") for meta in page.iter("meta") if meta.get("http-equiv")]
    assert str(policy).startswith("default-src 'none'")


def test_no_page_refers_to_anything_outside_the_folder(tmp_path: Path) -> None:
    page = kept(tmp_path, mail("text/plain", "x"))
    for path in (page, tmp_path / "index.html"):
        document = html.document_fromstring(path.read_text())
        found = [value for element in document.iter() for name, value in element.items() if name in {"src", "href"}]
        assert found
        assert all((tmp_path / str(value)).exists() for value in found)


def test_images_inside_the_message_are_shown_and_remote_ones_are_named(tmp_path: Path) -> None:
    encoded = base64.b64encode(PIXEL).decode()
    body = (
        '--x\nContent-Type: text/html\n\n<img src="cid:dot"><img src="https://example.com/p.gif">\n'
        f"--x\nContent-Type: image/gif\nContent-ID: <dot>\nContent-Transfer-Encoding: base64\n\n{encoded}\n--x--"
    )
    text = kept(tmp_path, mail("multipart/related; boundary=x", body)).read_text()
    assert f"data:image/gif;base64,{encoded}" in text
    assert "Remote images are not loaded here" in text


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"no header at all\r\n",
        b"Subject: =?nonsense?b?!!!?=\r\nFrom: <<<>>>\r\nDate: tomorrow\r\nTo: \xff\xfe\r\n\r\n\xff\r\n",
        b"Content-Type: text/plain; charset=klingon\r\n\r\nnuqneH\r\n",
        b"Content-Type: multipart/alternative; boundary=\r\n\r\n--\r\n",
        b"Content-Type: text/html\r\n\r\n\r\n",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!\r\n",
        b"From: =?utf-8?q?=0D=0A_x?= <a@b.example>\r\nReply-To: a@[\r\nMessage-ID: <\r\n\r\nx\r\n",
        BODY,
    ],
)
def test_whatever_arrives_has_a_page(tmp_path: Path, data: bytes) -> None:
    assert kept(tmp_path, data).read_text().endswith("</html>\n")


def test_a_file_that_somebody_put_into_the_folder_is_shown_whole(tmp_path: Path) -> None:
    (tmp_path / "from a friend.eml").write_bytes(b"Subject: kept by hand\r\n\r\nx\r\n")
    write_index(tmp_path)
    assert stored(tmp_path)[0].content.startswith(b"Subject: kept")
    assert "kept by hand" in (tmp_path / "index.html").read_text()
