"""The door for mail servers, with the standard library's SMTP and LMTP clients at it."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from regulars.core import clock
from regulars.core.errors import EnvironmentFailed
from regulars.feedback import incoming
from regulars.feedback.inbound_server import LARGEST, MOST_CONNECTIONS, InboundServer
from regulars.feedback.notification import Kind
from tests.common.bench import at
from tests.feedback.conftest import LATER, Desk
from tests.feedback.delivery_report import dsn

pytestmark = pytest.mark.slow

ADA = "ada@client.example"


@pytest.fixture
def sent(desk: Desk) -> Desk:
    """An office that has written to a client."""
    desk.setup()
    desk.clients("ada")
    desk.tick()
    return desk


@pytest.fixture(params=["smtp", "lmtp"])
def door(request: pytest.FixtureRequest, sent: Desk, tmp_path: Path) -> Iterator[InboundServer]:
    """The door of that office, speaking one protocol and then the other."""
    receiver = sent.receiver("inbound")
    with InboundServer(
        sent.engine, lambda: receiver, clock.frozen(at(LATER)), host="127.0.0.1", port=0, aside=tmp_path / "aside",
        lmtp=request.param == "lmtp",
    ) as opened:  # fmt: skip
        yield opened


def _client(door: InboundServer) -> smtplib.SMTP:
    kind = smtplib.LMTP if door._most_recipients == 1 else smtplib.SMTP
    return kind("127.0.0.1", door.port)


def _returned(desk: Desk) -> tuple[str, bytes]:
    to = f"{desk.returned(desk.row()['id'], ADA)}@studio.example"
    return to, dsn(to, ADA)


def test_a_bounce_is_recorded_before_it_is_acknowledged(sent: Desk, door: InboundServer) -> None:
    to, content = _returned(sent)
    with _client(door) as client:
        assert client.sendmail("", [to.upper()], content) == {}
        assert sent.row()["state"] == "bounced"
        assert client.sendmail("", [to], content) == {}  # a server that lost our reply comes again
    assert [(row["kind"], row["source"]) for row in sent.kept()] == [(Kind.HARD_BOUNCE, "inbound")]


def test_only_return_paths_are_accepted(sent: Desk, door: InboundServer) -> None:
    with _client(door) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail("x@spam.example", ["hello@studio.example"], b"Subject: x\r\n\r\n")
    assert refused.value.recipients["hello@studio.example"][0] == 550
    assert sent.kept() == []


def test_it_is_refused_for_now_while_the_database_is_away(
    sent: Desk, door: InboundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise EnvironmentFailed("the database cannot be reached")

    to, content = _returned(sent)
    with _client(door) as client:
        with monkeypatch.context() as patched:
            patched.setattr(incoming, "record", away)
            with pytest.raises(smtplib.SMTPDataError) as refused:
                client.sendmail("", [to], content)
        assert refused.value.smtp_code == 451
        assert client.sendmail("", [to], content) == {}
    assert sent.row()["state"] == "bounced"


def test_a_message_beyond_the_limit_is_refused(sent: Desk, door: InboundServer) -> None:
    to, content = _returned(sent)
    with _client(door) as client, pytest.raises(smtplib.SMTPException) as refused:
        client.sendmail("", [to], content + b"x" * 70 * (LARGEST // 70) + b"\r\n")
    assert "552" in str(refused.value)


def test_connections_beyond_the_limit_are_sent_away(door: InboundServer) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            stack.enter_context(_client(door))
        with pytest.raises(smtplib.SMTPConnectError) as refused:
            _client(door)
    assert refused.value.smtp_code == 421


def test_a_port_that_is_taken_is_told(sent: Desk, door: InboundServer, tmp_path: Path) -> None:
    again = InboundServer(sent.engine, sent.receiver, clock.system, host="127.0.0.1", port=door.port, aside=tmp_path)
    with pytest.raises(EnvironmentFailed, match=f"cannot listen on 127.0.0.1:{door.port}"), again:
        pass
