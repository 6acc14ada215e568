"""A small IMAP server (RFC 3501) over one mailbox: as much of it as a reader of bounces uses."""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from typing import Self

USER, PASSWORD = "robot", "s3cret/word"


@dataclass
class Message:
    """A message with its flags."""

    content: bytes
    flags: set[str] = field(default_factory=set)


class ImapServer:
    """`with ImapServer([content, …]) as server:` has them unseen in INBOX, numbered from 1; with `tls` by `imaps`."""

    def __init__(self, contents: list[bytes], tls: ssl.SSLContext | None = None) -> None:
        self.messages = {number: Message(content) for number, content in enumerate(contents, 1)}
        self.commands: list[str] = []
        mailbox = self

        class Handler(socketserver.StreamRequestHandler):
            def setup(self) -> None:
                if tls is not None:
                    self.request = tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def finish(self) -> None:
                super().finish()
                self.request.close()

            def handle(self) -> None:
                self.wfile.write(b"* OK ready\r\n")
                while line := self.rfile.readline():
                    tag, _, command = line.decode().strip().partition(" ")
                    mailbox.commands.append(command)
                    untagged, status = mailbox.answer(command)
                    self.wfile.write(untagged + f"{tag} {status}\r\n".encode())
                    if command.upper() == "LOGOUT":
                        return

        class Server(socketserver.ThreadingTCPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A client that does not trust the certificate hangs up; the test looks at the client."""

        self._scheme = "imap" if tls is None else "imaps"
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """With user and password."""
        port = self._server.server_address[1]
        return f"{self._scheme}://{USER}:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{port}/INBOX"

    def answer(self, command: str) -> tuple[bytes, str]:
        """The untagged lines and the status of one command."""
        word, _, rest = command.partition(" ")
        match word.upper():
            case "CAPABILITY":
                return b"* CAPABILITY IMAP4rev1\r\n", "OK done"
            case "LOGIN":
                return b"", "OK in" if rest == f'{USER} "{PASSWORD}"' else "NO wrong password"
            case "SELECT":
                return f"* {len(self.messages)} EXISTS\r\n".encode(), "OK selected" if rest == '"INBOX"' else "NO none"
            case "UID":
                return self._uid(rest)
            case "LOGOUT":
                return b"* BYE\r\n", "OK out"
        return b"", "BAD unknown"

    def _uid(self, rest: str) -> tuple[bytes, str]:
        if rest == "SEARCH UNSEEN":
            unseen = " ".join(str(uid) for uid, one in self.messages.items() if "\\Seen" not in one.flags)
            return f"* SEARCH {unseen}\r\n".encode(), "OK done"
        if found := re.fullmatch(r"FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", rest):
            body = self.messages[int(found[1])].content[: int(found[2])]
            head = f"* {found[1]} FETCH (UID {found[1]} BODY[]<0> {{{len(body)}}}\r\n".encode()
            return head + body + b")\r\n", "OK done"
        if found := re.fullmatch(r"STORE (\d+) \+FLAGS\.SILENT \((.*)\)", rest):
            self.messages[int(found[1])].flags.update(found[2].split())
            return b"", "OK done"
        return b"", "BAD unknown"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
