"""A populated database of 0.1, upgraded: the same ledger, nobody mailed again, every no still holds."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Date, Engine, LargeBinary, MetaData, Table, insert, select, text

from regulars.core import clock, settings, signing
from regulars.coupons.redemption import check
from regulars.db.engine import open_engine, read, write
from regulars.db.tables import consents, coupons, customers, promises
from regulars.db.upgrade import migrate
from regulars.operation.database_upgrade import upgrade_database
from regulars.operation.runtime import Runtime
from tests.common.smtp import Inbox
from tests.web.shop import open_shop

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SECRET = b"the secret of the links"
END = datetime(2026, 6, 12, 19, 51, tzinfo=UTC)
"""When 0.1 stopped."""
ALL = {"at": "2026-06-25 12:00", "email": "news"}
"""A broadcast that 0.1 did not have, to everybody who may be written to."""
REFUSING = {
    "bo": "bounced", "eve": "one-click", "gus": "complained", "hal": "by phone",
    "kai": "file", "lea": "file", "max": "file, under another id", "ned": "one-click, under another id",
    "pending": "not confirmed", "quin": "a break until September",
}  # fmt: skip
"""Who may get no marketing, by the name in the address, and why."""


@pytest.fixture(params=["sqlite", "postgresql"])
def populated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The database as 0.1 left it: its own file, or its rows in PostgreSQL."""
    source = sqlite3.connect(tmp_path / "regulars.sqlite")
    source.executescript((HERE / "version-0.1.sql").read_text("utf-8"))
    if request.param == "postgresql":
        engine = open_engine(str(request.getfixturevalue("empty_postgres_url")))
        migrate(engine, "0011")
        _copy(source, engine)
    else:
        engine = open_engine(f"sqlite:///{tmp_path / 'regulars.sqlite'}")
    source.close()
    yield engine
    engine.dispose()


def _copy(source: sqlite3.Connection, engine: Engine) -> None:
    """Every row of the SQLite database, into tables of the same revision."""
    source.row_factory = sqlite3.Row
    known = MetaData()
    with write(engine) as connection:
        known.reflect(connection)
        for table in known.sorted_tables:
            rows = source.execute(f'SELECT * FROM "{table.name}"').fetchall()
            if not rows or table.name == "alembic_version":
                continue
            connection.execute(insert(table), [_converted(table, dict(row)) for row in rows])
            for column in table.primary_key:
                if str(column.server_default and column.server_default.arg).startswith("nextval"):  # type: ignore[attr-defined]
                    counted = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
                    connection.execute(text(f"SELECT setval({counted}, (SELECT max({column.name}) FROM {table.name}))"))


def _converted(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    def value(name: str) -> Any:
        kind, found = table.c[name].type, row[name]
        if found is None or isinstance(kind, LargeBinary):
            return found
        if isinstance(kind, JSON) or kind.__class__.__name__ == "ARRAY":
            return json.loads(found)
        if isinstance(kind, Boolean):
            return bool(found)
        return date.fromisoformat(found) if isinstance(kind, Date) else found

    return {name: value(name) for name in row}


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    """In words that every revision understands."""
    with read(engine) as connection:
        return [tuple(row) for row in connection.execute(text(query))]


LEDGER = (
    "SELECT campaign, step, external_id, occurrence, state, reason, detail, message_id, attempts, due_at, settled_at"
    " FROM promises JOIN customers ON customers.id = customer_id ORDER BY promises.id"
)
RIGHTS = {
    "consents": "SELECT customer_id, topic, granted, at, source FROM consents ORDER BY 1, 2",
    "log": "SELECT customer_id, topic, granted, at, source FROM consent_log ORDER BY id",
    "breaks": "SELECT customer_id, paused_until, gap_days FROM preferences",
    "coupons": "SELECT customer_id, campaign, code, uses FROM coupons ORDER BY 1, 2",
    "sign-ups": "SELECT customer_id, topic, asked_at, confirmed_at FROM signups ORDER BY 1",
    "members": "SELECT campaign, customer_id, occurrence FROM members ORDER BY 1, 2",
    "values": "SELECT campaign, customer_id, value FROM values_seen ORDER BY 1, 2, 3",
}
SUPPRESSED = "SELECT email_hash, scope, reason, at FROM suppressions ORDER BY 1"


def test_the_same_ledger_and_no_right_is_lost(populated: Engine) -> None:
    ledger, suppressed = rows(populated, LEDGER), rows(populated, SUPPRESSED)
    before = {name: rows(populated, query) for name, query in RIGHTS.items()}
    assert len(ledger) == 86
    assert {row[4] for row in ledger} == {"sent", "uncertain", "failed", "skipped", "held", "planned"}
    for _ in range(2):
        upgrade_database(populated, secret=SECRET)
        assert rows(populated, LEDGER) == ledger
        assert {name: rows(populated, query) for name, query in RIGHTS.items()} == before
        assert set(suppressed) <= set(rows(populated, SUPPRESSED))


def test_an_uncertain_email_without_a_message_id_gets_the_one_it_went_with(populated: Engine) -> None:
    """As migration 0010 left those that a worker of 0.1 was sending."""
    query = "SELECT id, message_id FROM promises WHERE state = 'uncertain' ORDER BY id"
    before = rows(populated, query)
    assert all(row[1] for row in before)
    with write(populated) as connection:
        connection.execute(text("UPDATE promises SET message_id = NULL WHERE state = 'uncertain'"))
    upgrade_database(populated, secret=SECRET)
    assert rows(populated, query) == before


class Onwards:
    """This version at work on the upgraded database, from the minute in which 0.1 stopped."""

    def __init__(self, engine: Engine, root: Path, inbox: Inbox) -> None:
        upgrade_database(engine, secret=SECRET)
        shutil.copytree(HERE / "workspace", root)
        extra = json.dumps({"campaigns": {"everybody": ALL}})  # JSON is YAML
        (root / "campaigns" / "more.yaml").write_text(extra, encoding="utf-8")
        environment = {"REGULARS_SECRET": SECRET.decode(), "REGULARS_SMTP_URL": inbox.url}
        self.engine, self.inbox = engine, inbox
        runtime = Runtime(settings.load(root, environment), engine, clock.system)
        for days in (0.0, 0.55, 1.7, 8.0, 12.7):
            runtime.tick(clock.frozen(END + timedelta(days=days)))
        runtime.close()

    def sent(self) -> list[tuple[str, str, str]]:
        """(address, campaign, Message-ID) of what went."""
        query = select(promises.c.message_id, promises.c.campaign)
        with read(self.engine) as connection:
            campaign = {row[0]: str(row[1]) for row in connection.execute(query) if row[0]}
        numbers = [(one.recipients[0].lower(), str(one.message["Message-ID"])) for one in self.inbox.messages]
        return [(address, campaign[number], number) for address, number in numbers]


def test_nobody_is_mailed_again_and_every_no_holds(populated: Engine, tmp_path: Path, smtp_inbox: Inbox) -> None:
    before = {row[:4]: row[4:] for row in rows(populated, LEDGER)}
    onwards = Onwards(populated, tmp_path / "shop", smtp_inbox)
    after = {row[:4]: row[4:] for row in rows(populated, LEDGER)}
    ended = {key: row for key, row in before.items() if row[0] not in {"held", "planned"}}
    # The server's words about a sign-up are forgotten with it when nobody confirms it in time.
    told = {key: row[:2] + row[3:] for key, row in ended.items()}
    assert {key: after[key][:2] + after[key][3:] for key in ended} == told
    sent = onwards.sent()
    accepted = json.loads((HERE / "accepted.json").read_text("utf-8"))
    numbers = [number for _, _, number in sent]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers).isdisjoint(number for _, number in accepted)
    gone = {row[3]: key for key, row in before.items()}  # by Message-ID
    had_news = {address.lower() for address, number in accepted if gone.get(number, ("",))[0] == "news"}
    assert had_news
    assert {address for address, campaign, _ in sent if campaign == "news"}.isdisjoint(had_news)
    marketing = {address for address, campaign, _ in sent if campaign not in {"visit", "confirm"}}
    assert marketing.isdisjoint(f"{name}@client.example" for name in REFUSING)
    everybody = {address for address, campaign, _ in sent if campaign == "everybody"}
    assert {"ada@client.example", "fay@client.example", "oli@client.example", "confirmed@client.example"} <= everybody
    assert "oli@client.example" not in {address for address, campaign, _ in sent if campaign == "tips"}
    # What was open goes on: planned emails of visits went, each once.
    assert sorted(address for address, campaign, _ in sent if campaign == "visit") == sorted(
        _address(populated, key[2]) for key, row in before.items() if key[0] == "visit" and row[0] == "planned"
    )


def _address(engine: Engine, name: str) -> str:
    with read(engine) as connection:
        return str(connection.scalar(select(customers.c.email).where(customers.c.external_id == name)))


def test_links_and_codes_of_0_1_work(populated: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade_database(populated, secret=SECRET)
    root = Path(shutil.copytree(HERE / "workspace", tmp_path / "shop"))
    monkeypatch.setattr("tests.web.shop.SECRET", SECRET)

    def token(name: str, campaign: str) -> tuple[int, str]:
        query = select(promises.c.customer_id, promises.c.id).join(customers)
        chosen = query.where(customers.c.email == f"{name}@client.example", promises.c.campaign == campaign)
        with read(populated) as connection:
            customer, promise = connection.execute(chosen).one()
        return customer, signing.sign("promise", str(promise), SECRET)

    def granted(customer: int) -> bool | None:
        with read(populated) as connection:
            found: bool | None = connection.scalar(
                select(consents.c.granted).where(consents.c.customer_id == customer, consents.c.topic == "marketing")
            )
            return found

    form = {"content-type": "application/x-www-form-urlencoded"}
    with open_shop(populated, root=root) as shop:
        ada, link = token("ada", "news")
        assert shop.ask("POST", f"/u/{link}", "List-Unsubscribe=One-Click", form).status == 200
        assert granted(ada) is False
        pending, link = token("pending", "confirm")
        assert granted(pending) is False
        assert shop.ask("POST", f"/j/{link}", "", form).status in {200, 303}
        assert granted(pending) is True
    with read(populated) as connection:
        codes = connection.scalars(select(coupons.c.code)).all()
        found = sorted(str(check(connection, code, END).standing) for code in codes)
    assert found == ["used-up", *["valid"] * (len(codes) - 1)]
