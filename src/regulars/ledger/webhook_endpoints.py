"""The programs that are told of what happens: those of the rules in force, and how deliveries to each go.

An endpoint that fails is tried less and less often, one message at a time. After days without a success, or when it
answers 410 Gone, it is disabled: it gets nothing more until a person enables it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Update, delete, select, update

from regulars.db.tables import webhook_endpoints, webhook_messages
from regulars.rules.notify_rules import Notify, OutboundEvent

DISABLED_AFTER = timedelta(days=5)
"""How long an endpoint may fail without a success."""
DEAD_AFTER = timedelta(minutes=15)
"""After failing for so long, the operator is told."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One program; instants are by the database's clock."""

    name: str
    url: str
    events: frozenset[str]
    campaigns: frozenset[str]
    failures: int = 0
    failing_since: datetime | None = None
    next_at: datetime | None = None
    last_success_at: datetime | None = None
    error: str | None = None
    disabled_at: datetime | None = None

    def wants(self, event: OutboundEvent, campaign: str | None) -> bool:
        """Whether it is told of the event; `campaign` is the name of the one that it concerns."""
        return (not self.events or event in self.events) and (
            campaign is None or not self.campaigns or campaign in self.campaigns
        )

    def is_dead(self, now: datetime) -> bool:
        """Whether it has failed for so long that somebody should look."""
        return self.disabled_at is not None or (
            self.failing_since is not None and now - self.failing_since >= DEAD_AFTER
        )

    @property
    def trouble(self) -> str:
        """What is wrong with it, and what to do."""
        if self.disabled_at is not None:
            since = f"is disabled since {self.disabled_at:%Y-%m-%d %H:%M} UTC and gets nothing more"
            way_on = "when it works again"
        else:
            since = "takes nothing" if self.failing_since is None else (
                f"takes nothing since {self.failing_since:%Y-%m-%d %H:%M} UTC; its messages wait"
            )  # fmt: skip
            way_on = "tries it at once"
        retry = f"`regulars webhooks retry {self.name}`"
        return f"webhook {self.name} {since}: {self.error or 'no answer'}; {retry} {way_on}"


class Change(StrEnum):
    """How an endpoint changed by an attempt."""

    FAILS = "fails"
    WORKS = "works again"
    DISABLED = "is disabled"


def put_in_force(connection: Connection, notify: Mapping[str, Notify]) -> None:
    """Makes the table say what the rules say. Messages to a program that is no longer named are deleted."""
    known = {one.name: one for one in endpoints(connection)}
    for gone in sorted(known.keys() - notify.keys()):
        connection.execute(delete(webhook_messages).where(webhook_messages.c.endpoint == gone))
        connection.execute(delete(webhook_endpoints).where(webhook_endpoints.c.name == gone))
    for name, rule in sorted(notify.items()):
        wanted = {"events": sorted(map(str, rule.events)), "campaigns": sorted(rule.campaigns)}
        old = known.get(name)
        if old is None:
            connection.execute(webhook_endpoints.insert().values(name=name, url=rule.url, **wanted))
        elif old.url != rule.url:
            connection.execute(_named(name).values(url=rule.url, **wanted, **_AT_ONCE))
        elif (old.events, old.campaigns) != (frozenset(wanted["events"]), frozenset(wanted["campaigns"])):
            connection.execute(_named(name).values(wanted))


_AT_ONCE = {"failures": 0, "failing_since": None, "next_at": None, "error": None, "disabled_at": None}


def _named(name: str) -> Update:
    return update(webhook_endpoints).where(webhook_endpoints.c.name == name)


def endpoints(connection: Connection) -> list[Endpoint]:
    """All programs, by name."""
    rows = connection.execute(select(webhook_endpoints).order_by(webhook_endpoints.c.name))
    return [_endpoint(row) for row in rows]


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        row.name, row.url, frozenset(row.events), frozenset(row.campaigns), row.failures, row.failing_since,
        row.next_at, row.last_success_at, row.error, row.disabled_at,
    )  # fmt: skip


def enable(connection: Connection, name: str) -> bool:
    """Lets the endpoint be tried at once; returns whether there is one of this name."""
    return connection.execute(_named(name).values(_AT_ONCE)).rowcount > 0


def note_success(connection: Connection, name: str, now: datetime) -> Change | None:
    """Records that the endpoint took a message."""
    failed = connection.scalar(select(webhook_endpoints.c.failing_since).where(webhook_endpoints.c.name == name))
    connection.execute(_named(name).values({**_AT_ONCE, "last_success_at": now}))
    return Change.WORKS if failed is not None else None


def note_failure(
    connection: Connection, name: str, error: str, now: datetime, pause: timedelta, *, gone: bool = False
) -> Change | None:
    """Records that the endpoint took nothing; it is tried again after the pause. `gone`: it says that it wants nothing.

    Returns whether it has just begun to fail, or is disabled by this.
    """
    row = connection.execute(
        select(webhook_endpoints).where(webhook_endpoints.c.name == name).with_for_update()
    ).first()
    if row is None or row.disabled_at is not None:
        return None
    since = row.failing_since or now
    ends = gone or now - since >= DISABLED_AFTER
    values = {
        "failures": row.failures + 1, "failing_since": since, "next_at": now + pause, "error": error,
        "disabled_at": now if ends else None,
    }  # fmt: skip
    connection.execute(_named(name).values(values))
    return Change.DISABLED if ends else Change.FAILS if row.failing_since is None else None
