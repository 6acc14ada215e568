"""Every transport of the room is in the registry, and a URL that no transport has is a clear error."""

from __future__ import annotations

import asyncio
import pkgutil
import traceback
from importlib import import_module
from inspect import isabstract

import pytest

import regulars.delivery
from regulars.core.errors import EnvironmentFailed
from regulars.delivery.dkim import SigningTransport
from regulars.delivery.pool import MissingServer, Pool
from regulars.delivery.registry import TRANSPORTS, open_transport
from regulars.delivery.restricted import RestrictedTransport
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.transport import Outage, Transport
from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.common.servers import free_port
from tests.delivery.posting import parcels

SAMPLES = {
    "smtp": "smtp://mail.example",
    "smtps": "smtps://mail.example",
    "ses": "ses://key:secret@email.eu-west-1.amazonaws.com",
    "postmark": "postmark://token@api.postmarkapp.com",
}
WRAPPERS = {SigningTransport, RestrictedTransport, Pool, MissingServer}
"""Transports that hand over to another one, which has the URL, or that say that it is missing."""


def defined() -> set[type[Transport]]:
    """The transports that modules of the room define."""
    for module in pkgutil.walk_packages(regulars.delivery.__path__, "regulars.delivery."):
        import_module(module.name)
    found, new = set[type[Transport]](), Transport.__subclasses__()
    while new:
        found.update(new)
        new = [below for above in new for below in above.__subclasses__()]
    return {one for one in found if one.__module__.startswith("regulars.delivery.")}


def test_every_transport_is_whole_and_registered() -> None:
    assert set(SAMPLES) == set(TRANSPORTS)
    assert defined() == {type(open_transport(url)) for url in SAMPLES.values()} | WRAPPERS
    assert [sorted(one.__abstractmethods__) for one in defined() if isabstract(one)] == []


def test_a_url_opens_its_transport() -> None:
    found = open_transport("SMTPS://ana:hunter2@mail.example/?rate=5")
    assert isinstance(found, Courier)
    assert (found.server, found.rate) == ("mail.example:465", 5)
    assert open_transport("smtp://[::1]:2525").server == "[::1]:2525"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "smpt://ana:hunter2@mail.example",
            "it begins with `smpt://`; expected smtp://, smtps://, ses:// or postmark://; did you mean `smtp`?",
        ),
        (
            "https://ana:hunter2@mail.example",
            "it begins with `https://`; expected smtp://, smtps://, ses:// or postmark://",
        ),
        ("ana:hunter2@mail.example", "it names no scheme; expected smtp://, smtps://, ses:// or postmark://"),
        ("", "it names no scheme"),
        ("smtp://", "it names no host"),
    ],
)
def test_a_url_that_no_transport_has_is_explained_without_its_password(url: str, words: str) -> None:
    with pytest.raises(EnvironmentFailed, match="mail server `bulk`") as caught:
        open_transport(url, "bulk")
    assert words in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


# ---------------------------------------------------------------- the server is away


def outage(url: str, count: int = 3) -> Outage | None:
    async def run() -> Outage | None:
        async with asyncio.timeout(20), open_transport(url) as transport:
            return (await transport.deliver(parcels(count))).outage

    return asyncio.run(run())


def test_a_server_that_is_there_has_no_outage() -> None:
    with ScriptedServer([Fault(Stage.RCPT, text="550 5.1.1 no such user")]) as server:
        assert outage(server.url) is None


BROKEN = "it ended each of the last sessions: "


def test_nobody_listens() -> None:
    port = free_port()
    found = outage(f"smtp://127.0.0.1:{port}")
    assert found is not None
    assert (found.server, found.code) == (f"127.0.0.1:{port}", None)
    assert "refused" in found.reason or "Connect call failed" in found.reason


@pytest.mark.parametrize(
    ("fault", "reason", "code"),
    [
        (Fault(Stage.BANNER, Act.CLOSE, "421 4.3.2 too busy"), "it answered 421 4.3.2 too busy", 421),
        (Fault(Stage.MAIL, Act.CLOSE), f"{BROKEN}the server closed the connection", None),
        (Fault(Stage.MAIL, Act.CLOSE, "421 4.7.0 slow down, <x@y.z>"), f"{BROKEN}4.7.0 slow down, <(address)>", 421),
    ],
)
def test_a_server_that_is_of_no_use_says_why(fault: Fault, reason: str, code: int | None) -> None:
    with ScriptedServer([fault]) as server:
        within = reason.startswith(BROKEN)
        expected = Outage(f"127.0.0.1:{server.port}", reason, code, about_message=within)
        assert outage(server.url, 9) == expected


def test_the_part_of_a_batch_that_went_has_gone() -> None:
    """The server dies in the middle: what it took is accepted, the rest waits, and the reason is known."""
    closing = [Fault(Stage.MAIL, Act.CLOSE, on=tuple(range(4, 60)))]

    async def run(url: str) -> None:
        async with asyncio.timeout(20), open_transport(f"{url}?connections=1") as transport:
            delivery = await transport.deliver(parcels(10))
        assert [result.outcome for result in delivery.results[:3]] == ["accepted"] * 3
        assert delivery.results[-1].outcome == "unreachable"
        assert delivery.outage is not None

    with ScriptedServer(closing) as server:
        asyncio.run(run(server.url))
