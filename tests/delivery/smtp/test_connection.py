"""Encryption is never given up quietly, and a password never shows."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator

import pytest
import trustme

from regulars.delivery.parcel import Outcome
from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.delivery.posting import deliver, parcels

PASSWORD = "correct horse"
PLAIN = base64.b64encode(b"\0ana\0" + PASSWORD.encode()).decode()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process trusts the authority, as a machine with its certificate installed does."""
    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        yield


def context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(made)
    return made


def with_login(server: ScriptedServer, scheme: str = "smtp") -> str:
    return f"{scheme}://ana:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{server.port}/"


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("extensions", [("PIPELINING", "8BITMIME"), ("8BITMIME",)])
@pytest.mark.parametrize("implicit", [True, False], ids=["tls", "starttls"])
def test_mail_goes_over_tls(authority: trustme.CA, implicit: bool, extensions: tuple[str, ...]) -> None:
    with ScriptedServer(
        tls=context(authority), implicit_tls=implicit, login=("ana", PASSWORD), extensions=extensions
    ) as server:
        url = with_login(server, "smtps" if implicit else "smtp")
        results = deliver(url, parcels(20, b"x" * 100_000 + b"\r\n"), **({} if implicit else {"tls": "starttls"}))
        assert {result.outcome for result in results} == {Outcome.ACCEPTED}
        assert len(server.accepted) == 20
        assert f"AUTH PLAIN {PLAIN}".encode() in server.commands
        before_tls = server.commands[: server.commands.index(b"STARTTLS")] if not implicit else []
        assert not [line for line in before_tls if not line.startswith(b"EHLO")]


@pytest.mark.parametrize("implicit", [True, False], ids=["tls", "starttls"])
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(authority: trustme.CA, implicit: bool) -> None:
    with ScriptedServer(tls=context(authority), implicit_tls=implicit, login=("ana", PASSWORD)) as server:
        url = with_login(server, "smtps" if implicit else "smtp")
        options = {} if implicit else {"tls": "starttls"}
        (result,) = deliver(url, parcels(1), **options)
        assert (result.outcome, server.accepted) == (Outcome.UNREACHABLE, [])
        assert "certificate" in result.text.lower()
        assert not [line for line in server.commands if line.startswith(b"AUTH")]
        assert deliver(url, parcels(1), verify="off", **options)[0].outcome is Outcome.ACCEPTED


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_not_accepted(authority: trustme.CA) -> None:
    with ScriptedServer(tls=context(authority, "mail.example")) as server:
        (result,) = deliver(server.url, parcels(1), tls="starttls")
    assert result.outcome is Outcome.UNREACHABLE
    assert "127.0.0.1" in result.text


STRIPPED = [
    ([], "it offers no STARTTLS, and nothing is sent without; `tls=tls`"),
    ([Fault(Stage.STARTTLS, text="454 4.7.0 not just now")], "454"),
    ([Fault(Stage.STARTTLS, Act.CLOSE)], "127.0.0.1"),
    ([Fault(Stage.STARTTLS, Act.STALL)], "127.0.0.1"),
]


@pytest.mark.parametrize(("faults", "words"), STRIPPED, ids=["not offered", "refused", "close", "stall"])
def test_without_starttls_nothing_is_sent(authority: trustme.CA, faults: list[Fault], words: str) -> None:
    tls = context(authority) if faults else None
    with ScriptedServer(faults, tls=tls, login=("ana", PASSWORD)) as server:
        (result,) = deliver(with_login(server), parcels(1), tls="starttls", timeout=0.5)
        assert not [line for line in server.commands if line[:4] in {b"AUTH", b"MAIL"}]
    assert result.outcome is Outcome.UNREACHABLE
    assert words in result.text


ECHOES = [
    f"535 5.7.8 wrong password {PASSWORD}",
    f"501 5.5.2 cannot decode: AUTH PLAIN {PLAIN}",
    f"535 5.7.8 {base64.b64encode(PASSWORD.encode()).decode()} is not it",
]


@pytest.mark.parametrize("reply", ECHOES)
def test_a_server_that_repeats_the_password_does_not_make_us_repeat_it(reply: str) -> None:
    with ScriptedServer([Fault(Stage.AUTH, text=reply)], login=("ana", PASSWORD)) as server:
        (result,) = deliver(with_login(server), parcels(1))
        assert result.outcome is Outcome.UNREACHABLE
        assert reply[:3] in result.text
    assert "(hidden)" in result.text
    for secret in (PASSWORD, PLAIN, base64.b64encode(PASSWORD.encode()).decode()):
        assert secret not in result.text


def test_a_server_without_login_is_not_sent_to_when_a_login_is_given() -> None:
    with ScriptedServer() as server:
        (result,) = deliver(with_login(server), parcels(1))
        assert server.accepted == []
    assert result.outcome is Outcome.UNREACHABLE
    assert "AUTH" in result.text


def test_we_greet_with_a_name_or_an_address_that_the_rfc_allows() -> None:
    with ScriptedServer() as server:
        deliver(server.url, parcels(1))
        deliver(server.url, parcels(1), helo="studio.example")
        own, given = [line.partition(b" ")[2] for line in server.commands if line.startswith(b"EHLO")]
    assert given == b"studio.example"
    assert b"." in own
    assert own.startswith(b"[") == own.endswith(b"]")


def test_a_server_that_breaks_the_handshake_is_named_with_what_went_wrong() -> None:
    with ScriptedServer() as server:  # it speaks in the clear where TLS is expected
        (result,) = deliver(f"smtps://127.0.0.1:{server.port}/", parcels(1))
    assert result.outcome is Outcome.UNREACHABLE
    assert result.text.startswith(f"127.0.0.1:{server.port}: ")
    assert "SSL" in result.text
