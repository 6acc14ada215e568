"""PostgreSQL on a disk that becomes full in the middle of a run: what the mail server took is in the ledger, once."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest

from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import open_engine
from regulars.operation.database_upgrade import upgrade_database
from tests.common.faults import write_until_full
from tests.common.people import SECRET
from tests.common.recorder import Recorder
from tests.common.servers import Unavailable, wait_for
from tests.common.workplaces import small_disk
from tests.common.workspace import write_workspace
from tests.dispatch.office import NEWS, NOON, Office
from tests.faults.own_servers import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.processes]

CLIENTS, MEGABYTES, CHUNK = 80, 160, 5


def _fill_then_mend(disk: Path, postgres: Postgres, recorder: Recorder, seen: list[str]) -> None:
    """Once mail flows no byte is left, until a write has failed; then there is room again."""
    wait_for(lambda: recorder.count() > CLIENTS // 4, "mail flows")

    def failed() -> bool:
        write_until_full(disk, "ballast")
        try:
            with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS ballast (words text)")
                connection.execute("INSERT INTO ballast SELECT repeat('x', 2000) FROM generate_series(1, 2000)")
        except psycopg.Error as error:
            seen.append(str(error))
            return True
        return False

    wait_for(failed, "a write has failed")
    with suppress(TimeoutError):
        wait_for(lambda: recorder.count() == CLIENTS, "mail flows no more", 1)
    (disk / "ballast").unlink()
    if not postgres.ready():  # without room for its log it may have ended; a supervisor starts it again
        postgres.kill()
        postgres.start()


def test_postgresql_on_a_full_disk_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    seen: list[str] = []
    with tempfile.TemporaryDirectory(prefix="regulars-disk-", ignore_cleanup_errors=True) as scratch:
        root = Path(scratch)
        root.chmod(0o755)
        try:
            with small_disk(root / "disk", MEGABYTES) as disk, ExitStack() as stack:
                disk.chmod(0o755)
                postgres = stack.enter_context(Postgres(disk / "postgres"))
                recorder = stack.enter_context(Recorder(root / "accepted", 0.02))
                postgres.create()
                engine = open_engine(postgres.url)
                upgrade_database(engine, secret=SECRET)
                url = f"{recorder.url}/?connections=1"
                office = Office(engine, tmp_path / "shop", url, REGULARS_CHUNK=str(CHUNK), REGULARS_LEASE_SECONDS="2")
                write_workspace(office.root, {"news": NEWS})
                office.clients(*(f"c-{number:05}" for number in range(CLIENTS)))
                office.plan()
                mending = threading.Thread(target=_fill_then_mend, args=(disk, postgres, recorder, seen))
                mending.start()
                with suppress(EnvironmentFailed):
                    office.dispatch()
                mending.join()
                wait_for(lambda: _over(office), "the rest has gone", 60)
                rows = office.rows()
                office.close()
                engine.dispose()
        except Unavailable as reason:
            pytest.skip(str(reason))
        accepted = Counter(number for number, _ in recorder.accepted())
    assert seen, "the disk was full"
    sent = {row["message_id"] for row in rows if row["state"] == "sent"}
    uncertain = {row["message_id"] for row in rows if row["state"] == "uncertain"}
    assert len(sent) + len(uncertain) == CLIENTS
    assert len(uncertain) <= CHUNK
    assert sent <= accepted.keys() <= sent | uncertain
    assert set(accepted.values()) == {1}


def _over(office: Office) -> bool:
    """Sends what is free again; true when nothing is left."""
    with suppress(EnvironmentFailed):
        office.dispatch(NOON)
        return {row["state"] for row in office.rows()} <= {"sent", "uncertain"}
    return False
