"""A small business with its web server, for tests: real HTTP over loopback, the starter's own rules and emails."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn
from sqlalchemy import Engine, func, insert, select

from regulars.core import clock, signing
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.profile import facts
from regulars.web.app import create
from regulars.web.http_protocol import CONNECTIONS, TimedProtocol
from regulars.web.rate_limit import Limiter
from regulars.web.site import Site
from regulars.workspace.folder import Workspace, open_workspace
from regulars.workspace.starter import starter
from tests.common.people import SECRET, add_customer

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
MEASURED = {"hits"}
"""Tables that only count who looked; nothing that a client decides."""
Reader = Callable[[Path], Workspace]
CHANGEABLE = tuple(sorted(set(tables.metadata.tables) - MEASURED))


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class Shop:
    """The server's address, and the database behind it."""

    engine: Engine
    port: int
    prefix: str = ""
    site: Site | None = None

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request, no redirect followed, no cookie kept."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read().decode(errors="replace"))
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        """By GET."""
        return self.ask("GET", path)

    def post(self, path: str, /, **fields: str) -> Answer:
        """By POST, as a form without files does."""
        return self.send(path, [(name.replace("__", "-"), value) for name, value in fields.items()])

    def send(self, path: str, fields: list[tuple[str, str]]) -> Answer:
        """By POST, fields that may come more than once."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields), headers)

    def link(self, page: str, promise: int) -> str:
        """The path of a link in the email of that promise."""
        return f"{self.prefix}/{page}/{signing.sign('promise', str(promise), SECRET)}"

    def customer(self, name: str = "ada", **fields: Any) -> int:
        """A client who agreed to marketing; English unless said otherwise."""
        with write(self.engine) as connection:
            key = add_customer(connection, name, **{"locale": "en", "first_name": "Ada", **fields})
            facts.refresh(connection, [key])
        return key

    def promise(self, customer: int, campaign: str = "win-back", **fields: Any) -> int:
        """A promise to the client that was sent an hour ago, unless said otherwise."""
        then = NOW - timedelta(hours=1)
        row = {
            "campaign": campaign, "step": campaign, "customer_id": customer, "occurrence": "2026", "state": "sent",
            "kind": "marketing", "rule": "r", "due_at": then, "expires_at": NOW, "next_at": then, "created_at": then,
            "settled_at": then, **fields,
        }  # fmt: skip
        with write(self.engine) as connection:
            return int(
                connection.execute(insert(tables.promises).values(row).returning(tables.promises.c.id)).scalar_one()
            )

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A whole table, in the order of its first column."""
        found = tables.metadata.tables[table]
        with read(self.engine) as connection:
            return [dict(row) for row in connection.execute(select(found).order_by(*found.primary_key)).mappings()]

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All that a request could change."""
        return {name: self.rows(name) for name in CHANGEABLE}

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with read(self.engine) as connection:
            return int(connection.scalar(select(func.count()).select_from(tables.metadata.tables[table])) or 0)


@cache
def rules_of(root: Path) -> Workspace:
    """Rules that no test changes, read once for all."""
    return open_workspace(root)


@contextmanager
def open_shop(
    engine: Engine, *, prefix: str = "", unlimited: bool = False, root: Path | None = None, read: Reader | None = None,
    http: type[TimedProtocol] = TimedProtocol, connections: int = CONNECTIONS,
) -> Iterator[Shop]:  # fmt: skip
    """A server in a thread of its own, until the block ends. `read` gives the rules otherwise than from a folder."""
    found = read or (open_workspace if root else rules_of)
    site = Site(engine, root or starter(), f"http://127.0.0.1{prefix}", SECRET, clock.frozen(NOW), read=found)
    if unlimited:
        site.links = site.wrong = site.keys = Limiter(rate=1e6, burst=1e6)
    config = uvicorn.Config(
        create(site), port=0, log_level="error", access_log=False, ws="none", lifespan="off",
        timeout_graceful_shutdown=1, http=http, limit_concurrency=connections,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < end
        time.sleep(0.005)
    if root is None:
        _ = site.rules  # read once for all: the first request of a run need not wait for that
    try:
        yield Shop(engine, server.servers[0].sockets[0].getsockname()[1], prefix, site)
    finally:
        server.should_exit = True
        thread.join(20)
