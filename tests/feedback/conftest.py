"""An office whose emails have return paths, and what comes back to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from regulars.core.return_path import ReturnPath, make_token
from regulars.db.engine import read, write
from regulars.db.tables import events, notifications
from regulars.feedback.effects import record
from regulars.feedback.notification import Kind, Notification
from regulars.feedback.promise_search import Receiver
from tests.common.bench import at
from tests.common.people import SECRET
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.office import NEWS, Office

LATER = "2026-06-10T13:00"
PATH = ReturnPath.parse("bounces@studio.example")
COMPANY = {"bounces": "bounces@studio.example"}


class Desk(Office):
    """An office that records what comes back."""

    def setup(self, campaigns: Mapping[str, Mapping[str, Any]] | None = None, **policy: object) -> None:
        """Writes the workspace: one newsletter, unless the test says otherwise."""
        write_workspace(self.root, campaigns or {"news": NEWS}, company=COMPANY, policy=policy)

    def send_by(self, smtp_url: str) -> None:
        """Sends by another server from now on."""
        self.close()
        self._environment["REGULARS_SMTP_URL"] = smtp_url

    def receiver(self, source: str = "mailbox", *, trusted: bool = False) -> Receiver:
        """By what this office judges notifications."""
        rulebook = self.runtime.rules.rulebook
        return Receiver(rulebook, self.runtime.settings.secrets, SECRET, source, trusted)

    def token(self, promise: int, address: str) -> str:
        """The token of the email of this promise to the address."""
        return make_token(promise, address, self.runtime.settings.secret)

    def returned(self, promise: int, address: str) -> str:
        """The local part to which an email to this address comes back."""
        return PATH.sender(self.token(promise, address)).partition("@")[0]

    def receive(self, *received: Notification, when: str = LATER, trusted: bool = False) -> int:
        """Records them as received at that time; returns how many are new."""
        with write(self.engine) as connection:
            return record(connection, received, at(when), self.receiver(trusted=trusted))

    def bounce(self, name: str, kind: Kind = Kind.HARD_BOUNCE, when: str = LATER, **said: Any) -> int:
        """The client's last email comes back; returns how many notifications are new."""
        row = [one for one in self.rows() if one["customer"] == name][-1]
        address = f"{name}@client.example"
        one = Notification(kind, at(when), words="550 5.1.1 no such user", reply_code=550, **said)
        if not said.keys() & {"return_path", "message_id"}:
            one = Notification(
                kind, at(when), words=one.words, reply_code=550, return_path=self.returned(row["id"], address), **said
            )
        return self.receive(one, when=when)

    def kept(self) -> list[dict[str, Any]]:
        """The rows of notifications, the oldest first."""
        with read(self.engine) as connection:
            query = select(notifications).order_by(notifications.c.id)
            return [dict(row) for row in connection.execute(query).mappings()]

    def happened(self, name: str) -> list[dict[str, Any]]:
        """The data of the events of this name."""
        with read(self.engine) as connection:
            return list(connection.scalars(select(events.c.data).where(events.c.name == name).order_by(events.c.id)))


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> Iterator[Desk]:
    """An office on both databases, with an empty workspace."""
    opened = Desk(engine, tmp_path / "workspace", smtp_inbox.url, REGULARS_ADDRESS_SECRET=SECRET.decode())
    yield opened
    opened.close()
