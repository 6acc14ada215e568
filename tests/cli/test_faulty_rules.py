"""While rule files are faulty, mail goes on by the last sound state, and what reports says so at the top."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Project

pytestmark = pytest.mark.slow


def _break(project: Project) -> None:
    project.rule("bad", when="customer.purchasess >= 2", email="bad")


@pytest.mark.parametrize("command", [["report"], ["explain", "c-1"]], ids=lambda command: command[0])
def test_what_reports_goes_on_and_warns(clients: Project, command: list[str]) -> None:
    sound = clients.ok(*command, "--now", "2026-05-31")
    assert clients.data(*command, "--now", "2026-05-31")["warnings"] == []
    _break(clients)
    (warning,) = clients.data(*command, "--now", "2026-05-31")["warnings"]
    assert warning.startswith("rule files are faulty since ")
    assert "bad.yaml:3: clients have no field `purchasess`; the state of " in warning
    assert warning.endswith(" UTC is in force. `regulars check` shows all mistakes")
    told = clients.ok(*command, "--now", "2026-05-31")
    assert told.startswith("warning: rule files are faulty since ")
    assert told.endswith(sound)
    (clients.root / "campaigns" / "bad.yaml").unlink()
    assert clients.ok(*command, "--now", "2026-05-31") == sound


def test_tick_goes_on_by_the_last_sound_state(clients: Project) -> None:
    _break(clients)
    done = clients.run("tick", "--now", "2026-06-01")
    assert "clients have no field" not in done.stdout
    assert "new promise" in done.stdout
