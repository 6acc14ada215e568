"""The local inbox of `regulars up`: each workspace has one of its own, and says where."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from regulars.cli import local_inbox
from regulars.cli.command_context import CommandContext
from regulars.core import settings
from regulars.delivery.inbox.server import folder_mark, inbox_at
from tests.common.servers import free_port
from tests.common.workspace import write_workspace
from tests.delivery.posting import deliver, parcels

pytestmark = pytest.mark.slow

Workspaces = list[CommandContext]


@pytest.fixture
def workspaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspaces]:
    """Two, with the same port for an inbox."""
    monkeypatch.delenv("REGULARS_SMTP_URL", raising=False)
    url = f"smtp://127.0.0.1:{free_port()}"
    found = []
    for name in ("one", "two"):
        write_workspace(tmp_path / name, {"thanks": {"on": "purchase", "email": "thanks"}})
        command = CommandContext(tmp_path / name, as_json=False)
        command.__dict__["settings"] = replace(settings.load(tmp_path / name), smtp_url=url)
        found.append(command)
    yield found
    assert "REGULARS_SMTP_URL" not in os.environ


def kept(command: CommandContext) -> int:
    return len(list((command.settings.var / "inbox").glob("*.eml")))


def test_a_port_taken_by_another_workspace_is_said_and_not_shared(workspaces: Workspaces) -> None:
    one, two = workspaces
    first: list[str] = []
    second: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(local_inbox.inbox(one, first.append))
        deliver(one.settings.smtp_url, parcels(1))
        stack.enter_context(local_inbox.inbox(two, second.append))
        named = os.environ["REGULARS_SMTP_URL"]
        assert named != one.settings.smtp_url
        assert settings.load(two.root).smtp_url == named, "the processes that are started now send there"
        deliver(named, parcels(2))
    assert (kept(one), kept(two)) == (1, 2)
    assert "is taken by" not in " ".join(first)
    port = one.settings.smtp_url.rpartition(":")[2]
    assert f"Port {port} is taken by the local inbox of another workspace" in second[0]
    assert f"export REGULARS_SMTP_URL={named}" in second[0]


def test_the_same_workspace_again_is_said(workspaces: Workspaces) -> None:
    one = workspaces[0]
    said: list[str] = []
    with local_inbox.inbox(one, lambda _: None), local_inbox.inbox(one, said.append):
        assert "REGULARS_SMTP_URL" not in os.environ
    (line,) = said
    assert "this workspace is open already" in line


def test_another_server_is_left_to_take_the_mail(workspaces: Workspaces) -> None:
    one = workspaces[0]
    address = ("127.0.0.1", int(one.settings.smtp_url.rpartition(":")[2]))
    said: list[str] = []
    with socket.create_server(address):
        assert inbox_at(*address, seconds=0.1) is None, "it says nothing"
        with local_inbox.inbox(one, said.append):
            assert "REGULARS_SMTP_URL" not in os.environ
    (line,) = said
    assert line.startswith("No local inbox: ")
    assert inbox_at(*address) is None, "nobody listens"


def test_who_listens_is_told_by_the_greeting(workspaces: Workspaces) -> None:
    one, two = workspaces
    with local_inbox.inbox(one, lambda _: None):
        owner = inbox_at("127.0.0.1", int(one.settings.smtp_url.rpartition(":")[2]))
    assert owner == folder_mark(one.settings.var / "inbox") != folder_mark(two.settings.var / "inbox")
