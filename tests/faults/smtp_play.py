"""Plays one fault of a mail server on four emails until each has come to its end, days later."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import trustme
from sqlalchemy import Engine

from tests.common.scripted_smtp import ScriptedServer
from tests.common.servers import free_port
from tests.common.workspace import write_workspace
from tests.dispatch.office import NEWS, Office
from tests.faults.smtp_faults import EMAILS, SmtpFault

MOMENTS = ("10T12:00", "10T12:20", "10T14:00", "10T20:00", "13T12:00")
"""In June 2026: a first attempt, after the shortest waits, after long ones; the last is too late for an email."""
PASSWORD = "secret"
_ENDED = {"sent", "failed", "uncertain", "skipped"}


@dataclass(frozen=True)
class End:
    """What became of the four emails."""

    struck: str
    others: str
    arrived: int
    doubled: int
    attempts: tuple[int, ...]
    """By email."""
    sessions: int


def play(case: SmtpFault, engine: Engine, root: Path, authority: trustme.CA) -> End:
    """Sends, and lets the days pass."""
    given = dict(case.server)
    if case.tls:
        given["tls"] = _context(authority)
    if case.login:
        given["login"] = ("ana", PASSWORD)
    with ScriptedServer(case.faults, **given) as server, _trusting(authority if case.trusted else None):
        office = Office(engine, root, _url(case, server.port))
        write_workspace(root, {"news": NEWS}, policy={"late": "1 day"})
        office.clients(*(f"c{number}" for number in range(EMAILS)))
        for moment in MOMENTS:
            if office.tick(f"2026-06-{moment}").stopped:
                office.close()  # a process remembers for some seconds of the real time that a server was away
            if all(row["state"] in _ENDED for row in office.rows()):
                break
        office.close()
        rows = office.rows()
        ends = [f"{row['state']} ({row['reason']})" if row["reason"] else str(row["state"]) for row in rows]
        taken = Counter(recipient for one in server.accepted for recipient in one.recipients)
        others = {ends[0], *ends[2:]}
        return End(
            struck=ends[1],
            others=others.pop() if len(others) == 1 else ", ".join([ends[0], *ends[2:]]),
            arrived=len(taken),
            doubled=sum(times - 1 for times in taken.values()),
            attempts=tuple(row["attempts"] for row in rows),
            sessions=server.connections,
        )


def _url(case: SmtpFault, port: int) -> str:
    options = {"connections": "1", "timeout": "5", **case.options}
    if options.pop("port", "") == "closed":
        port = free_port()
    if case.tls:
        options["tls"] = "starttls"
    login = f"ana:{PASSWORD}@" if case.login else ""
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return f"smtp://{login}127.0.0.1:{port}/?{query}"


def _context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    return made


@contextmanager
def _trusting(authority: trustme.CA | None) -> Iterator[None]:
    """This process trusts the authority, as a machine with its certificate installed does."""
    if authority is None:
        yield
        return
    with authority.cert_pem.tempfile() as path, patch.dict("os.environ", {"SSL_CERT_FILE": path}):
        yield
