"""With JSON logs each promise is named from plan to settle; and how long the server took for it is counted."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from sqlalchemy import Engine

from regulars.core.log_format import SETTING, JsonFormatter, log_promises
from regulars.db.engine import read
from regulars.delivery import latency
from regulars.ledger.worker_activity import latency_totals
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.office import NEWS, Office


def test_a_promise_is_in_every_line_from_plan_to_settle(
    sqlite_engine: Engine, tmp_path: Path, smtp_inbox: Inbox, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    latency.collect()
    office = Office(sqlite_engine, tmp_path / "workspace", smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS})
    office.clients("ada")
    caplog.set_level(logging.INFO, "regulars")
    office.plan("2026-06-10T06:00")
    log_promises(logging.getLogger("regulars"), "nothing in text", [1])
    assert [one for one in caplog.records if hasattr(one, "promises")] == []
    monkeypatch.setenv(SETTING, "json")
    office.tick()
    key = office.row()["id"]
    lines = [json.loads(JsonFormatter().format(one)) for one in caplog.records if hasattr(one, "promises")]
    assert [(one["message"], one["promises"]) for one in lines] == [
        ("planned", [key]), ("claimed", [key]), ("handed to the server", [key]), ("settled", [key]),
    ]  # fmt: skip
    assert (lines[-1]["state"], lines[-1]["lane"]) == ("sent", "default")
    office.close()
    with read(sqlite_engine) as connection:
        [((server, _), tally)] = latency_totals(connection).items()
    assert (server, tally.number) == (f"{smtp_inbox.host}:{smtp_inbox.port}", 1)
    latency.add_back({("a:25", 10): (2, 0.01)})
    latency.observe("a:25", 31.0)
    assert latency.collect() == {("a:25", 10): (2, 0.01), ("a:25", latency.LONGER): (1, 31.0)}
