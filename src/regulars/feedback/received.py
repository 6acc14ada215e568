"""What came back lately, counted for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from regulars.core.calendar import zone
from regulars.db.tables import notifications

WINDOW = timedelta(days=30)
_LATEST = 10


@dataclass(frozen=True, slots=True)
class Counted:
    """Notifications of one kind and cause: about emails of ours, and about nothing that can be proved to be ours."""

    kind: str
    reason: str
    known: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Latest:
    """One of the latest notifications about an email of ours."""

    at: datetime
    campaign: str
    kind: str
    source: str
    words: str | None


@dataclass(frozen=True, slots=True)
class Received:
    """What came back within `WINDOW`, most first, and the latest."""

    counts: Sequence[Counted]
    latest: Sequence[Latest]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data; instants as ISO text."""
        latest = [{**asdict(one), "at": one.at.isoformat()} for one in self.latest]
        return {"days": WINDOW.days, "counts": [asdict(one) for one in self.counts], "latest": latest}

    def lines(self, zone_name: str) -> Iterator[str]:
        """The latest, one per line, in local time."""
        for one in self.latest:
            at = f"{one.at.astimezone(zone(zone_name)):%Y-%m-%d %H:%M}"
            yield f"{at} {one.kind}, {one.campaign}, by {one.source}: {one.words or '–'}"


def received(connection: Connection, now: datetime) -> Received:
    """Counts the rows of notifications."""
    recent = notifications.c.received_at > now - WINDOW
    ours = notifications.c.promise_id.is_not(None)
    columns = (notifications.c.kind, notifications.c.reason)
    known, unknown = func.count().filter(ours), func.count().filter(~ours)
    rows = connection.execute(
        select(*columns, known, unknown).where(recent).group_by(*columns).order_by(func.count().desc(), *columns)
    )
    shown = ("at", "campaign", "kind", "source", "words")
    latest = connection.execute(
        select(*(notifications.c[name] for name in shown))
        .where(recent, ours)
        .order_by(notifications.c.received_at.desc(), notifications.c.id.desc())
        .limit(_LATEST)
    )
    return Received([Counted(*row) for row in rows], [Latest(*row) for row in latest])
