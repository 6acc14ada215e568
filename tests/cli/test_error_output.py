"""What goes wrong is told in a line or two, with the right exit code, and never as a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from regulars.cli import main
from regulars.cli.error_output import foreseen
from tests.cli.conftest import Project

DATABASES = {
    "postgresql://nobody@127.0.0.1:1/nothing": "the database failed: connection failed",
    "no url at all": "REGULARS_DATABASE_URL is not a database URL",
    "oracledb://somewhere": "no database driver for oracledb",
    "sqlite:////proc/nowhere/x.sqlite": "/proc/nowhere: No such file or directory",
}
NEEDS_RULES = (
    ["check"], ["describe"], ["test"], ["plan"], ["preview", "win-back"],
    ["send-test", "win-back", "--to", "a@b.example"],
    ["explain", "c-1"], ["report"], ["tick"], ["up"],
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", NEEDS_RULES, ids=lambda command: command[0])
def test_every_command_tells_of_a_faulty_rule(project: Project, command: list[str]) -> None:
    project.rule("bad", when="customer.purchasess >= 2", email="bad")
    result = project.run(*command)
    assert result.exit_code == 1
    assert "clients have no field `purchasess`" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(("url", "words"), DATABASES.items())
def test_a_database_that_cannot_be_used(project: Project, url: str, words: str) -> None:
    result = project.run("report", REGULARS_DATABASE_URL=url)
    assert (result.exit_code, words in result.stderr) == (3, True), result.output


def test_a_file_that_is_no_database(project: Project) -> None:
    path = project.file("x.sqlite", "this is a letter, and no database " * 100)
    result = project.run("report", REGULARS_DATABASE_URL=f"sqlite:///{path}")
    assert (result.exit_code, result.stderr) == (3, "error: the database failed: file is not a database\n")


def test_a_database_of_another_shape(project: Project, empty_postgres_url: str) -> None:
    result = project.run("plan", REGULARS_DATABASE_URL=empty_postgres_url)
    assert (result.exit_code, "run `regulars db upgrade`" in result.stderr) == (3, True)
    assert project.run("db", "upgrade", REGULARS_DATABASE_URL=empty_postgres_url).exit_code == 0
    assert project.run("plan", REGULARS_DATABASE_URL=empty_postgres_url).exit_code == 0


@pytest.mark.slow
def test_a_mail_server_that_is_away(clients: Project) -> None:
    result = clients.run("tick", "--now", "2026-06-10T12:00", REGULARS_SMTP_URL="smtp://127.0.0.1:1")
    assert result.exit_code == 3
    assert "the mail server could not be reached (" in result.stderr
    assert "127.0.0.1:1" in result.stderr
    assert "what is planned waits for the next tick" in result.stderr
    sent = clients.run("send-test", "win-back", "--to", "me@shop.example", REGULARS_SMTP_URL="smtp://127.0.0.1:1")
    assert (sent.exit_code, "unreachable" in sent.stdout) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pln"], "no command `pln`; did you mean `plan`?"),
        (["import", "custmers", __file__], "did you mean `customers`?"),
        (["import", "customers", "nowhere.csv"], "does not exist"),
        (["import", "customers", __file__, "--map", "x"], "is not COLUMN=FIELD"),
        (["plan", "--days", "-1"], "--days"),
        (["preview"], "name a CAMPAIGN, or use --live"),
    ],
)
def test_a_wrong_call(project: Project, arguments: list[str], words: str) -> None:
    result = project.run(*arguments)
    assert (result.exit_code, words in result.stderr) == (2, True), result.output


def test_no_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = CliRunner().invoke(main, ["plan"])
    assert (here.exit_code, "`regulars init DIR` makes a workspace" in here.stderr) == (1, True)
    there = CliRunner().invoke(main, ["-w", "nowhere", "plan", "--json"])
    (error,) = json.loads(there.stdout)["errors"]
    assert (there.exit_code, error["code"], error["severity"]) == (1, "NotFound", "error")


def test_a_workspace_is_found_from_below(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root / "templates" / "emails")
    assert CliRunner().invoke(main, ["check"]).exit_code == 0


def test_files_that_cannot_be_read_are_named() -> None:
    told = foreseen(PermissionError(13, "Permission denied", "campaigns/a.yaml"))
    assert told is not None
    assert (str(told), told.exit_code) == ("campaigns/a.yaml: Permission denied", 3)


def test_a_fault_of_the_program_is_not_hushed_up() -> None:
    assert foreseen(KeyError("x")) is None


@pytest.mark.slow
def test_ctrl_c_ends_up_and_its_children(project: Project) -> None:
    environment = os.environ | {"REGULARS_SMTP_URL": "smtp://127.0.0.1:1"}
    program = [
        sys.executable,
        "-c",
        "from regulars.cli import main; main()",
        "-w",
        str(project.root),
        "up",
        "--port",
        "0",
    ]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as up:
        assert up.stdout is not None
        printed = ""
        until = time.monotonic() + 60
        while "ready." not in printed and time.monotonic() < until:
            printed += up.stdout.readline()
        up.send_signal(signal.SIGINT)
        printed += up.stdout.read()
        assert up.wait(60) == 0, printed
    assert "Regulars is up in" in printed
    assert "Traceback" not in printed
