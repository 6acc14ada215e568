"""A program that receives webhooks: a real HTTP server that answers as it is told to, and keeps what it got."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """`status` and `headers` are its next answers; `got` has the headers and the body of each message it accepted."""

    url: str = ""
    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    reply: bytes = b""
    tried: list[dict[str, Any]] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The bodies that it accepted, in their order."""
        return [json.loads(body) for _, body in self.got]

    def data(self, kind: str) -> list[dict[str, Any]]:
        """The data of the messages of one type."""
        return [one["data"] for one in self.messages if one["type"] == kind]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on this machine, until the end of the block."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if len(body) < int(self.headers["content-length"]):  # its sender has gone
                self.close_connection = True
                return
            found.tried.append(json.loads(body))
            if 200 <= found.status < 300:
                found.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            if found.status != 204:
                self.send_header("content-length", str(len(found.reply)))
            self.end_headers()
            if found.status != 204:
                self.wfile.write(found.reply)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Says nothing of senders that are killed."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/in?from=regulars"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
