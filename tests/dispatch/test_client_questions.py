"""`in_segment`, `bought`, `did` and `has_upcoming` in emails: looked up for the whole batch, never client by client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from regulars.core import settings
from regulars.db.engine import write
from regulars.preview.preview import preview
from tests.common.bench import at
from tests.common.people import add_customer, add_event, add_product, add_purchase
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, Office

pytestmark = pytest.mark.slow

LINE = (
    "{{ customer.external_id }}:{% if in_segment('best') %} best{% endif %}"
    "{% if bought('care', within='30 days') %} care{% endif %}{{ ' complained' if did(\"complaint\") else '' }}"
    "{% if not has_upcoming('visit') %} free{% endif %}."
)
SEGMENTS = "segments:\n  rich: customer.spent > 50\n  best: in_segment('rich') and customer.purchases > 1\n"
EVENTS = "events:\n  complaint: {}\n  visit.booked: {visit: text, starts_at: instant}\n"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as server:
        yield server


def _office(open_office: Open, inbox: Inbox, line: str = LINE) -> Office:
    office = open_office(inbox.url)
    write_workspace(office.root, {"news": NEWS}, lines={"news": line})
    (office.root / "campaigns" / "segments.yaml").write_text(SEGMENTS + EVENTS, encoding="utf-8")
    with write(office.engine) as connection:
        add_product(connection, "wax", category="care")
        for name, amounts in (("ada", (40, 40)), ("bo", (60,)), ("cy", ())):
            key = add_customer(connection, name)
            for amount in amounts:
                add_purchase(connection, key, "2026-06-01", "wax", amount=amount)
        add_event(connection, key, "complaint", "2026-06-02")
        add_event(connection, key, "visit.booked", "2026-06-02", {"starts_at": "2026-06-20T10:00Z"})
    return office


def _said(inbox: Inbox) -> list[str]:
    bodies = [message.message.get_body(("plain",)) for message in inbox.messages]
    texts = [body.get_content() for body in bodies if body is not None]
    return sorted(found[1] for text in texts if (found := re.search(r"(\w+:[^.]*)\.", text)))


def test_each_client_gets_their_own_answers(open_office: Open, inbox: Inbox) -> None:
    office = _office(open_office, inbox)
    office.tick()
    assert _said(inbox) == ["ada: best care free", "bo: care free", "cy: complained"]


def test_a_preview_says_what_is_sent(open_office: Open, inbox: Inbox, engine: Engine) -> None:
    office = _office(open_office, inbox)
    office.plan()
    made = settings.load(office.root, {"REGULARS_SECRET": "x"})
    shown = preview(
        engine, office.runtime.rules, "news", customer="bo", step=None, now=at(NOON), locale=None, settings=made
    )  # fmt: skip
    assert "bo: care free." in shown[0].text
    nobody = preview(
        engine, office.runtime.rules, "news", customer=None, step=None, now=at(NOON), locale=None, settings=made
    )  # fmt: skip
    assert "free." in nobody[0].text


@contextmanager
def _counted(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", count)


def test_a_batch_is_answered_by_one_query_and_without_questions_by_none(
    open_office: Open, inbox: Inbox, engine: Engine
) -> None:
    office = _office(open_office, inbox, "Hello")
    office.clients(*(f"more-{number}" for number in range(5)))
    office.plan()
    with _counted(engine) as plain:
        office.dispatch()
    write_workspace(office.root, {"more": NEWS | {"email": "more"}}, lines={"more": LINE})
    asking = open_office(inbox.url)
    asking.plan()
    with _counted(engine) as asked:
        asking.dispatch()
    assert len(inbox.messages) == 16
    assert len(asked) == len(plain) + 1
