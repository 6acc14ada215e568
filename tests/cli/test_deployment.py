"""compose.yaml, Dockerfile and the systemd units: every command exists, every variable is documented, none is root."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from celery.bin.worker import worker as celery_worker

from regulars.cli import main
from tests.common import deployment
from tests.common.deployment import ROOT

SETTINGS = (ROOT / "docs" / "settings.md").read_text("utf-8")
WRITTEN = [ROOT / "compose.yaml", ROOT / "Dockerfile", *deployment.units().values()]
COMMANDS = {f"compose {name}": one["command"][1:] for name, one in deployment.ours().items()} | {
    name: deployment.words(path)[1:] for name, path in deployment.units().items()
}


def _parsed(words: list[str]) -> click.Context:
    """The context of the command that the words name; click raises UsageError for a wrong word."""
    command: click.Command = main
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(click.Context(command), words)
        assert found is not None, name
        command = found
    return command.make_context(command.name, list(words))


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_started_is_a_command_with_these_options(name: str) -> None:
    context = _parsed(COMMANDS[name])
    handed_on = context.params.get("celery_options", ())
    known = {option for param in celery_worker.params for option in param.opts}
    assert {word.partition("=")[0] for word in handed_on} - known == set()


def test_a_wrong_option_would_be_found() -> None:
    with pytest.raises(click.UsageError):
        _parsed(["web", "--hots", "0.0.0.0"])
    with pytest.raises(click.UsageError):
        _parsed(["wbe"])


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_variable_is_documented(path: Path) -> None:
    named = set(re.findall(r"REGULARS_[A-Z_]+[A-Z]", path.read_text("utf-8")))
    assert {name for name in named if f"`{name}`" not in SETTINGS} == set()


def test_the_containers_are_told_everything_that_settings_documents() -> None:
    documented = set(re.findall(r"`(REGULARS_[A-Z_]+)`", SETTINGS))
    by_hand = {"REGULARS_SMTP_URL_NAME", "REGULARS_WHO", "REGULARS_LEASE_SECONDS", "REGULARS_BATCH", "REGULARS_CHUNK"}
    for name, service in deployment.ours().items():
        assert documented - by_hand - set(service["environment"]) == set(), name


def test_the_containers_have_no_rights_and_write_only_state() -> None:
    volumes = deployment.compose()["volumes"]
    for name, service in deployment.ours().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        writable = [volume.split(":")[0] for volume in service["volumes"] if not volume.endswith(":ro")]
        assert writable == ["state"], name
        assert "state" in volumes
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "whoever reaches the port is taken for the proxy"
            assert port.rpartition(":")[2] in " ".join(service["command"]), name


def test_the_image_has_two_stages_and_the_last_is_not_root() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.findall(r"^FROM (\S+)(?: AS (\w+))?$", text, re.MULTILINE)[0][1] == "build"
    last = text.rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+)$", last, re.MULTILINE)
    assert int(user) > 0
    assert f"--uid {user} " in last
    assert "COPY --from=build" in last
    assert "pip" not in last


@pytest.mark.parametrize("name", deployment.units())
def test_a_unit_is_hardened(name: str) -> None:
    found = dict(deployment.lines(deployment.units()[name]))
    assert found["User"] not in {"", "root"}
    wanted = {
        "NoNewPrivileges": "yes", "ProtectSystem": "strict", "PrivateTmp": "yes", "ProtectHome": "yes",
        "CapabilityBoundingSet": "", "StateDirectory": "regulars", "StateDirectoryMode": "0700",
    }  # fmt: skip
    assert {key: found.get(key) for key in wanted} == wanted


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze: Debian: systemd")
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    """The program of each is replaced by one that exists here: systemd looks for it."""
    copies = []
    for name, path in deployment.units().items():
        copy = tmp_path / name.replace("@.", "@plan.")
        text = path.read_text("utf-8")
        copy.write_text(text.replace("/opt/regulars/bin/regulars ", f"{sys.executable} "), "utf-8")
        assert sys.executable in copy.read_text("utf-8")
        copies.append(copy)
    seen = subprocess.run(["systemd-analyze", "verify", *map(str, copies)], capture_output=True, text=True, check=False)
    ours = [line for line in (seen.stdout + seen.stderr).splitlines() if "regulars" in line or str(tmp_path) in line]
    assert ours == []
    assert seen.returncode == 0, seen.stderr
    for copy in copies:
        rated = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(copy)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert rated.returncode == 0, rated.stdout[-300:] + rated.stderr
