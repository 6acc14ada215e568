"""Servers and databases that fail: refusals are named, the unclear is not sent again, the rest arrives once."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, select

from regulars.core import clock
from regulars.db.database_time import database_time
from regulars.db.engine import write
from regulars.db.tables import claims
from regulars.explain.explain import explain
from regulars.ledger.claims import Recovery, recover
from regulars.operation.runtime import Runtime
from tests.common.bench import at
from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.common.servers import free_port
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, VISIT, Office

pytestmark = pytest.mark.slow

LATER = "2026-06-10T12:20"
"""After any first retry."""


def _one_client(office: Office, **policy: Any) -> Office:
    write_workspace(office.root, {"news": NEWS}, policy=policy)
    office.clients("ada")
    return office


def test_come_back_later_is_heeded_and_the_second_attempt_is_the_same_email(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text="450 4.2.0 busy", on=(1,))]) as server:
        office = _one_client(open_office(server.url))
        assert office.tick().sent == 0
        row = office.row()
        assert (row["state"], row["reason"], row["code"], row["attempts"]) == ("held", "retry", 450, 1)
        assert "busy" in row["detail"]
        assert at(NOON) + timedelta(minutes=3) < row["next_at"] <= at(NOON) + timedelta(minutes=5)
        assert office.tick("2026-06-10T12:01").sent == 0
        assert office.tick(LATER).sent == 1
        again = office.row()
        assert (again["state"], again["reason"], again["attempts"]) == ("sent", None, 2)
        assert again["message_id"] == row["message_id"]
        assert len(server.accepted) == 1


def test_what_stays_busy_until_it_is_too_late_is_dropped_by_name(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text="450 4.2.0 busy")]) as server:
        office = _one_client(open_office(server.url), late="1 hour")
        for minute in (30, 35, 45, 59):
            office.tick(f"2026-06-10T10:{minute}")
        office.tick("2026-06-10T11:45")
    assert office.states() == {"ada": ("skipped", "retry")}


@pytest.mark.parametrize(
    ("words", "reason", "suppressed"),
    [
        ("550 5.1.1 no such user", "address-refused", ["bounced"]),
        ("550 5.7.1 blocked by policy", "refused", []),
        ("552 5.3.4 too large", "refused", []),
    ],
)
def test_a_refusal_is_final_and_only_a_dead_address_is_barred(
    open_office: Open, words: str, reason: str, suppressed: list[str]
) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text=words, match="ada@")]) as server:
        office = _one_client(open_office(server.url))
        office.clients("bo")
        assert office.tick().sent == 1
        assert office.tick(LATER).sent == 0
        assert [taken.recipients for taken in server.accepted] == [("bo@client.example",)]
    ada = office.rows()[0]
    assert (ada["state"], ada["reason"], ada["code"]) == ("failed", reason, int(words[:3]))
    assert words[4:] in ada["detail"]
    assert office.suppressed() == suppressed


def test_a_barred_address_gets_nothing_more(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text="550 5.1.1 no such user", on=(1,))]) as server:
        office = _one_client(open_office(server.url))
        office.tick()
        write_workspace(office.root, {"news": NEWS, "more": NEWS | {"at": "2026-06-11 10:00"}})
        office.tick("2026-06-11T12:00")
        assert server.accepted == []
    assert [(row["campaign"], row["reason"]) for row in office.rows()] == [
        ("news", "address-refused"),
        ("more", "suppressed"),
    ]


def test_a_connection_lost_after_the_body_is_uncertain_and_not_sent_again(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.DOT, Act.CLOSE, on=(1,), took=True)]) as server:
        office = _one_client(open_office(server.url))
        office.tick()
        row = office.row()
        assert (row["state"], row["reason"]) == ("uncertain", "connection-lost")
        assert row["message_id"]
        assert office.tick(LATER).sent == 0
        assert len(server.accepted) == 1


def test_the_policy_may_ask_to_send_the_uncertain_again(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.DOT, Act.CLOSE, on=(1,), took=True)]) as server:
        office = _one_client(open_office(server.url), uncertain="resend")
        office.tick()
        assert office.states() == {"ada": ("held", "retry")}
        assert office.tick(LATER).sent == 1
        assert len({taken.data.partition(b"Message-ID: ")[2][:50] for taken in server.accepted}) == 1


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA])
def test_a_connection_lost_before_the_body_is_no_doubt(open_office: Open, stage: Stage) -> None:
    with ScriptedServer([Fault(stage, Act.CLOSE, on=(1,))]) as server:
        office = _one_client(open_office(server.url))
        office.tick()
        office.tick(LATER)
        assert office.states() == {"ada": ("sent", None)}
        assert len(server.accepted) == 1


def test_everything_waits_while_the_server_is_away(open_office: Open, smtp_inbox: Inbox) -> None:
    names = [f"c{number:02}" for number in range(25)]
    office = open_office(f"smtp://127.0.0.1:{free_port()}", REGULARS_CHUNK="10")
    write_workspace(office.root, {"news": NEWS})
    office.clients(*names)
    for _ in range(3):
        summary = office.tick()
        assert (summary.sent, summary.stopped) == (0, True)
        assert {(row["state"], row["attempts"]) for row in office.rows()} == {("planned", 0)}
        assert Counter(row["reason"] for row in office.rows()) == {"server-away": 10, None: 15}
    again = open_office(smtp_inbox.url)
    assert again.tick("2026-06-10T12:01").sent == 25
    assert Counter(one.recipients[0] for one in smtp_inbox.messages) == {f"{name}@client.example": 1 for name in names}


def test_a_server_without_starttls_is_named_in_the_log_and_by_explain(
    open_office: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedServer() as server, caplog.at_level(logging.WARNING, "regulars"):
        office = _one_client(open_office(f"{server.url}?tls=starttls"))
        for _ in range(3):
            summary = office.tick()
        where = f"127.0.0.1:{server.port}"
        assert (summary.down["default"].server, summary.states["planned"]) == (where, 1)
    row = office.row()
    assert (row["state"], row["reason"], row["attempts"]) == ("planned", "server-away", 0)
    assert row["detail"].startswith(f"{where}: it offers no STARTTLS")
    (said,) = [record.getMessage() for record in caplog.records]
    assert where in said
    assert "it offers no STARTTLS" in said
    told = explain(office.engine, office.runtime.rules, "ada", "news", at(NOON)).campaigns[0].sentence
    assert told.startswith(f"Due now: `news` may go, but the mail server takes nothing now ({where}: it offers no")


def test_what_waited_for_a_server_until_it_was_too_late_says_so(open_office: Open) -> None:
    office = _one_client(open_office(f"smtp://127.0.0.1:{free_port()}"), late="1 hour")
    office.tick("2026-06-10T10:30")
    office.tick("2026-06-10T11:45")
    assert office.states() == {"ada": ("skipped", "server-away")}


def test_a_server_that_refuses_the_session_with_a_code_is_not_asked_for_every_chunk(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.BANNER, Act.CLOSE, "421 4.3.2 too busy")]) as server:
        office = open_office(server.url, REGULARS_CHUNK="10")
        write_workspace(office.root, {"news": NEWS})
        office.clients(*(f"c{number:02}" for number in range(25)))
        summary = office.tick()
        assert server.connections == 1
    assert summary.down["default"].code == 421
    assert Counter((row["state"], row["reason"], row["attempts"]) for row in office.rows()) == {
        ("planned", "server-away", 0): 10,
        ("planned", None, 0): 15,
    }


def test_a_server_of_their_own_keeps_service_emails_going(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(f"smtp://127.0.0.1:{free_port()}", REGULARS_SMTP_TRANSACTIONAL_URL=smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS | {"priority": 9}, "visit": VISIT})
    office.clients("ada")
    office.plan("2026-06-10T09:00")
    office.visit("ada", "2026-06-10T11:00")
    summary = office.tick()
    assert (summary.sent, summary.stopped) == (1, True)
    assert {(row["campaign"], row["state"]) for row in office.rows()} == {("news", "planned"), ("visit", "sent")}


def test_told_to_stop_it_ends_after_the_chunk_in_hand(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url, REGULARS_CHUNK="10")
    write_workspace(office.root, {"news": NEWS})
    office.clients(*(f"c{number:02}" for number in range(35)))
    office.plan()
    assert office.dispatch(stop=lambda: len(smtp_inbox.messages) >= 10).sent == 10
    assert Counter(row["state"] for row in office.rows()) == {"sent": 10, "planned": 25}
    assert office.dispatch().sent == 25
    assert len(smtp_inbox.messages) == 35


def test_a_provider_gets_no_more_a_second_than_it_wants(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(f"{smtp_inbox.url}/?rate=10")
    write_workspace(office.root, {"news": NEWS})
    office.clients(*(f"c{number:02}" for number in range(15)))
    office.plan()
    begun = datetime.now(UTC)
    assert office.dispatch().sent == 15
    # Ten at once, as much as a second holds, and five more as they come.
    assert datetime.now(UTC) - begun >= timedelta(seconds=0.5)


def test_workers_whose_clocks_differ_share_the_rate_as_well(
    engine: Engine, open_office: Open, smtp_inbox: Inbox
) -> None:
    office = open_office(f"{smtp_inbox.url}/?rate=20")
    write_workspace(office.root, {"news": NEWS})
    office.clients(*(f"c{number:02}" for number in range(34)))
    office.plan()
    ahead = Runtime(office.runtime.settings, engine, lambda: clock.system() + timedelta(seconds=2))
    begun = datetime.now(UTC)
    try:
        while office.runtime.waiting(at(NOON)):  # a batch of one, then one of the other
            for runtime in (office.runtime, ahead):
                runtime.dispatch(clock.frozen(at(NOON)), stop=batches(2))
    finally:
        ahead.close()
    assert len(smtp_inbox.messages) == 34
    # Twenty at once, as much as a second holds, and fourteen more as they come.
    assert datetime.now(UTC) - begun >= timedelta(seconds=0.65)


def batches(count: int) -> Callable[[], bool]:
    """Says to stop when it is asked for the time after `count` times."""
    asked = itertools.count()
    return lambda: next(asked) >= count


# ---------------------------------------------------------------- while the server thinks


class Thinking(Inbox):
    """An inbox in which something happens before a message is answered."""

    def __init__(self, happens: Any) -> None:
        super().__init__()
        self.happens = happens

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        answer = await super().handle_DATA(server, session, envelope)
        await self.happens()
        return answer


def test_a_slow_server_does_not_make_a_living_worker_dead(engine: Engine, open_office: Open) -> None:
    found: list[Recovery] = []

    async def others_look() -> None:
        end = datetime.now(UTC) + timedelta(seconds=3)
        while datetime.now(UTC) < end:
            with write(engine) as connection:
                found.append(recover(connection, now=at(NOON)))
            await asyncio.sleep(0.1)

    with Thinking(others_look) as inbox:
        office = _one_client(open_office(inbox.url, REGULARS_LEASE_SECONDS="2"))
        assert office.tick().sent == 1
    assert set(found) == {Recovery()}
    assert len(found) > 5


@pytest.mark.parametrize("hours", [2, -2])
def test_a_lease_is_as_long_whatever_the_workers_clock_says(engine: Engine, open_office: Open, hours: int) -> None:
    found: list[timedelta] = []

    async def others_look() -> None:
        with write(engine) as connection:
            assert recover(connection, now=at(NOON)) == Recovery()
            found.append(connection.scalars(select(claims.c.lease_until)).one() - database_time(connection))

    with Thinking(others_look) as inbox:
        office = _one_client(open_office(inbox.url))
        office.plan()
        wrong = Runtime(office.runtime.settings, engine, lambda: clock.system() + timedelta(hours=hours))
        try:
            assert wrong.dispatch(clock.frozen(at(NOON))).sent == 1
        finally:
            wrong.close()
    assert timedelta(seconds=30) < found[0] <= timedelta(seconds=60)


def test_what_the_server_said_is_written_down_when_the_database_is_back(
    postgres_engine: Engine, tmp_path: Path
) -> None:
    url = postgres_engine.url.render_as_string(hide_password=False).replace("+psycopg", "", 1)
    head, _, name = url.rpartition("/")

    def order(text: str) -> None:
        with psycopg.connect(f"{head}/postgres", autocommit=True) as admin:
            admin.execute(text.replace("DB", name))

    async def database_leaves() -> None:
        order("ALTER DATABASE DB ALLOW_CONNECTIONS false")
        order("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'DB'")
        threading.Timer(0.5, order, ["ALTER DATABASE DB ALLOW_CONNECTIONS true"]).start()

    with Thinking(database_leaves) as inbox:
        office = Office(postgres_engine, tmp_path / "workspace", inbox.url)
        assert _one_client(office).tick().sent == 1
        assert office.states() == {"ada": ("sent", None)}
        assert len(inbox.messages) == 1
    office.close()
