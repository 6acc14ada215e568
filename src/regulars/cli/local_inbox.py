"""The default mail server: `up` stores emails in `var/inbox` and delivers none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from regulars.cli.command_context import CommandContext
from regulars.core.errors import EnvironmentFailed

if TYPE_CHECKING:
    from regulars.delivery.inbox.server import Inbox

HINT = "; `regulars up` keeps emails in a local inbox there, REGULARS_SMTP_URL names another mail server"


def server_is_named() -> bool:
    """Whether a mail server is configured."""
    return "REGULARS_SMTP_URL" in os.environ


@contextmanager
def inbox(command: CommandContext, say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Listens at the default mail server's port, and prints where its pages are; yields a function that updates them.

    Does nothing if a mail server is configured, or something listens already. If that is the inbox of another
    workspace, which would get this one's emails, it listens at a free port, and passes it to the processes started
    within the block.
    """
    if server_is_named():
        yield lambda: None
        return
    folder = command.settings.var / "inbox"
    box = _opened(folder, urlsplit(command.settings.smtp_url).port or 0, say)
    if box is None:
        yield lambda: None
        return
    try:
        yield from _shown(folder, say)
    finally:
        os.environ.pop("REGULARS_SMTP_URL", None)  # it did not exist before
        box.__exit__(None, None, None)


def _opened(folder: Path, port: int, say: Callable[[str], None]) -> Inbox | None:
    from regulars.delivery.inbox.server import Inbox, folder_mark, inbox_at

    box = Inbox(folder, port=port)
    try:
        return box.__enter__()
    except EnvironmentFailed as error:
        owner = inbox_at(box.host, port)
        if owner is None:
            say(f"No local inbox: {error}")
            return None
    if owner == folder_mark(folder):
        say("The local inbox of this workspace is open already: another `regulars up` runs here.")
        return None
    box = Inbox(folder).__enter__()
    os.environ["REGULARS_SMTP_URL"] = box.url
    say(
        f"Port {port} is taken by the local inbox of another workspace; that of this one is at port {box.port}.\n"
        f"  For other commands here: export REGULARS_SMTP_URL={box.url}"
    )
    return box


def _shown(folder: Path, say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    from regulars.delivery.inbox.pages import write_index

    shown = write_index(folder)
    say(f"No mail server is named (REGULARS_SMTP_URL): emails are kept, and go nowhere.\n  {shown.as_uri()}")
    known = -1

    def renew() -> None:
        nonlocal known
        number = sum(1 for _ in folder.glob("*.eml"))
        if number != known:
            write_index(folder)
            known = number

    yield renew
    renew()
