"""What has to run: all of it wherever it is described, and the pages where links lead to."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from regulars.cli.command_context import CommandContext
from regulars.cli.processes import up_processes
from regulars.cli.web import links_elsewhere
from tests.common import deployment
from tests.common.workspace import write_workspace


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The processes of `regulars up`."""
    monkeypatch.setenv("REGULARS_WORKSPACE", str(tmp_path))
    write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})
    with click.Context(click.Command("up")):
        found = up_processes(CommandContext(tmp_path, as_json=False), 1, 8000, "INFO")
    assert all(name in command for name, command in found.items())
    return set(found)


def test_the_containers_are_all_that_up_runs(names: set[str]) -> None:
    services = deployment.ours()
    assert names == {"worker", "beat", "web"}
    assert set(services) - names == {"upgrade", "inbound"}
    assert services["inbound"]["profiles"] == ["inbound"]
    for name in names | {"inbound"}:
        assert services[name]["command"][:2] == ["regulars", name]
        assert services[name]["environment"] == services["upgrade"]["environment"]
        assert services[name]["depends_on"]["upgrade"] == {"condition": "service_completed_successfully"}


def test_the_units_are_all_that_up_runs(names: set[str]) -> None:
    started = {deployment.words(unit)[1] for unit in deployment.units().values()}
    assert started == names | {"inbound"}


@pytest.mark.parametrize(
    ("web_url", "port", "wanted"),
    [
        ("http://127.0.0.1:8000", 8000, None),
        ("http://127.0.0.1:8000", 9000, "http://127.0.0.1:9000"),
        ("http://localhost:8000/mail", 9000, "http://localhost:9000/mail"),
        ("http://localhost", 8000, "http://localhost:8000"),
        ("http://[::1]:8000", 80, "http://[::1]:80"),
        ("http://localhost", 80, None),
        ("https://studio.example", 9000, None),
    ],
)
def test_pages_elsewhere_than_links_lead_to_are_warned_of(web_url: str, port: int, wanted: str | None) -> None:
    said = links_elsewhere(web_url, port)
    assert (said is None) == (wanted is None)
    assert wanted is None or said == (
        f"links in emails lead to {web_url}, but the pages are at port {port}; set REGULARS_WEB_URL={wanted}"
    )
