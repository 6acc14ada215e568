"""Clicks and opens: recorded, graded together, and turned into events for rules.

All hits of an email are graded again whenever a new one arrives. The planner creates an event only after some time, in
which a machine would reveal itself; the event is deleted if that happens later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from regulars.core import ids
from regulars.db.engine import insert
from regulars.db.locks import AdvisoryLock, lock_each
from regulars.db.tables import campaigns, events, hits, promises
from regulars.db.types import Instant
from regulars.profile.facts import refresh_after_events
from regulars.responses.click_grading import EVIDENCE_WINDOW, Grade, Hit, HitKind, Sign, grades

CLICKED = "email.clicked"
HITS_PER_EMAIL = 100
"""Maximum hits stored per email: more carry no information."""
_BATCH = 5000


@dataclass(frozen=True, slots=True)
class LinkHit:
    """A hit, and the promise of its email."""

    promise: int
    hit: Hit


def record_hits(connection: Connection, asked: Iterable[LinkHit]) -> None:
    """Writes hits and grades their emails again."""
    by_promise: dict[int, list[Hit]] = {}
    for one in asked:
        by_promise.setdefault(one.promise, []).append(one.hit)
    lock_each(
        connection, AdvisoryLock.HITS, by_promise
    )  # each process also grades hits of the same email written by others
    sent = select(promises.c.id, promises.c.settled_at).where(promises.c.id.in_(sorted(by_promise)))
    for promise, sent_at in connection.execute(sent).all():
        _record_hits_of(connection, promise, sent_at, by_promise[promise])


def _record_hits_of(connection: Connection, promise: int, sent_at: datetime | None, fresh: Sequence[Hit]) -> None:
    known = connection.execute(select(hits).where(hits.c.promise_id == promise).order_by(hits.c.id)).all()
    fresh = fresh[: max(0, HITS_PER_EMAIL - len(known))]
    if not fresh:
        return
    found = grades([*map(_hit, known), *fresh], sent_at)
    rows = [
        {
            "promise_id": promise, "kind": hit.kind, "link": hit.link, "at": hit.at, "sign": hit.sign, "grade": grade,
            "told": hit.kind is not HitKind.CLICK,
        }
        for hit, grade in zip(fresh, found[len(known) :], strict=True)
    ]  # fmt: skip
    connection.execute(hits.insert(), rows)
    changed = [(row, grade) for row, grade in zip(known, found, strict=False) if row.grade != grade]
    if changed:
        statement = update(hits).where(hits.c.id == bindparam("key")).values(grade=bindparam("now"))
        connection.execute(statement, [{"key": row.id, "now": grade} for row, grade in changed])
        caught = [row for row, grade in changed if grade is Grade.MACHINE and row.told and row.link]
        names = {_event_id(promise, row.link) for row in caught}
        connection.execute(delete(events).where(events.c.external_id.in_(names)))


def _hit(row: Row[tuple[object, ...]]) -> Hit:
    return Hit(HitKind(row.kind), row.link or "", row.at, Sign(row.sign) if row.sign else None)


_DUE = (
    select(
        hits.c.id, hits.c.promise_id, hits.c.link, hits.c.at, hits.c.grade, promises.c.customer_id,
        func.coalesce(campaigns.c.name, promises.c.campaign).label("campaign"),
    )
    .join(promises, promises.c.id == hits.c.promise_id)
    .outerjoin(campaigns, campaigns.c.key == promises.c.campaign)
    .where(hits.c.told.is_(False), hits.c.at <= bindparam("until", type_=Instant()))
    .order_by(hits.c.at, hits.c.id)
    .limit(_BATCH)
)  # fmt: skip


def record_click_events(connection: Connection, now: datetime) -> int:
    """Creates events of clicks that are old enough and not a machine's; returns their number."""
    rows = connection.execute(_DUE, {"until": now - EVIDENCE_WINDOW}).all()
    if not rows:
        return 0
    made = {
        _event_id(row.promise_id, row.link): {
            "external_id": _event_id(row.promise_id, row.link), "customer_id": row.customer_id, "name": CLICKED,
            "occurred_at": row.at, "received_at": now, "data": {"campaign": row.campaign, "link": row.link},
        }
        for row in reversed(rows)
        if row.grade != Grade.MACHINE and row.link
    }  # fmt: skip
    if made:
        fresh = insert(connection, events).on_conflict_do_nothing().returning(events.c.id)
        refresh_after_events(connection, connection.scalars(fresh, list(made.values())).all())
    done = update(hits).where(hits.c.id == bindparam("key")).values(told=True)
    connection.execute(done, [{"key": row.id} for row in rows])
    return len(made)


def _event_id(promise: int, link: str) -> str:
    """The event's id: one event per link of an email."""
    return f"click/{promise}/{ids.digest(link)}"
