"""An office that tells a program what happens: real messages, to a real server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, select, update

from regulars.core import clock
from regulars.db.engine import read, write
from regulars.db.tables import customers, webhook_endpoints, webhook_messages
from regulars.db.types import EPOCH
from regulars.ledger.link_owner import LinkOwner, link_owner
from regulars.outbound.webhook_delivery import Deliveries, deliver
from tests.common.people import SECRET
from tests.common.receiver import Receiver, receiving
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.office import NEWS
from tests.feedback.conftest import Desk

LOCAL = {"REGULARS_WEBHOOK_NETWORKS": "127.0.0.0/8", "REGULARS_ADDRESS_SECRET": SECRET.decode()}


class Teller(Desk):
    """An office with a program that it tells."""

    receiver_at: Receiver

    def open(self, notify: Mapping[str, Any] | None = None, **campaigns: Mapping[str, Any]) -> None:
        """Writes the workspace; `notify` is what is said of the program `crm` beside its url."""
        write_workspace(self.root, campaigns or {"news": NEWS}, company={"bounces": "bounces@studio.example"})
        self.say(crm={"url": self.receiver_at.url, **(notify or {})})

    def say(self, **programs: Mapping[str, Any]) -> None:
        """Names the programs anew."""
        (self.root / "campaigns" / "notify.yaml").write_text(yaml.safe_dump({"notify": programs}))

    def deliver(self) -> Deliveries:
        """Delivers what is due."""
        runtime = self.runtime
        book, settings = runtime.rules.rulebook, runtime.settings
        return runtime._runner.run(deliver(self.engine, book.notify, settings, clock.system))

    def hurry(self) -> None:
        """Lets the time pass until everything is tried again."""
        with write(self.engine) as connection:
            connection.execute(update(webhook_messages).values(next_at=EPOCH))
            connection.execute(update(webhook_endpoints).values(next_at=None))

    def outbox(self) -> list[dict[str, Any]]:
        """The rows of the outbox, in their order."""
        with read(self.engine) as connection:
            query = select(webhook_messages).order_by(webhook_messages.c.id)
            return [dict(row) for row in connection.execute(query).mappings()]

    def endpoint(self) -> dict[str, Any]:
        """The row of the program."""
        with read(self.engine) as connection:
            return dict(connection.execute(select(webhook_endpoints)).mappings().one())

    def key(self, name: str) -> int:
        """The client's key."""
        with read(self.engine) as connection:
            return int(connection.scalars(select(customers.c.id).where(customers.c.external_id == name)).one())

    def owner(self, promise: int) -> LinkOwner:
        """Who follows a link of the email."""
        with read(self.engine) as connection:
            found = link_owner(connection, str(promise), self.runtime.rules.rulebook)
        assert found is not None
        return found


@pytest.fixture
def teller(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> Iterator[Teller]:
    """An office on both databases, and the program."""
    yield from _opened(engine, tmp_path, smtp_inbox)


@pytest.fixture
def small_teller(sqlite_engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> Iterator[Teller]:
    """The same on SQLite alone, for what the database has no part in."""
    yield from _opened(sqlite_engine, tmp_path, smtp_inbox)


def _opened(engine: Engine, root: Path, inbox: Inbox) -> Iterator[Teller]:
    with receiving() as receiver:
        opened = Teller(engine, root / "workspace", inbox.url, **LOCAL)
        opened.receiver_at = receiver
        yield opened
        opened.close()
