"""An SMTP server that misbehaves on request: refuses, stalls or hangs up at any stage, and writes down what it took.

It follows RFC 5321 to the letter where its script says nothing: commands out of order get 503, and without
PIPELINING a client that sends ahead is cut off, as OpenSMTPD does. It runs in a thread of its own, so that
any test can use it. `accepted` is what it has taken responsibility for, whether or not it could say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

_ADDRESS = re.compile(rb"(?:MAIL FROM|RCPT TO):<([^>]*)>(.*)", re.IGNORECASE)


class Stage(StrEnum):
    """Where a fault strikes: on this command, or this far into a message."""

    BANNER = "banner"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "body"  # the first line of the body has come
    DOT = "dot"  # the final dot has come
    RSET = "RSET"
    QUIT = "QUIT"


class Act(StrEnum):
    """What the server does instead of its usual answer."""

    REPLY = "reply"
    """Says the fault's text."""
    CLOSE = "close"
    """Hangs up; after the fault's text, if there is one."""
    STALL = "stall"
    """Says nothing more and reads nothing more."""
    SLOW = "slow"
    """Waits a fifth of a second before its usual answer."""
    MUTE = "mute"
    """Does as always, and leaves the answer out."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One deviation. `on` counts how often the stage was reached on the whole server, from 1; empty: always.

    `match` must occur in the command for the fault to strike (a recipient's address, say). `took` at DOT says
    that the message was accepted although the server fails to say so; a text of 2xx says both.
    """

    stage: Stage
    act: Act = Act.REPLY
    text: str = ""
    on: tuple[int, ...] = ()
    match: str = ""
    took: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that the server has accepted, dots unstuffed, and the connection it came by, from 1."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    connection: int
    parameters: str = ""


@dataclass(slots=True)
class _Transaction:
    sender: str = ""
    parameters: str = ""
    recipients: list[str] = field(default_factory=list)


class _Gone(Exception):
    """The conversation is over."""


class ScriptedServer:
    """`with ScriptedServer([Fault(Stage.RCPT, text="550 5.1.1 no such user")]) as server: …`.

    `extensions` are announced by EHLO as they are written here. With `tls` STARTTLS is offered, or with
    `implicit_tls` every connection begins with it. `piece` cuts replies into writes of so many bytes.
    """

    def __init__(
        self,
        faults: Sequence[Fault] = (),
        *,
        extensions: Sequence[str] = ("PIPELINING", "8BITMIME"),
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        login: tuple[str, str] | None = None,
        piece: int = 0,
    ) -> None:
        self.faults = list(faults)
        self.extensions = tuple(extensions)
        self.tls, self.implicit_tls, self.login, self.piece = tls, implicit_tls, login, piece
        self.port = 0
        self.connections = 0
        self.accepted: list[Taken] = []
        self.commands: list[bytes] = []
        self.rushed = 0
        """How often a client sent ahead without PIPELINING."""
        self.reached: Counter[Stage] = Counter()
        self._loop = asyncio.new_event_loop()
        self._ready: Future[int] = Future()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens; options can be added to it."""
        return f"smtp://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._ready.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> None:
        talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talks[task] = writer
            self.connections += 1
            try:
                await Conversation(self, reader, writer, self.connections).hold()
            finally:
                del talks[task]

        context = self.tls if self.implicit_tls else None
        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
        self._ready.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        for writer in talks.values():
            writer.transport.abort()
        await asyncio.gather(*talks)

    def fault_at(self, stage: Stage, line: bytes) -> Fault | None:
        """The fault that strikes now; counts the visit."""
        self.reached[stage] += 1
        for fault in self.faults:
            due = not fault.on or self.reached[stage] in fault.on
            if fault.stage is stage and due and fault.match.encode() in line:
                return fault
        return None


class Conversation:
    """One connection, from the banner to its end."""

    def __init__(
        self, server: ScriptedServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.server, self.reader, self.writer, self.number = server, reader, writer, number
        self.buffer = b""
        self.transaction: _Transaction | None = None

    async def hold(self) -> None:
        """Speaks until one side has had enough."""
        try:
            await self.answer(Stage.BANNER, b"", "220 scripted.test ESMTP")
            while True:
                await self.command(await self.line())
        except (_Gone, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await self.writer.wait_closed()

    async def command(self, line: bytes) -> None:
        """Obeys one command."""
        self.server.commands.append(line)
        verb = line[:4].upper()
        if self.buffer and "PIPELINING" not in self.server.extensions:
            self.server.rushed += 1
            raise _Gone
        if verb == b"EHLO":
            await self.answer(Stage.EHLO, line, self.greeting())
        elif verb == b"HELO":
            await self.say("250 scripted.test")
        elif verb == b"STAR":
            await self.start_tls(line)
        elif verb == b"AUTH":
            await self.authenticate(line)
        elif verb == b"MAIL":
            await self.mail(line)
        elif verb == b"RCPT":
            await self.recipient(line)
        elif verb == b"DATA":
            await self.data(line)
        elif verb == b"RSET":
            self.transaction = None
            await self.answer(Stage.RSET, line, "250 2.0.0 ok")
        elif verb == b"QUIT":
            await self.answer(Stage.QUIT, line, "221 2.0.0 bye")
            raise _Gone
        else:
            await self.say("500 5.5.1 what?")

    def greeting(self) -> str:
        lines = ["scripted.test greets you", *self.server.extensions]
        if self.server.tls and not self.server.implicit_tls and not self.encrypted:
            lines.append("STARTTLS")
        if self.server.login:
            lines.append("AUTH PLAIN LOGIN")
        return "\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines)

    @property
    def encrypted(self) -> bool:
        return self.writer.get_extra_info("sslcontext") is not None

    async def start_tls(self, line: bytes) -> None:
        if self.server.tls is None:
            await self.say("502 5.5.1 not here")
        elif await self.answer(Stage.STARTTLS, line, "220 2.0.0 go ahead"):
            await self.writer.start_tls(self.server.tls)

    async def authenticate(self, line: bytes) -> None:
        await self.answer(Stage.AUTH, line, "235 2.7.0 welcome")

    async def mail(self, line: bytes) -> None:
        found = _ADDRESS.fullmatch(line)
        if self.transaction is not None or found is None:
            await self.say("503 5.5.1 nested MAIL" if found else "501 5.5.4 syntax")
        elif await self.answer(Stage.MAIL, line, "250 2.1.0 ok"):
            self.transaction = _Transaction(found[1].decode(), found[2].decode().strip())

    async def recipient(self, line: bytes) -> None:
        found = _ADDRESS.fullmatch(line)
        if self.transaction is None or found is None:
            await self.say("503 5.5.1 MAIL first" if found else "501 5.5.4 syntax")
        elif await self.answer(Stage.RCPT, line, "250 2.1.5 ok"):
            self.transaction.recipients.append(found[1].decode())

    async def data(self, line: bytes) -> None:
        transaction = self.transaction
        if transaction is None:
            await self.say("503 5.5.1 RCPT first")
            return
        usual = "354 go ahead" if transaction.recipients else "554 5.5.1 no valid recipients"
        if not await self.answer(Stage.DATA, line, usual) or not (usual[0] == "3" or self.forced(Stage.DATA)):
            return
        content: list[bytes] = []
        while (part := await self.line()) != b".":
            content.append(part[1:] if part.startswith(b".") else part)
            if len(content) == 1:
                await self.answer(Stage.BODY, b"", "")
        whole = b"".join(part + b"\r\n" for part in content)
        self.transaction = None
        taken = Taken(transaction.sender, tuple(transaction.recipients), whole, self.number, transaction.parameters)
        await self.dot(taken)

    def forced(self, stage: Stage) -> bool:
        """Whether the script says 354 where the protocol would not."""
        return any(fault.stage is stage and fault.text.startswith("3") for fault in self.server.faults)

    async def dot(self, taken: Taken) -> None:
        fault = self.server.fault_at(Stage.DOT, taken.data)
        if not taken.recipients:
            await self.say("554 5.5.1 no valid recipients")
        elif fault is None or fault.took or fault.text.startswith("2"):
            self.server.accepted.append(taken)
        if taken.recipients:
            await self.perform(fault, f"250 2.0.0 queued as {len(self.server.accepted)}")

    async def answer(self, stage: Stage, line: bytes, usual: str) -> bool:
        """The usual answer or the scripted one; whether it was a positive one."""
        return await self.perform(self.server.fault_at(stage, line), usual)

    async def perform(self, fault: Fault | None, usual: str) -> bool:
        text = usual if fault is None or fault.act in {Act.SLOW, Act.MUTE} else fault.text
        if fault is not None and fault.act is Act.SLOW:
            await asyncio.sleep(0.2)
        if text and not (fault is not None and fault.act is Act.MUTE):
            await self.say(text)
        if fault is not None and fault.act is Act.CLOSE:
            raise _Gone
        if fault is not None and fault.act is Act.STALL:
            await self.server._stop.wait()
        return text[:1] in {"2", "3"}

    async def say(self, text: str) -> None:
        raw = text.encode("utf-8", "surrogateescape") + b"\r\n"
        step = self.server.piece or len(raw)
        for start in range(0, len(raw), step):
            self.writer.write(raw[start : start + step])
            await self.writer.drain()

    async def line(self) -> bytes:
        """The next line without its end; lines end with CRLF and nothing else."""
        while b"\r\n" not in self.buffer:
            more = await self.reader.read(65536)
            if not more:
                raise _Gone
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line
