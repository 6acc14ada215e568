"""DKIM: what is signed here is genuine for an independent verifier, and not after a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from regulars.core.errors import EnvironmentFailed
from regulars.delivery.dkim import DkimKey, SigningTransport, load_key
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.transport import Delivery, Transport

MESSAGE = (
    b"From: Studio <hello@studio.example>\r\nTo: ada@client.example\r\nSubject: A  long\r\n\tone\r\n"
    b"Date: Wed, 10 Jun 2026 12:00:00 +0000\r\nMessage-ID: <1@studio.example>\r\nReceived: a\r\n"
    b"List-Unsubscribe: <https://studio.example/u/1>\r\n\r\nHello \t Ada  \r\n\r\n.\r\n\r\n\r\n"
)
PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def written(path: Path, private: PrivateKey) -> Path:
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> DkimKey:
    """An RSA key, which the verifier knows without a package more."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return load_key(written(tmp_path_factory.mktemp("keys") / "dkim.pem", private), "studio.example", "s1")


def genuine(key: DkimKey, message: bytes) -> bool:
    def record(name: bytes, **_: object) -> bytes:
        assert name == b"s1._domainkey.studio.example."
        return key.record.encode()

    return bool(dkim.verify(message, dnsfunc=record))


def test_a_verifier_accepts_what_was_signed(key: DkimKey) -> None:
    assert genuine(key, key.sign(MESSAGE) + MESSAGE)
    assert all(len(line) <= 78 for line in key.sign(MESSAGE).split(b"\r\n"))


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: signed.replace(b"Hello", b"Hallo"),
        lambda signed: signed.replace(b"ada@", b"bo@"),
        lambda signed: signed.replace(b"/u/1", b"/u/2"),
        lambda signed: signed.replace(b"\r\n\r\n", b"\r\nFrom: Other <x@other.example>\r\n\r\n", 1),
        lambda signed: signed.replace(b"\r\n\r\n", b"\r\nSubject: Other\r\n\r\n", 1),
    ],
)
def test_and_nothing_that_was_changed(key: DkimKey, change: Callable[[bytes], bytes]) -> None:
    assert not genuine(key, change(key.sign(MESSAGE) + MESSAGE))


def test_blanks_and_hops_on_the_way_do_no_harm(key: DkimKey) -> None:
    signed = b"Received: by relay\r\n" + key.sign(MESSAGE) + MESSAGE
    assert genuine(key, signed.replace(b"A  long\r\n\tone", b"A long one").replace(b"Ada  \r\n", b"Ada\r\n"))


@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b".", b"=20", b"\xc3\xa9"]), max_size=30))
def test_whatever_the_body_is(key: DkimKey, parts: list[bytes]) -> None:
    message = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + b"".join(parts) + b"\r\n"
    assert genuine(key, key.sign(message) + message)


def test_ed25519_signs_the_hash_of_the_headers(tmp_path: Path) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    found = load_key(written(tmp_path / "ed.pem", private), "studio.example", "s2")
    assert found.record.startswith("v=DKIM1; k=ed25519; p=")
    assert b"a=ed25519-sha256" in found.sign(MESSAGE)
    assert found.sign(MESSAGE) == found.sign(MESSAGE)  # this kind of signature has no chance in it


def test_a_key_that_cannot_sign_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("no key")
    written(tmp_path / "curve.pem", ec.generate_private_key(ec.SECP256R1()))
    for name, reason in (("none.pem", "cannot read"), ("text.pem", "no usable key"), ("curve.pem", "another kind")):
        with pytest.raises(EnvironmentFailed, match=reason):
            load_key(tmp_path / name, "studio.example", "s1")


class _Recorder(Transport):
    rate = 5.0
    server = "mail.example:25"

    def __init__(self) -> None:
        self.delivered: list[Parcel] = []

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        self.delivered += parcels
        return Delivery([Result(parcel.key, Outcome.ACCEPTED, 250, "ok") for parcel in parcels])

    async def close(self) -> None: ...


def test_a_transport_signs_each_message_and_leaves_the_rest(key: DkimKey) -> None:
    inner = _Recorder()
    signing = SigningTransport(inner, key)
    parcels = [Parcel(n, "b@studio.example", ("ada@client.example",), MESSAGE, plain=True) for n in (1, 2)]
    assert [one.key for one in asyncio.run(signing.deliver(parcels)).results] == [1, 2]
    assert (signing.rate, signing.server) == (5.0, "mail.example:25")
    assert [one.sender for one in inner.delivered] == ["b@studio.example"] * 2
    assert all(genuine(key, one.data) and one.plain for one in inner.delivered)
    assert parcels[0].data == MESSAGE
