"""A fast SMTP server in a process of its own that writes down what it accepts: the outside view of a run.

A line `MESSAGE-ID RECIPIENT` is in the file before the client is told 250, so the file holds everything that anybody
was ever told, and more: what was accepted when the client had died already. `pause` makes it slower.

    python -m tests.common.recorder FILE SECONDS-A-MESSAGE ADDRESS
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

_HEADER = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_END = b"\r\n.\r\n"


class Conversation(asyncio.Protocol):
    """One connection; understands pipelined commands."""

    def __init__(self, file: int, pause: float) -> None:
        self.file, self.pause = file, pause
        self.buffer = b""
        self.recipient = b""
        self.in_body = self.waiting = False
        self.transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(b"220 recorder.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.waiting:
            self.transport.write(b"".join(self.replies()))

    def replies(self) -> Iterator[bytes]:
        """Answers to all that is complete in the buffer, until a pause."""
        while not self.waiting:
            if self.in_body:
                end = self.buffer.find(_END)
                if end < 0:
                    return
                body, self.buffer = self.buffer[:end], self.buffer[end + len(_END) :]
                self.in_body = False
                yield from self.accept(body)
                continue
            line, found, rest = self.buffer.partition(b"\r\n")
            if not found:
                return
            self.buffer = rest
            yield self.obey(line)

    def accept(self, body: bytes) -> Iterator[bytes]:
        """Writes the message down, then says so, at once or after the pause."""
        found = _HEADER.search(body.partition(b"\r\n\r\n")[0])
        os.write(self.file, (found[1] if found else b"?") + b" " + self.recipient + b"\n")
        if not self.pause:
            yield b"250 2.0.0 recorded\r\n"
            return
        self.waiting = True
        asyncio.get_running_loop().call_later(self.pause, self.go_on)

    def go_on(self) -> None:
        self.waiting = False
        self.transport.write(b"250 2.0.0 recorded\r\n" + b"".join(self.replies()))

    def obey(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            return b"250-recorder.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
        if verb == b"RCPT":
            self.recipient = line.partition(b"<")[2].partition(b">")[0]
        if verb == b"DATA":
            self.in_body = True
            return b"354 go ahead\r\n"
        if verb == b"QUIT":
            asyncio.get_running_loop().call_soon(self.transport.close)
            return b"221 2.0.0 bye\r\n"
        return b"250 2.0.0 ok\r\n"


class Recorder:
    """`with Recorder(folder / "accepted") as recorder:` runs the server until the end of the block."""

    def __init__(self, path: Path, pause: float = 0.0, address: str = "127.0.0.1") -> None:
        self.path, self.pause, self.address = path, pause, address
        self.port = 0
        self._read = self._counted = 0

    @property
    def url(self) -> str:
        """What REGULARS_SMTP_URL must be to send here."""
        return f"smtp://127.0.0.1:{self.port}"

    def accepted(self) -> list[tuple[str, str]]:
        """(Message-ID, recipient) of every message accepted so far, in order."""
        lines = self.path.read_text(encoding="ascii").splitlines()
        return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]

    def count(self) -> int:
        """How many messages were accepted so far; reads only what is new since the last time."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read, self._counted = self._read + len(new), self._counted + new.count(b"\n")
        return self._counted

    def __enter__(self) -> Self:
        self.path.touch()
        command = [sys.executable, "-m", "tests.common.recorder", str(self.path), str(self.pause), self.address]
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, start_new_session=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


async def _serve(path: str, pause: float, address: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(file, pause), address, 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2]), sys.argv[3]))
