"""Real mail servers, killed in the middle of a run: their Maildir against the ledger."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.common.servers import Unavailable, wait_for
from tests.common.workspace import write_workspace
from tests.dispatch.office import NEWS, Office
from tests.faults.conftest import left_to_soak
from tests.faults.mail_servers import MAIL_SERVERS, MailServer

pytestmark = [pytest.mark.slow, pytest.mark.processes, left_to_soak]

CLIENTS = 60


@pytest.fixture(params=MAIL_SERVERS, ids=[one.__name__.lower() for one in MAIL_SERVERS])
def mail_server(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    with tempfile.TemporaryDirectory(prefix="regulars-mail-", ignore_cleanup_errors=True) as folder:
        try:
            with request.param(Path(folder)) as server:
                yield server
        except Unavailable as reason:
            pytest.skip(str(reason))


def test_a_killed_mail_server_loses_nothing_and_gets_nothing_twice(
    mail_server: MailServer, sqlite_engine: Engine, tmp_path: Path
) -> None:
    office = Office(sqlite_engine, tmp_path / "shop", f"{mail_server.url}/?connections=2", REGULARS_CHUNK="10")
    write_workspace(office.root, {"news": NEWS})
    office.clients(*(f"c-{number:05}" for number in range(CLIENTS)), "gone")
    killer = threading.Thread(target=_kill_once_mail_has_come, args=(mail_server,))
    killer.start()
    office.tick()
    killer.join()
    for moment in ("10T12:20", "10T14:00", "10T20:00"):
        office.close()  # as a process that was not there when the server was away
        office.tick(f"2026-06-{moment}")
    rows = office.rows()
    office.close()
    assert office.states()["gone"] == ("failed", mail_server.unknown)
    states = {row["message_id"]: row["state"] for row in rows if row["customer"] != "gone"}
    sent = {name for name, state in states.items() if state == "sent"}
    uncertain = {name for name, state in states.items() if state == "uncertain"}
    assert len(sent) + len(uncertain) == CLIENTS, Counter(states.values())
    assert len(uncertain) <= 2, "one for each connection"
    wait_for(lambda: sent <= mail_server.accepted().keys(), "all that was accepted is delivered", 30)
    accepted = mail_server.accepted()
    assert set(accepted.values()) == {1}
    assert accepted.keys() <= sent | uncertain


def _kill_once_mail_has_come(server: MailServer) -> None:
    wait_for(lambda: len(server.accepted()) >= 5, "mail has come")
    server.kill()
    server.start()
