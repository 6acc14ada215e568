"""What a client received: made again, it is what the mail server got; and it says what has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, delete, select, update

from regulars.cli import main
from regulars.consent.rights import erase
from regulars.core import clock, settings
from regulars.core.errors import NotFound, RegularsError
from regulars.core.settings import Settings
from regulars.db.engine import open_engine, read, write
from regulars.db.tables import copies, customers, promises
from regulars.operation.runtime import Runtime
from regulars.preview.provenance import provenance
from tests.common.demo_shop import EVENING, make_shop
from tests.common.smtp import Inbox

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Shop:
    """A shop that has sent its emails; `received` are the messages by Message-ID."""

    root: Path
    engine: Engine
    settings: Settings
    received: dict[str, EmailMessage]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root, database = make_shop(tmp_path_factory.mktemp("shop"))
    engine = open_engine(f"sqlite:///{database}")
    with Inbox() as inbox:
        given = settings.load(root, {"REGULARS_SMTP_URL": inbox.url, "REGULARS_DATABASE_URL": str(engine.url)})
        runtime = Runtime(given, engine, clock.system)
        runtime.tick(clock.frozen(EVENING))
        runtime.close()
        received = {str(one.message["Message-ID"]): one.message for one in inbox.messages}
    yield Shop(root, engine, given, received)
    engine.dispose()


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")


def test_made_again_every_email_is_what_the_mail_server_got(shop: Shop) -> None:
    assert len(shop.received) > 20
    with write(shop.engine) as connection:
        connection.execute(delete(copies))
    for number, (message_id, message) in enumerate(shop.received.items()):
        found = provenance(shop.engine, message_id if number % 2 else message_id.strip("<>"), shop.settings)
        assert found.same_template
        assert not found.exact_html
        assert "made again from version 1" in found.notes[0]
        assert found.subject == message["Subject"]
        assert found.html.rstrip("\n") == _part(message, "html")
        assert found.text.rstrip("\n") == _part(message, "plain")
        assert found.since == []


def test_after_a_change_it_says_what_changed(shop: Shop) -> None:
    message_id = next(iter(shop.received))
    with read(shop.engine) as connection:
        row = connection.execute(select(promises).where(promises.c.message_id == message_id)).one()
    company = shop.root / "campaigns" / "company.yaml"
    company.write_text(company.read_text("utf-8").replace("send_at: 10:00", "send_at: 11:00"), "utf-8")
    runtime = Runtime(shop.settings, shop.engine, clock.system)
    runtime.plan(clock.frozen(EVENING))
    runtime.close()
    found = provenance(shop.engine, str(row.id), shop.settings)
    assert [(part.kind, part.name, part.what) for part in found.since] == [("section", "policy", "changed")]
    environment = {"REGULARS_DATABASE_URL": str(shop.engine.url), "COLUMNS": "110"}
    command = ["-w", str(shop.root), "show", message_id]
    said = CliRunner(env=environment).invoke(main, command)
    assert said.exit_code == 0, said.output
    assert f"Subject: {shop.received[message_id]['Subject']}" in said.output
    assert "+send_at: " in said.output
    document = json.loads(CliRunner(env=environment).invoke(main, [*command, "--json"]).stdout)
    assert (document["promise"], document["rule"], document["template"]) == (row.id, row.rule, row.template)
    missing = CliRunner(env={**environment, "PATH": "/nowhere"}).invoke(
        main, [*command, "--png", str(shop.root / "a.png")]
    )
    assert (missing.exit_code, "needs Chromium" in missing.output) == (3, True)
    message = CliRunner(env=environment).invoke(main, [*command, "--eml"]).stdout
    assert f"Message-ID: {message_id}" in message


def test_what_was_not_sent_or_was_erased_is_said(shop: Shop) -> None:
    with pytest.raises(NotFound, match="no promise or Message-ID `nobody@nowhere`"):
        provenance(shop.engine, "nobody@nowhere", shop.settings)
    with write(shop.engine) as connection:
        unsent = connection.scalar(select(promises.c.id).where(promises.c.state == "skipped").limit(1))
        sent = connection.execute(select(promises).where(promises.c.state == "sent").limit(1)).one()
        connection.execute(update(customers).where(customers.c.id == sent.customer_id).values(email=None))
        erase(connection, sent.customer_id, EVENING)
    with pytest.raises(RegularsError, match="is skipped: no email was sent"):
        provenance(shop.engine, str(unsent), shop.settings)
    with pytest.raises(RegularsError, match="were erased"):
        provenance(shop.engine, sent.message_id, shop.settings)
