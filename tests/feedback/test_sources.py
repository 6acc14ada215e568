"""Messages from a Maildir, an mbox, IMAP and a pipe: recorded once, given up after the commit, or set aside."""

from __future__ import annotations

import io
import ssl
from pathlib import Path

import pytest
import trustme

from regulars.core import clock
from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import open_engine
from regulars.feedback import incoming
from regulars.feedback.file_sources import ASIDE, MOST_ASIDE, MaildirSource, MboxSource, PipeSource, keep_aside
from regulars.feedback.imap_source import ImapSource
from regulars.feedback.incoming import ReadSummary, Source, notifications_of, read_all
from regulars.feedback.notification import Kind
from regulars.feedback.sources import open_source
from tests.common.bench import at
from tests.feedback.conftest import LATER, PATH, Desk
from tests.feedback.delivery_report import dsn
from tests.feedback.imap_server import PASSWORD, ImapServer

pytestmark = pytest.mark.slow


@pytest.fixture
def sent(desk: Desk) -> Desk:
    """An office that has written to two clients."""
    desk.setup()
    desk.clients("ada", "bo")
    desk.tick()
    return desk


def _dsn(desk: Desk, name: str) -> bytes:
    row = next(row for row in desk.rows() if row["customer"] == name)
    address = f"{name}@client.example"
    return dsn(f"{desk.returned(row['id'], address)}@studio.example", address, row["id"])


def _read(desk: Desk, source: Source, limit: int | None = None) -> ReadSummary:
    return read_all(desk.engine, source, desk.receiver(), clock.frozen(at(LATER)), limit=limit)


def _maildir(root: Path, *contents: bytes) -> MaildirSource:
    for part in ("new", "cur", "tmp"):
        (root / part).mkdir(parents=True)
    for number, content in enumerate(contents):
        (root / "new" / f"176{number}.x").write_bytes(content)
    return MaildirSource(root)


def test_a_maildir_is_read_once(sent: Desk, tmp_path: Path) -> None:
    source = _maildir(tmp_path / "mail", _dsn(sent, "ada"), b"Subject: hello\r\n\r\nhello\r\n")
    (tmp_path / "mail/cur/1769.x:2,R").write_bytes(_dsn(sent, "bo"))
    (tmp_path / "mail/cur/1768.x:2,S").write_bytes(b"Subject: seen before\r\n\r\n")
    done = _read(sent, source)
    assert (done.messages, dict(done.new)) == (3, {Kind.HARD_BOUNCE: 2, Kind.OTHER: 1})
    assert {path.name for path in (tmp_path / "mail/cur").iterdir()} == {
        "1760.x:2,S", "1761.x:2,S", "1768.x:2,S", "1769.x:2,RS",
    }  # fmt: skip
    assert {row["state"] for row in sent.rows()} == {"bounced"}
    assert _read(sent, source).messages == 0


def test_a_limit_leaves_the_rest_for_the_next_pass(sent: Desk, tmp_path: Path) -> None:
    source = _maildir(tmp_path / "mail", _dsn(sent, "ada"), _dsn(sent, "bo"))
    first = _read(sent, source, limit=1)
    assert (first.messages, first.more) == (1, True)
    assert [row["state"] for row in sent.rows()] == ["bounced", "sent"]
    assert _read(sent, source, limit=5).messages == 1


def test_a_message_stays_while_the_database_is_away(sent: Desk, tmp_path: Path) -> None:
    source = _maildir(tmp_path / "mail", _dsn(sent, "ada"))
    away = open_engine(f"sqlite:///{tmp_path}/no/such/folder/x.sqlite")
    with pytest.raises(EnvironmentFailed):
        read_all(away, source, sent.receiver(), clock.frozen(at(LATER)))
    assert [path.name for path in (tmp_path / "mail/new").iterdir()] == ["1760.x"]
    assert _read(sent, source).new == {Kind.HARD_BOUNCE: 1}


def test_what_cannot_be_read_is_set_aside(sent: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(content: bytes) -> object:
        raise RecursionError

    source = _maildir(tmp_path / "mail", b"Subject: broken\r\n\r\n")
    with monkeypatch.context() as patched:
        patched.setattr(incoming, "parse", parse)  # the reader is made never to fail: a fault that is not known yet
        done = _read(sent, source)
        assert done.aside == ["1760.x"]
        assert [path.name for path in (tmp_path / "mail" / ASIDE / "new").iterdir()] == ["1760.x"]
        assert _read(sent, source).messages == 0


def test_an_mbox_is_read_as_often_as_one_likes(sent: Desk, tmp_path: Path) -> None:
    text = b"".join(
        b"From MAILER-DAEMON Wed Jun 10 13:00:00 2026\n"
        + _dsn(sent, name).replace(b"\r\n", b"\n")
        + b"\n>From here\n\n"
        for name in ("ada", "bo")
    )
    path = tmp_path / "mbox"
    path.write_bytes(text)
    assert _read(sent, MboxSource(path)).new == {Kind.HARD_BOUNCE: 2}
    again = _read(sent, MboxSource(path))
    assert (again.messages, again.new) == (2, {})
    assert path.read_bytes() == text


def test_a_file_that_is_no_mbox_is_refused(sent: Desk, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"Subject: x\n\n")
    with pytest.raises(EnvironmentFailed, match="no mbox"):
        _read(sent, MboxSource(tmp_path / "x"))


def test_a_pipe_brings_one_message(sent: Desk, tmp_path: Path) -> None:
    content = b"From x Wed Jun 10 13:00:00 2026\n" + _dsn(sent, "ada")
    assert _read(sent, PipeSource(io.BytesIO(content), tmp_path)).new == {Kind.HARD_BOUNCE: 1}
    assert _read(sent, PipeSource(io.BytesIO(b""), tmp_path)).messages == 0


def test_only_so_many_failed_messages_are_kept(tmp_path: Path) -> None:
    for number in range(MOST_ASIDE + 3):
        keep_aside(tmp_path / "failed", b"%d" % number)
    assert len(list((tmp_path / "failed").iterdir())) == MOST_ASIDE


def test_imap_messages_are_marked_once_they_are_recorded(sent: Desk) -> None:
    with ImapServer([_dsn(sent, "ada"), _dsn(sent, "bo")]) as server:
        source = ImapSource.parse(server.url)
        assert PASSWORD not in repr(source) + source.name
        assert _read(sent, source).new == {Kind.HARD_BOUNCE: 2}
        assert [one.flags for one in server.messages.values()] == [{"\\Seen"}, {"\\Seen"}]
        assert _read(sent, source).messages == 0
        assert not any(command.startswith("STARTTLS") for command in server.commands)
    assert {row["state"] for row in sent.rows()} == {"bounced"}


def test_imap_messages_stay_unseen_while_the_database_is_away(sent: Desk, tmp_path: Path) -> None:
    away = open_engine(f"sqlite:///{tmp_path}/no/such/folder/x.sqlite")
    with ImapServer([_dsn(sent, "ada")]) as server:
        with pytest.raises(EnvironmentFailed):
            read_all(away, ImapSource.parse(server.url), sent.receiver(), clock.frozen(at(LATER)))
        assert server.messages[1].flags == set()


def test_imaps_needs_a_certificate_that_is_trusted(sent: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ImapServer([_dsn(sent, "ada")], context) as server:
        with pytest.raises(EnvironmentFailed, match=r"cannot be read.*CERTIFICATE_VERIFY_FAILED"):
            _read(sent, ImapSource.parse(server.url))
        assert server.commands == []  # no password went to it
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert _read(sent, ImapSource.parse(server.url)).new == {Kind.HARD_BOUNCE: 1}


def test_a_wrong_password_is_told_without_it(sent: Desk) -> None:
    with ImapServer([]) as server:
        source = ImapSource.parse(server.url.replace("s3cret", "wr0ng"))
        with pytest.raises(EnvironmentFailed, match="cannot be read") as told:
            _read(sent, source)
    assert "wr0ng" not in str(told.value)


@pytest.mark.parametrize(
    "url", ["imaps://host/INBOX", "imaps://u:hidden@/x", "imaps://u:hidden@h:x/", "pop3://u:hidden@h"]
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed) as told:
        open_source(url, tmp_path)
    assert "hidden" not in str(told.value)


def test_the_token_is_found_wherever_the_message_holds_it(sent: Desk) -> None:
    row = sent.rows()[0]
    token, receiver = sent.token(row["id"], "ada@client.example"), sent.receiver()
    plain = dsn("bounces@studio.example", "ada@client.example")
    by_header = dsn("bounces@studio.example", "ada@client.example", token=token)
    by_delivery = b"Delivered-To: " + PATH.sender(token).encode() + b"\r\n" + plain
    assert [token in (one.return_path or "") for one in notifications_of(plain, None, receiver)] == [False]
    for content, to in ((by_header, None), (by_delivery, None), (plain, PATH.sender(token).upper())):
        (found,) = notifications_of(content, to, receiver)
        assert token in (found.return_path or "").lower()
