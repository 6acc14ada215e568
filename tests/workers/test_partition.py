"""A worker whose broker was cut off comes back by itself, while RabbitMQ still counts its old connection as alive."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.common import servers
from tests.common.killing import NOW, prepare
from tests.common.recorder import Recorder
from tests.common.servers import wait_for
from tests.common.site import Site, Waker, Worker
from tests.common.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.slow, pytest.mark.processes]


def test_a_worker_comes_back_after_a_partition(postgres_server: str, rabbitmq_url: str, tmp_path: Path) -> None:
    head, _, rest = rabbitmq_url.rpartition("@")
    address, _, name = rest.partition("/")
    host, _, port = address.partition(":")
    with (
        servers.scratch_database(postgres_server) as database,
        Recorder(tmp_path / "accepted") as recorder,
        TcpProxy(host, int(port)) as proxy,
    ):
        site = Site(tmp_path / "site", database, f"{head}@127.0.0.1:{proxy.port}/{name}", recorder.url)
        prepare(site, 30)
        log = site.root / "var" / "one.log"

        def ready(times: int) -> bool:
            return log.read_text("utf-8").count("Connected to amqp") >= times

        worker = Worker(site)
        try:
            wait_for(lambda: ready(1) and " ready." in log.read_text("utf-8"), "the worker is ready")
            for times in (2, 3):
                proxy.cut()
                wait_for(lambda: ready(times) or worker.process.poll() is not None, "it is connected again")  # noqa: B023
            waker = Waker(Site(site.root, database, rabbitmq_url, recorder.url))
            for _ in range(4):  # RabbitMQ hands two to the dead connections, which it takes for alive for a minute more
                waker.wake("regulars.plan", NOW)
            waker.stop()
            wait_for(lambda: recorder.count() == 30 or worker.process.poll() is not None, "mail flows again")
            assert worker.process.poll() is None, log.read_text("utf-8")[-3000:]
            assert "RESOURCE_LOCKED" not in log.read_text("utf-8")
            assert worker.stop() == 0
        finally:
            if worker.process.poll() is None:
                worker.kill()
            site.engine.dispose()


@pytest.mark.parametrize("kind", ["redis", "rabbitmq"])
def test_a_worker_ends_although_its_broker_fell_silent(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """No reply comes, and no end of the connection: as after a failover, or behind a firewall that forgot it."""
    address = urlsplit(str(request.getfixturevalue(f"{kind}_url")))
    with TcpProxy(address.hostname or "", address.port or 0) as proxy:
        root = tmp_path / "site"
        login = f"{address.username}:{address.password}@" if address.username else ""
        broker = f"{address.scheme}://{login}127.0.0.1:{proxy.port}{address.path}"
        site = Site(root, f"sqlite:///{root}/var/regulars.sqlite", broker, "smtp://127.0.0.1:9")
        prepare(site, 1)
        worker = Worker(site)
        log = root / "var" / "one.log"
        try:
            wait_for(lambda: " ready." in log.read_text("utf-8"), "the worker is ready")
            proxy.fall_silent()
            assert worker.stop() == 0
        finally:
            if worker.process.poll() is None:
                worker.kill()
            site.engine.dispose()
