"""Servers of our own that answer as Amazon SES and Postmark document."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

Reply = tuple[int, dict[str, str], str]
DROP: Reply = (0, {}, "")
"""The server reads the request and closes the connection without a reply."""


class _Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    reply: ClassVar[Callable[[dict[str, Any]], Reply]]
    received: ClassVar[list[tuple[str, dict[str, str], dict[str, Any]]]]

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.received.append((self.path, {k.lower(): v for k, v in self.headers.items()}, document))
        status, headers, body = type(self).reply(document)
        if not status:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        for name, value in {"content-length": str(len(body.encode())), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def provider(reply: Callable[[dict[str, Any]], Reply]) -> Iterator[tuple[int, list[Any]]]:
    """A server until the end of the block: its port, and the path, headers and document of each request."""
    received: list[Any] = []
    handler = type("_Here", (_Provider,), {"reply": staticmethod(reply), "received": received})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1], received
        finally:
            server.shutdown()
            thread.join()


def ses(port: int) -> str:
    """The transport's URL for such a server."""
    return f"ses://AKID:very-secret@127.0.0.1:{port}/?region=eu-central-1&tls=off&timeout=5&connections=1"


def postmark(port: int) -> str:
    """The transport's URL for such a server."""
    return f"postmark://very-secret@127.0.0.1:{port}/?stream=broadcast&tls=off&timeout=5&connections=1"
