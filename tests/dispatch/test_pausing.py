"""A pause in the middle of a batch: it holds before the next chunk, loses nothing, and doubles nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from regulars.core import clock
from regulars.db.engine import read, write
from regulars.db.tables import claims
from regulars.ledger import switches
from regulars.ledger.switches import Scope, Target
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, VISIT, Office

pytestmark = pytest.mark.slow

ALL = Target(Scope.ALL)
CHUNKS = {"REGULARS_BATCH": "20", "REGULARS_CHUNK": "2"}


class Interrupted(Inbox):
    """An inbox in which something happens when a number of messages is reached, before the last of them is accepted."""

    def __init__(self, at: int, then: Callable[[], object]) -> None:
        super().__init__()
        self._at, self._then = at, then

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keeps the message, and may do the other thing first."""
        if len(self.messages) + 1 == self._at:
            self._then()
        return await super().handle_DATA(server, session, envelope)


def _pause(office: Office, target: Target) -> None:
    with write(office.engine) as connection:
        switches.pause(connection, target, "anna", "a wrong price", clock.system())


def _resume(office: Office, target: Target) -> None:
    with write(office.engine) as connection:
        assert switches.resume(connection, target, "anna", clock.system())


@pytest.mark.parametrize("target", [ALL, Target(Scope.LANE, "default", frozenset({"marketing", "transactional"}))])
def test_a_pause_holds_before_the_next_chunk(open_office: Open, target: Target) -> None:
    with Interrupted(3, lambda: _pause(office, target)) as inbox:
        office = open_office(inbox.url, **CHUNKS)
        write_workspace(office.root, {"news": NEWS})
        office.clients(*(f"c{n}" for n in range(11)))
        assert office.tick().sent == 4  # the chunk in which it came is the last
        assert [state for state, _ in office.states().values()].count("planned") == 7
        assert {row["attempts"] for row in office.rows() if row["state"] == "planned"} == {0}
        with read(office.engine) as connection:
            assert connection.scalars(select(claims.c.id)).all() == []
        assert not office.runtime.waiting(clock.system())
        assert office.tick().sent == 0
        _resume(office, target)
        assert office.tick().sent == 7
        assert len({one.recipients for one in inbox.messages}) == len(inbox.messages) == 11


def test_a_paused_campaign_stops_amid_the_others(open_office: Open) -> None:
    news = Target(Scope.CAMPAIGN, "news")
    with Interrupted(2, lambda: _pause(office, news)) as inbox:
        office = open_office(inbox.url, **CHUNKS)
        write_workspace(office.root, {"news": NEWS | {"priority": 1}, "gift": NEWS | {"email": "gift"}})
        office.clients(*(f"c{n}" for n in range(5)))
        assert office.tick().sent == 2 + 5
        subjects = [str(one.message["Subject"]).split()[0] for one in inbox.messages]
        assert subjects == ["news"] * 2 + ["gift"] * 5
        _resume(office, news)
        assert office.tick().sent == 3
        assert len({(one.recipients, str(one.message["Subject"])) for one in inbox.messages}) == 10


def test_what_a_paused_campaign_promises_is_held_and_goes_when_it_is_resumed(
    open_office: Open, smtp_inbox: Inbox
) -> None:
    visit = Target(Scope.CAMPAIGN, "visit")
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"visit": VISIT | {"send": "within 2 hours"}})
    office.clients("ada", "bo")
    office.plan("2026-06-10T09:00")
    _pause(office, visit)
    office.visit("ada", "2026-06-10T09:30")
    office.visit("bo", "2026-06-10T11:00")
    assert office.tick("2026-06-10T11:15").sent == 0
    assert office.states() == {"ada": ("held", "halted"), "bo": ("held", "halted")}
    assert {row["detail"] for row in office.rows()} == {"anna: a wrong price"}
    _resume(office, visit)
    assert office.tick(NOON).sent == 1
    assert office.states() == {"ada": ("skipped", "halted"), "bo": ("sent", None)}  # for ada it is too late
