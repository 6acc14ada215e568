"""Alerts: what stops mail, or soon will, from its beginning to its end. Each is told once at both.

A condition that goes away for less than `SETTLING` has not ended, so one that comes and goes is one alert.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, or_, select, update

from regulars.db.database_time import database_time
from regulars.db.engine import insert
from regulars.db.tables import alerts
from regulars.db.types import to_micros
from regulars.ledger.webhook_outbox import OutboxEvent, add_events
from regulars.rules.notify_rules import OutboundEvent

SETTLING = timedelta(minutes=5)
"""How long a condition must be absent before it counts as over."""
RETENTION = timedelta(days=400)
MOST_EMAILS = 10
"""Emails about alerts within an hour; what is more waits, and goes together."""
_STALE = timedelta(days=1)
"""An email about something older is not sent any more."""
_LEASE = timedelta(minutes=2)
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Alert:
    """One condition; `key` names it, `words` say what is wrong and what to do. `ended_at` is None while it lasts."""

    id: int
    key: str
    words: str
    began_at: datetime
    ended_at: datetime | None
    begin_told: bool
    """Whether an email has told its beginning."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The alerts that began, and those that ended."""

    began: tuple[Alert, ...] = ()
    ended: tuple[Alert, ...] = ()


def reconcile(connection: Connection, found: Mapping[str, str]) -> Changes:
    """Makes the alerts say what is found now, as words by key; tells the programs that want to know."""
    now = database_time(connection)
    rows = connection.execute(select(alerts).where(alerts.c.ended_at.is_(None)).order_by(alerts.c.id)).all()
    lasting = {row.key: row for row in rows}
    began = [one for key in sorted(found.keys() - lasting.keys()) if (one := _begin(connection, key, found[key], now))]
    ended = []
    for key, row in lasting.items():
        if key in found:
            if now - row.seen_at >= _SEEN_EVERY:
                seen = update(alerts).where(alerts.c.id == row.id)
                connection.execute(seen.values(seen_at=now, words=found[key]))
        elif now - row.seen_at >= SETTLING:
            over = update(alerts).where(alerts.c.id == row.id, alerts.c.ended_at.is_(None)).values(ended_at=now)
            if connection.execute(over).rowcount:
                chosen = row.began_emailed_at is not None
                ended.append(Alert(row.id, key, row.words, row.began_at, now, chosen))
    for event, those in ((OutboundEvent.ALERT_BEGAN, began), (OutboundEvent.ALERT_ENDED, ended)):
        add_events(connection, (_outbox_event(event, one) for one in those))
    return Changes(tuple(began), tuple(ended))


def _begin(connection: Connection, key: str, words: str, now: datetime) -> Alert | None:
    """A new alert; None where another process has just begun it."""
    row = {"key": key, "words": words, "began_at": now, "seen_at": now}
    made = insert(connection, alerts).values(row).on_conflict_do_nothing().returning(alerts.c.id)
    number = connection.scalar(made)
    return None if number is None else Alert(number, key, words, now, None, begin_told=False)


def _outbox_event(event: OutboundEvent, one: Alert) -> OutboxEvent:
    data = {"alert": one.key, "words": one.words, "began_at": one.began_at.isoformat()}
    return OutboxEvent(event, f"{one.key}/{to_micros(one.began_at)}", one.ended_at or one.began_at, data=data)


def present_alerts(connection: Connection) -> list[Alert]:
    """The alerts that last, the oldest first."""
    rows = connection.execute(select(alerts).where(alerts.c.ended_at.is_(None)).order_by(alerts.c.id))
    return [
        Alert(row.id, row.key, row.words, row.began_at, None, begin_told=row.began_emailed_at is not None)
        for row in rows
    ]


def take_for_email(connection: Connection) -> list[Alert]:
    """Alerts whose beginning or end no email has told; nobody else has them for two minutes.

    None while as many emails went within an hour as may.
    """
    now = database_time(connection)
    hour = now - timedelta(hours=1)
    recent = select(alerts.c.began_emailed_at).where(alerts.c.began_emailed_at > hour)
    recent_ends = select(alerts.c.ended_emailed_at).where(alerts.c.ended_emailed_at > hour)
    sent = select(func.count()).select_from(recent.union(recent_ends).subquery())
    if (connection.scalar(sent) or 0) >= MOST_EMAILS:
        return []
    untold = or_(
        alerts.c.began_emailed_at.is_(None), and_(alerts.c.ended_at.is_not(None), alerts.c.ended_emailed_at.is_(None))
    )
    free = or_(alerts.c.emailing_until.is_(None), alerts.c.emailing_until < now)
    query = select(alerts).where(untold, free, func.coalesce(alerts.c.ended_at, alerts.c.seen_at) > now - _STALE)
    rows = connection.execute(query.order_by(alerts.c.id).limit(100).with_for_update(skip_locked=True)).all()
    if rows:
        taken = update(alerts).where(alerts.c.id.in_([row.id for row in rows]))
        connection.execute(taken.values(emailing_until=now + _LEASE))
    return [
        Alert(row.id, row.key, row.words, row.began_at, row.ended_at, begin_told=row.began_emailed_at is not None)
        for row in rows
    ]


def emailed(connection: Connection, chosen: Collection[Alert]) -> None:
    """Records that an email has told of these."""
    now = database_time(connection)
    for one in chosen:
        row = update(alerts).where(alerts.c.id == one.id)
        begun = func.coalesce(alerts.c.began_emailed_at, to_micros(now))
        ended = {"ended_emailed_at": now} if one.ended_at is not None else {}
        connection.execute(row.values(began_emailed_at=begun, emailing_until=None, **ended))


def not_emailed(connection: Connection, chosen: Collection[Alert]) -> None:
    """Gives alerts back of which no email could be sent."""
    row = update(alerts).where(alerts.c.id.in_([one.id for one in chosen]))
    connection.execute(row.values(emailing_until=None))


def forget_alerts(connection: Connection) -> None:
    """Deletes what ended long ago."""
    old = database_time(connection) - RETENTION
    connection.execute(alerts.delete().where(alerts.c.ended_at < old))
