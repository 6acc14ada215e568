"""What has to run: all of it wherever it is described, and the pages where links lead to."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from regulars.cli.command_context import CommandContext
from regulars.cli.processes import up_processes
from regulars.cli.web import links_elsewhere
from tests.common.workspace import write_workspace

HERE = Path(__file__).parents[2]
RUNS = r"(?:celery -A regulars\.workers|regulars)(?: --workspace \S+)? "
"""How a process is started elsewhere; its name follows."""


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
    services = yaml.safe_load((HERE / "compose.yaml").read_text("utf-8"))["services"]
    assert names == {"worker", "beat", "web"}
    assert set(services) - names == {"postgres", "redis", "upgrade"}
    for name in names:
        assert re.search(rf"exec {RUNS}{name}\b", services[name]["command"]), name
        assert services[name]["environment"] == services["upgrade"]["environment"]
        assert services[name]["depends_on"]["upgrade"] == {"condition": "service_completed_successfully"}
    (published,) = services["web"]["ports"]
    assert published.startswith("127.0.0.1:"), "whoever reaches the port is taken for the proxy"
    assert f"--port {published.rpartition(':')[2]} " in services["web"]["command"]


def test_the_units_are_all_that_up_runs(names: set[str]) -> None:
    units = [path.read_text("utf-8") for path in sorted((HERE / "workers" / "systemd").glob("*.service"))]
    for name in names:
        assert [unit for unit in units if re.search(rf"^ExecStart=\S*/{RUNS}{name}\b", unit, re.MULTILINE)], name


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
