"""A mail server for those who have named none: `up` keeps their emails in `var/inbox`, and none goes anywhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from regulars.cli.command_context import CommandContext
from regulars.core.errors import EnvironmentFailed

HINT = "; `regulars up` keeps emails in a local inbox there, REGULARS_SMTP_URL names another mail server"


def server_is_named() -> bool:
    """Whether the person has named a mail server."""
    return "REGULARS_SMTP_URL" in os.environ


@contextmanager
def inbox(command: CommandContext, say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Listens where the default mail server is expected, and tells where to look; gives what renews its pages.

    Does nothing where a mail server is named, or where something listens already.
    """
    if server_is_named():
        yield lambda: None
        return
    from regulars.delivery.inbox.pages import write_index
    from regulars.delivery.inbox.server import Inbox

    folder = command.settings.var / "inbox"
    box = Inbox(folder, port=urlsplit(command.settings.smtp_url).port or 0)
    try:
        box.__enter__()
    except EnvironmentFailed as error:
        say(f"No local inbox: {error}")
        yield lambda: None
        return
    try:
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
    finally:
        box.__exit__(None, None, None)
