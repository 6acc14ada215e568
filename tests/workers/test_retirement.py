"""A worker whose database a later release has upgraded finishes what it has in hand, says so, and ends with a code."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from regulars.db.engine import write
from regulars.operation.schema_watch import EXIT_CODE
from tests.common.killing import NOW, prepare
from tests.common.recorder import Recorder
from tests.common.servers import wait_for
from tests.common.site import Site, Waker, Worker

pytestmark = [pytest.mark.slow, pytest.mark.processes]


def test_an_old_worker_ends_after_the_chunk_in_hand(tmp_path: Path) -> None:
    var = tmp_path / "site" / "var"
    with Recorder(tmp_path / "slowly", 0.1) as slow:
        settings = {"REGULARS_CHUNK": "10", "REGULARS_BATCH": "50"}
        site = Site(
            tmp_path / "site",
            f"sqlite:///{var}/regulars.sqlite",
            f"sqla+sqlite:///{var}/broker.sqlite",
            slow.url,
            settings,
        )
        prepare(site, 600)
        worker, waker = Worker(site), Waker(site)
        try:
            waker.wake("regulars.plan", NOW)
            wait_for(lambda: slow.count() > 10, "mail flows")
            with write(site.engine) as connection:
                connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            assert worker.process.wait(60) == EXIT_CODE
        finally:
            waker.stop()
            if worker.process.poll() is None:
                worker.kill()
        states = site.states()
        assert states["uncertain"] == 0
        assert states["planned"] > 0
        assert states["sent"] == slow.count()
        worker.start()  # with the same release: refused at once, with what to do
        assert worker.process.wait(60) == 3
        site.engine.dispose()
    log = (var / "one.log").read_text("utf-8")
    assert "the database was upgraded to 9999, which this release (" in log
    assert "error: the database is at 9999, which this version does not know: update Regulars" in log
    assert "Traceback" not in log
