"""Answers as events: to a survey, where later answers replace earlier ones, and the request for a call.

The event's id is derived from the survey and the promise, so repeated answers are one event, and a follow-up
campaign triggers only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from regulars.db.engine import insert
from regulars.db.tables import events
from regulars.ledger.link_owner import LinkOwner
from regulars.ledger.webhook_outbox import add_answer
from regulars.profile import facts
from regulars.rules.survey import Question, Survey

ANSWERED = "survey.answered"
CALL = "call.requested"
LONGEST = 4000
"""Maximum characters of a text answer."""

Answers = Mapping[str, Any]


def parse_answer(question: Question, text: str | None) -> Any:
    """The answer to the question: a number, the name of a choice, or text; None for an invalid answer."""
    if text is None:
        return None
    if question.scale is not None:
        return next((point for point in question.points if str(point) == text), None)
    if question.choices is not None:
        return text if text in question.choices else None
    return text[:LONGEST]


def answers_of(connection: Connection, owner: LinkOwner, survey: Survey) -> Answers:
    """The client's answers from this email so far."""
    data = connection.scalar(select(events.c.data).where(events.c.external_id == _event_id(owner, survey)))
    return {k: v for k, v in (data or {}).items() if k != "survey"}


def record_answers(connection: Connection, owner: LinkOwner, survey: Survey, answers: Answers, at: datetime) -> bool:
    """Merges the answers with the stored ones; returns whether anything is new. Without answers it writes no event."""
    stored = answers_of(connection, owner, survey)
    merged = {**stored, **{k: v for k, v in answers.items() if v is not None}}
    if merged == stored:
        return False
    data = {"survey": survey.name, **merged}
    added = connection.scalars(
        insert(connection, events)
        .values(
            external_id=_event_id(owner, survey), customer_id=owner.customer, name=ANSWERED, occurred_at=at,
            received_at=at, data=data,
        )
        .on_conflict_do_nothing()
        .returning(events.c.id)
    ).first()  # fmt: skip
    if added is None:
        data = {"survey": survey.name, **answers_of(connection, owner, survey), **merged}
        statement = update(events).where(events.c.external_id == _event_id(owner, survey))
        added = connection.scalars(statement.values(data=data, received_at=at).returning(events.c.id)).one()
    facts.refresh_after_events(connection, [added])
    add_answer(connection, owner.customer, ANSWERED, _event_id(owner, survey), at, {"promise": owner.promise, **data})
    return True


def request_call(connection: Connection, owner: LinkOwner, note: str | None, at: datetime) -> bool:
    """Records a request for a call, once per email, as an event `call.requested`; returns whether it is new."""
    statement = insert(connection, events).values(
        external_id=f"call/{owner.promise}", customer_id=owner.customer, name=CALL, occurred_at=at, received_at=at,
        data={"about": owner.key, **({"note": note} if note else {})},
    )  # fmt: skip
    new = connection.scalars(statement.on_conflict_do_nothing().returning(events.c.id)).first()
    if new is not None:
        facts.refresh_after_events(connection, [new])
        data = {"promise": owner.promise, "about": owner.key, **({"note": note} if note else {})}
        add_answer(connection, owner.customer, CALL, f"call/{owner.promise}", at, data)
    return new is not None


def call_requested(connection: Connection, owner: LinkOwner) -> bool:
    """Whether the client has asked for a call from this email."""
    return connection.scalar(select(events.c.id).where(events.c.external_id == f"call/{owner.promise}")) is not None


def _event_id(owner: LinkOwner, survey: Survey) -> str:
    return f"survey/{survey.name}/{owner.promise}"
