"""Backups that were put back: what the lost database may have sent is held until somebody releases it.

A held promise has `Reason.RESTORED` and is examined at no time of its own, so that no plan and no claim asks about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.sql import ColumnElement

from regulars.db.engine import insert
from regulars.db.states import Reason, State
from regulars.db.tables import canary_samples, customers, promises, restorations

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a held promise is examined again: only a release changes it."""
PERHAPS_SENT = "the mail server's log has an email to this address that no promise explains"
"""The detail of a promise that a release leaves alone."""
_APART = 1_000_000_000
"""How far new ids of promises are from those that the lost database may have given out."""
_MOST_WHY = 500
held = (promises.c.state == State.HELD, promises.c.reason == Reason.RESTORED)
"""The promises that wait for a release."""
doubtful: ColumnElement[bool] = func.coalesce(promises.c.detail, "") == PERHAPS_SENT


@dataclass(frozen=True, slots=True)
class Restoration:
    """A backup that knows everything up to `backup_at`, in use from `until` on."""

    id: int
    backup_at: datetime
    until: datetime
    who: str
    why: str | None

    def sentence(self, number: int) -> str:
        """What waits, why, and the way on."""
        made, end = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (self.backup_at, self.until))
        return (
            f"a backup of {made} was restored by {self.who}: {number:,} emails wait that the lost database may have"
            f" sent by {end}; `regulars restored --log FILE` finds those that the mail server has, `regulars"
            " restored --release` lets the others go"
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "backup_at": self.backup_at.isoformat(), "until": self.until.isoformat(), "who": self.who, "why": self.why,
        }  # fmt: skip


def open_restorations(connection: Connection) -> list[Restoration]:
    """Those that nobody has released, the oldest first."""
    query = select(restorations).where(restorations.c.released_at.is_(None)).order_by(restorations.c.id)
    return [Restoration(row.id, row.backup_at, row.until, row.who, row.why) for row in connection.execute(query)]


def begin_restoration(connection: Connection, backup_at: datetime, until: datetime, who: str, why: str | None) -> None:
    """Records that the database is a backup; holds every open promise that was due by `until`."""
    reason = " ".join(why.split())[:_MOST_WHY] if why else None
    row = {"backup_at": backup_at, "until": until, "who": who, "why": reason}
    connection.execute(insert(connection, restorations).values(row))
    hold(connection, promises.c.state.in_([State.HELD, State.PLANNED]), promises.c.due_at <= until)


def hold(connection: Connection, *chosen: ColumnElement[bool]) -> int:
    """Holds the chosen promises until they are released; returns their number."""
    given = {"state": State.HELD, "reason": Reason.RESTORED, "detail": None, "next_at": NEVER}
    return connection.execute(update(promises).where(*chosen).values(given)).rowcount


def release(connection: Connection, now: datetime, who: str, *, with_doubtful: bool = False) -> tuple[int, int]:
    """Lets held promises be examined at `now`; returns how many, and how many stay because they were perhaps sent."""
    chosen = held if with_doubtful else (*held, ~doubtful)
    freed = connection.execute(
        update(promises).where(*chosen).values(reason=Reason.NEW, detail=None, next_at=now)
    ).rowcount
    ended = update(restorations).where(restorations.c.released_at.is_(None))
    connection.execute(ended.values(released_at=now, released_by=who))
    return freed, int(connection.scalar(select(func.count()).select_from(promises).where(*held)) or 0)


def held_by_campaign(connection: Connection) -> dict[str, tuple[int, int]]:
    """By a campaign's key: how many wait, and how many of these were perhaps sent."""
    perhaps = func.count().filter(doubtful)
    query = select(promises.c.campaign, func.count(), perhaps).where(*held).group_by(promises.c.campaign)
    return {key: (int(number), int(unsure)) for key, number, unsure in connection.execute(query.order_by("campaign"))}


def any_unnamed(connection: Connection) -> bool:
    """Whether an email waits that has no Message-ID yet, so that no log was compared with it."""
    return connection.scalar(select(promises.c.id).where(*held, promises.c.message_id.is_(None)).limit(1)) is not None


def sent_after(connection: Connection, instant: datetime) -> datetime | None:
    """When the last email after the instant came to its end; None without one."""
    settled_at = promises.c.settled_at
    latest = select(settled_at).where(settled_at > instant).order_by(settled_at.desc()).limit(1)
    found: datetime | None = connection.scalar(latest)
    return found


def keep_ids_apart(connection: Connection) -> None:
    """Gives promises from now on ids that the lost database has not given out.

    Links in emails name a promise by its id: an email of the lost time must never open the page of somebody else.
    """
    largest = int(connection.scalar(select(func.max(promises.c.id))) or 0)
    first = (largest // _APART + 1) * _APART
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT setval(pg_get_serial_sequence('promises', 'id'), :first)"), {"first": first})
        return
    # SQLite numbers from its largest id on. A promise that was skipped is in no link, and may take that number.
    sampled = select(canary_samples.c.promise_id)
    chosen = (promises.c.state == State.SKIPPED, promises.c.id.not_in(sampled))
    newest = select(func.max(promises.c.id)).where(*chosen).scalar_subquery()
    if connection.execute(update(promises).where(promises.c.id == newest).values(id=first)).rowcount == 0:
        _hold_number(connection, first)


def _hold_number(connection: Connection, first: int) -> None:
    """Takes the number by a promise that says why it is there, where nothing else can."""
    anybody = connection.scalar(select(func.min(customers.c.id)))
    if anybody is None:  # without clients nobody has had an email
        return
    at = connection.scalar(select(func.max(restorations.c.until, type_=restorations.c.until.type)))
    row = {
        "id": first, "campaign": "restored", "step": "restored", "customer_id": anybody, "occurrence": str(first),
        "state": State.SKIPPED, "reason": Reason.CALLED_OFF, "kind": "transactional", "rule": "",
        "detail": "it keeps the ids of emails apart from those of a lost database", "due_at": at, "expires_at": at,
        "next_at": at, "created_at": at, "settled_at": at,
    }  # fmt: skip
    connection.execute(insert(connection, promises).values(row))
