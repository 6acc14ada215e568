"""What clients did about the emails of a step, beside reaching a goal: left, complained, clicked, answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    and_,
    cast,
    func,
    literal,
    select,
    true,
    union_all,
)

from regulars.db.json_fields import regulars_field_number, regulars_field_text
from regulars.db.sql_functions import regulars_number
from regulars.db.states import State
from regulars.db.tables import consent_log, events, hits, notifications, promises
from regulars.insights.attribution import Period
from regulars.responses.answers import ANSWERED, CALL
from regulars.responses.click_grading import Grade, HitKind

_SOFT, _COMPLAINT = "soft-bounce", "complaint"  # feedback.notification.Kind, which is in a room beside this one
_TRACKING = "email.tracking"  # the topic by which a client objects to being measured, and goes on getting emails


@dataclass(frozen=True, slots=True)
class Reactions:
    """Numbers of emails: each counts once in each column. `clicked` by people, as far as that is known."""

    clicked: int = 0
    answered: int = 0
    unsubscribed: int = 0
    complained: int = 0
    bounced: int = 0
    soft_bounced: int = 0

    def __add__(self, other: Reactions) -> Reactions:
        return Reactions(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def to_json(self) -> dict[str, int]:
        """JSON-ready data."""
        return asdict(self)


def reactions(connection: Connection, period: Period) -> Mapping[tuple[str, str], Reactions]:
    """By campaign key and step, of the emails settled in the period; only those with any."""
    columns = {
        "clicked": _through(hits, and_(hits.c.kind == HitKind.CLICK, hits.c.grade == Grade.HUMAN)),
        "answered": _answers(),
        "unsubscribed": _unsubscribed(),
        "complained": _through(notifications, notifications.c.kind == _COMPLAINT),
        "bounced": select(promises.c.id).where(promises.c.state == State.BOUNCED),
        "soft_bounced": _through(notifications, notifications.c.kind == _SOFT),
    }
    found: dict[tuple[str, str], dict[str, int]] = {}
    for name, emails in columns.items():
        ids = emails.subquery("ids")
        query = (
            select(promises.c.campaign, promises.c.step, func.count(promises.c.id.distinct()))
            .join(ids, ids.c[0] == promises.c.id)
            .where(*_settled_in(period))
            .group_by(promises.c.campaign, promises.c.step)
        )
        for campaign, step, number in connection.execute(query):
            found.setdefault((campaign, step), {})[name] = number
    return {place: Reactions(**numbers) for place, numbers in found.items()}


def _settled_in(period: Period) -> list[ColumnElement[bool]]:
    at = promises.c.settled_at
    bounds = [at.is_not(None), at <= period.now]
    bounds += [at >= period.since] if period.since is not None else []
    return bounds + ([at < period.until] if period.until is not None else [])


def _through(table: FromClause, condition: ColumnElement[bool]) -> Any:
    return select(table.c.promise_id).where(table.c.promise_id.is_not(None), condition)


def _unsubscribed() -> Any:
    """Lines of the log that name the email whose link or header was used."""
    named = cast(regulars_field_number(consent_log.c.detail, literal("promise")), BigInteger)
    left = and_(consent_log.c.granted != true(), consent_log.c.topic != _TRACKING, consent_log.c.detail.is_not(None))
    return select(named).where(left, named.is_not(None))


def _answers() -> Any:
    """Surveys answered and calls requested by a link: the ids of these events end with the email's number."""
    survey = literal("survey/", Text).concat(regulars_field_text(events.c.data, literal("survey"))).concat("/")
    return union_all(_named_after(ANSWERED, survey), _named_after(CALL, literal("call/", Text)))


def _named_after(event: str, prefix: ColumnElement[str]) -> Any:
    number = cast(regulars_number(func.substr(events.c.external_id, func.length(prefix) + 1)), BigInteger)
    return select(number).where(
        events.c.name == event, events.c.external_id == prefix.concat(cast(number, Text)), number.is_not(None)
    )
