"""The columns of a file: shown, asked about, and remembered."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys

import pytest

from tests.cli.conftest import Project

pytestmark = pytest.mark.slow

LIST = """\
id,E-Mail,Club GDPR,Birth date
k-1,ana@clients.example,yes,03/04/1990
k-2,bo@clients.example,no,05/06/1991
"""
ENTER = ""


def typed(project: Project, *lines: str) -> str:
    """Imports the list at a terminal, types one line after each question, and returns what was shown."""
    path = project.file("list.csv", LIST)
    leader, follower = pty.openpty()
    command = [
        sys.executable,
        "-c",
        "from regulars.cli import main; main()",
        "-w",
        str(project.root),
        "import",
        "customers",
        str(path),
    ]
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env={**os.environ, "TERM": "dumb"}
    ) as process:
        os.close(follower)
        shown, answers = "", list(lines)
        while select.select([leader], [], [], 60)[0]:
            try:
                shown += os.read(leader, 65_536).decode()
            except OSError:  # the other end is closed
                break
            if answers and shown.endswith(("? ", ": ")):
                os.write(leader, answers.pop(0).encode() + b"\n")
        os.close(leader)
    assert process.returncode == 0, shown
    return shown.replace("\r\n", "\n")


def test_a_terminal_is_asked_once_and_the_next_file_is_not(project: Project) -> None:
    shown = typed(project, "1", "2", ENTER)
    assert "What does a yes in it mean?" in shown
    assert "Which comes first?" in shown
    assert "2 customers added" in shown
    assert "imports.yaml; commit it" in " ".join(shown.split())
    again = typed(project)
    assert "?" not in again
    assert "2 as they were" in again
    # A program is not asked either, and gets the same.
    assert "2 as they were" in project.ok("import", "customers", str(project.root / "list.csv"))


def test_no_terminal_is_refused_and_shown_what_is_open(project: Project) -> None:
    path = str(project.file("list.csv", LIST))
    assert "D005" in project.run("import", "customers", path).output
    shown = project.run("import", "customers", path, "--dry-run", COLUMNS="80")
    assert shown.exit_code == 1
    assert '--map "Club GDPR=subscribed": they want emails' in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert not (project.root / "imports.yaml").exists()
    assert "no customer `k-1`" in project.run("explain", "k-1").output


def test_options_are_kept_for_files_with_the_same_columns(project: Project) -> None:
    path = str(project.file("list.csv", LIST))
    answers = ("--map", "Club GDPR=-", "--dates", "dmy")
    found = json.loads(project.run("import", "customers", path, "--dry-run", "--json", *answers).stdout)
    assert found["questions"] == []
    assert found["columns"][0] == {"header": "id", "became": "id", "values": ["k-1", "k-2"]}
    project.ok("import", "customers", path, "--keep", *answers)
    assert "Club GDPR: '-'" in (project.root / "imports.yaml").read_text("utf-8")
    assert "2 as they were" in project.ok("import", "customers", path)


def test_a_tool_by_name(project: Project) -> None:
    listed = project.ok("import", "--from", "list", COLUMNS="80")
    assert "shopify-orders" in listed
    path = str(
        project.file("list.csv", "Email Address,LEID,EUID,OPTIN_TIME\nana@clients.example,1,a,2022-03-01 10:30:00\n")
    )
    assert "1 customers added" in project.ok("import", "customers", path, "--from", "mailchimp")
    for arguments, code, words in (
        (("customers", path, "--from", "klaviyo"), 1, "D007"),
        (("customers", path, "--from", "mailchip"), 2, "did you mean `mailchimp`?"),
        (("purchases", path, "--from", "mailchimp"), 2, "`mailchimp` is a profile of customers"),
    ):
        result = project.run("import", *arguments)
        assert (result.exit_code, words in result.output) == (code, True), result.output
