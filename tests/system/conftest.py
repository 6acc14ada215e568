"""Sites: a workspace on each set of servers that Regulars is run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.common import brokers, servers
from tests.common.recorder import Recorder
from tests.common.site import Site

KINDS = ("embedded", "redis", "rabbitmq")
"""SQLite with the embedded broker, PostgreSQL with Redis, PostgreSQL with RabbitMQ."""
WORKERS = {"embedded": 1, "redis": 2, "rabbitmq": 2}

OpenSite = Callable[..., Site]


@pytest.fixture
def open_site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OpenSite]:
    """`open_site(kind, smtp_url, **settings)`: a new workspace folder and an empty database; the broker is empty."""
    with ExitStack() as stack:

        def open_one(kind: str, smtp_url: str, **settings: str) -> Site:
            root = tmp_path / f"site-{kind}"
            var = root / "var"
            if kind == "embedded":
                database, broker = f"sqlite:///{var}/regulars.sqlite", f"sqla+sqlite:///{var}/broker.sqlite"
            else:
                server = request.getfixturevalue("postgres_server")
                database = stack.enter_context(servers.scratch_database(server))
                broker = request.getfixturevalue(f"{kind}_url")
                brokers.wipe(broker)
            site = Site(root, database, broker, smtp_url, settings)
            stack.callback(_dispose, site)
            return site

        yield open_one


def _dispose(site: Site) -> None:
    site.engine.dispose()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """A fast mail server in its own process that writes down what it accepts."""
    with Recorder(tmp_path / "accepted") as found:
        yield found
