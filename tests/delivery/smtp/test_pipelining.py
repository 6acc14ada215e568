"""Servers that offer PIPELINING and do not take it: the message is not blamed, and goes without."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import SO_LINGER, SOL_SOCKET

import pytest

from regulars.delivery.parcel import Outcome
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.smtp.provider import Provider
from regulars.delivery.transport import Delivery
from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.delivery.posting import deliver, deliver_all, parcels


class Refusing:
    """Offers PIPELINING; answers commands that come together as `answer` says, and hangs up, if `reset` by a reset."""

    def __init__(self, answer: bytes, *, after: int = 0, reset: bool = False) -> None:
        self.answer, self.after, self.reset = answer, after, reset
        self.connections = 0
        self.accepted: list[bytes] = []
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Courier]:
        """The server, and a courier that sends to it."""
        server = await asyncio.start_server(self.talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        provider = Provider.parse(f"smtp://127.0.0.1:{self.port}/?connections=2&timeout=5")
        async with asyncio.timeout(30), server, Courier(provider) as courier:
            yield courier

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        taken = 0
        writer.write(b"220 refusing.test ESMTP\r\n")
        while received := await reader.read(65536):
            ahead = received.count(b"\r\n") > 1 and received.startswith(b"MAIL")
            if ahead and taken >= self.after:
                break
            for line in received.splitlines(keepends=True):
                reply = self.obey(line)
                taken += reply.startswith(b"250 2.0.0")
                writer.write(reply)
        if self.reset:
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        if received:
            writer.write(self.answer)
        writer.close()

    def obey(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            return b"250-refusing.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        if verb == b"RCPT":
            self.accepted.append(line.partition(b"<")[2].partition(b"@")[0])
        if verb in {b"MAIL", b"RCPT", b"RSET"}:
            return b"250 ok\r\n"
        if verb == b"DATA":
            return b"354 go\r\n"
        if verb == b"QUIT":
            return b"221 bye\r\n"
        return b"250 2.0.0 taken\r\n" if line == b".\r\n" else b""


def sent(server: Refusing, batches: int, size: int) -> list[Delivery]:
    async def run() -> list[Delivery]:
        async with server.listening() as courier:
            return [await courier.deliver(parcels(size)) for _ in range(batches)]

    return asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        b"500 5.5.1 Pipelining not supported\r\n",
        b"554 5.5.0 Error: command pipelining is not allowed\r\n",
        b"503 5.5.0 improper use of pipelining\r\n",
        b"500 5.5.1 too many lines\r\n",
        b"501 5.5.4 one command at a time\r\n",
    ],
)
def test_a_server_that_refuses_pipelining_is_sent_to_without(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    server = Refusing(answer)
    with caplog.at_level(logging.WARNING, "regulars.delivery"):
        first, second = sent(server, 2, 30)
    for delivery in (first, second):
        assert {result.outcome for result in delivery.results} == {Outcome.ACCEPTED}
        assert delivery.outage is None
    assert sorted(server.accepted) == sorted(f"c{n}".encode() for n in range(30) for _ in range(2))
    assert server.connections <= 4, "each session finds out once, and then no more"
    (said,) = [record.getMessage() for record in caplog.records]
    assert f"127.0.0.1:{server.port} offers PIPELINING" in said
    assert answer[4:].decode().strip() in said


def test_a_server_that_only_hangs_up_is_tried_without_pipelining_last() -> None:
    server = Refusing(b"", reset=True)
    first, second = sent(server, 2, 7)
    tried = [result for result in first.results if result.outcome is Outcome.UNSENT]
    assert len(tried) == 2, "two sessions broke with an envelope in each"
    assert {result.outcome for result in first.results if result not in tried} == {Outcome.ACCEPTED}
    assert {result.outcome for result in second.results} == {Outcome.ACCEPTED}
    assert (first.outage, second.outage) == (None, None)


def test_a_message_that_is_refused_without_pipelining_is_refused() -> None:
    """The connection is lost each time, and only the second time it says anything of the message."""
    fault = Fault(Stage.MAIL, Act.CLOSE, "501 5.1.7 no such sender")
    with ScriptedServer([fault]) as server:
        results = deliver(server.url, parcels(2))
        assert server.connections == 3
        assert server.accepted == []
    assert [(result.outcome, result.code) for result in results] == [(Outcome.REFUSED, 501)] * 2


@pytest.mark.parametrize(
    "words", ["550 5.1.1 <pipelining@example.com>: no such user", "550 5.1.1 no pipeline of that name"]
)
def test_an_address_with_the_word_in_it_is_not_taken_for_it(words: str) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text=words, on=(1,))]) as server:
        (results,) = deliver_all(server.url, [parcels(3)])
        assert server.connections == 1
    assert [result.outcome for result in results] == [Outcome.REFUSED, Outcome.ACCEPTED, Outcome.ACCEPTED]
