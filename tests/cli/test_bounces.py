"""`bounces` and `inbound` at the command line: what they print, and how they end."""

from __future__ import annotations

import os
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from regulars.core.return_path import HEADER
from tests.cli.conftest import Project
from tests.common.smtp import Inbox
from tests.common.workspace import write_company
from tests.feedback.delivery_report import dsn

REGULARS = [sys.executable, "-c", "from regulars.cli import main; main(prog_name='regulars')"]


@pytest.fixture
def returning(clients: Project) -> Project:
    """The project with an address for bounces."""
    write_company(clients.root, company={"bounces": "bounces@studio.example"})
    return clients


def test_a_message_that_is_nobodys_is_counted(returning: Project, tmp_path: Path) -> None:
    assert returning.data("bounces", "list") == {"version": 1, "days": 30, "counts": [], "latest": []}
    path = tmp_path / "mbox"
    path.write_bytes(b"From x\n" + dsn("bounces+0123@studio.example", "ada@clients.example"))
    assert returning.ok("bounces", "read", str(path)) == f"1 message of mbox:{path}: 1 hard-bounce\n"
    found = returning.data("bounces", "list")
    assert [(one["kind"], one["known"], one["unknown"]) for one in found["counts"]] == [("hard-bounce", 0, 1)]
    assert "about nothing of ours" in returning.ok("bounces", "list")
    assert returning.data("suppressions")["total"] == 0


def test_the_source_can_be_a_setting(returning: Project, tmp_path: Path) -> None:
    (tmp_path / "mail/new").mkdir(parents=True)
    setting = {"REGULARS_BOUNCES": f"maildir://{tmp_path}/mail"}
    assert returning.run("bounces", "read", **setting).stdout.endswith("/mail: nothing new\n")
    nothing = returning.run("bounces", "read")
    assert nothing.exit_code == 2
    assert "REGULARS_BOUNCES" in nothing.output


@pytest.mark.parametrize("source", ["no-such-file", "pop3://u:hidden@host", "imaps://u:hidden@", "maildir:/no/such"])
def test_a_source_that_cannot_be_read_is_a_failure_of_the_environment(returning: Project, source: str) -> None:
    result = returning.run("bounces", "read", source)
    assert result.exit_code == 3
    assert "hidden" not in result.output


@pytest.mark.slow
def test_a_pipe_prints_nothing_and_ends_with_75_to_be_tried_again(returning: Project) -> None:
    def piped(**environment: str) -> subprocess.CompletedProcess[bytes]:
        command = [*REGULARS, "-w", str(returning.root), "bounces", "read", "-"]
        content = dsn("bounces@studio.example", "ada@clients.example")
        return subprocess.run(
            command, input=content, capture_output=True, check=False, env={**os.environ, **environment}
        )

    taken = piped()
    assert (taken.returncode, taken.stdout) == (0, b"")
    away = piped(REGULARS_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert (away.returncode, away.stdout) == (75, b"")
    assert b"error: " in away.stderr


@pytest.mark.slow
def test_a_test_email_cannot_come_back_as_the_clients(returning: Project, smtp_inbox: Inbox) -> None:
    arguments = ("send-test", "birthday", "--to", "me@studio.example", "--customer", "c-1")
    assert returning.run(*arguments, REGULARS_SMTP_URL=smtp_inbox.url).exit_code == 0
    (received,) = smtp_inbox.messages
    assert received.sender == "hello@studio.example"
    assert (received.message[HEADER], received.message["List-Unsubscribe"]) == (None, None)


@pytest.mark.slow
def test_the_door_takes_messages_until_it_is_told_to_end(returning: Project) -> None:
    command = [*REGULARS, "-w", str(returning.root), "inbound", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as door:
        assert door.stdout is not None
        line = door.stdout.readline()
        port = int(line.partition(" by SMTP")[0].rpartition(":")[2])
        with smtplib.SMTP("127.0.0.1", port) as client:
            to = "bounces@studio.example"
            assert client.sendmail("", [to], dsn(to, "ada@clients.example")) == {}
        door.terminate()
        assert door.wait(30) == 0
    assert returning.data("bounces", "list")["counts"][0]["unknown"] == 1


def test_the_door_needs_an_address(clients: Project) -> None:
    refused = clients.run("inbound")
    assert refused.exit_code == 3
    assert "`company.bounces` is not set" in refused.output
    assert clients.run("inbound", "--listen", "somewhere").exit_code == 2
