"""A TCP proxy whose line can be cut: connections through it die on the near side, and the far side hears nothing."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from concurrent.futures import Future
from typing import Self


class TcpProxy:
    """Listens on a loopback port and forwards to `host:port`, until the block ends."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.connections = 0
        self._far = (host, port)
        self._loop = asyncio.new_event_loop()
        self._ready: Future[int] = Future()
        self._stop = asyncio.Event()
        self._silent = threading.Event()
        self._near: set[asyncio.StreamWriter] = set()
        self._kept: list[asyncio.StreamWriter] = []
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def cut(self) -> None:
        """Ends every connection on this side; the far side keeps its own, as after a partition."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def fall_silent(self) -> None:
        """From now on no byte goes through, either way; the connections stay open."""
        self._silent.set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._ready.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    async def _cut(self) -> None:
        for writer in self._near:
            found = writer.get_extra_info("socket")
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no goodbye
            writer.transport.abort()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self._ready.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        for writer in [*self._near, *self._kept]:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection(*self._far)
        self._near.add(writer)
        self._kept.append(far_writer)  # open until the end, whatever happens here
        back = asyncio.create_task(self._copy(far_reader, writer))
        await self._copy(reader, far_writer)
        back.cancel()
        self._near.discard(writer)
        writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if not self._silent.is_set():
                    writer.write(data)
                    await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
