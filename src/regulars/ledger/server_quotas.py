"""How many emails each limited mail server may take now: its rate, and the daily number of its warm-up.

Both are counted in the database, over all workers. What is spent before it is offered and not used is given back; what
a dead worker has spent stays spent, so a limit is never exceeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, delete, select, update

from regulars.core.calendar import instant, local_date
from regulars.db.engine import insert
from regulars.db.tables import server_days
from regulars.ledger import token_bucket
from regulars.rules.delivery_rules import WarmUp

_STORED_DAYS = timedelta(days=60)
"""How long the numbers of past days stay."""
_NO_LIMIT = 2**31


@dataclass(frozen=True, slots=True)
class ServerLimit:
    """Emails per second, and the warm-up; None for no limit."""

    rate: float | None = None
    warm_up: WarmUp | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """The emails that a server may take now; `used_up` is the day that its warm-up has no room left on, else None."""

    now: int
    used_up: UsedUp | None = None


@dataclass(frozen=True, slots=True)
class UsedUp:
    """A day of a server's warm-up on which it has sent all that is allowed; it goes on at `ends_at`."""

    server: str
    day: date
    allowed: int
    ends_at: datetime

    def __str__(self) -> str:
        return (
            f"mail server {self.server}: its warm-up allows {self.allowed:,} emails on {self.day}, and as many were"
            f" sent: further ones go by another server of its pool, or wait until {self.ends_at:%Y-%m-%d %H:%M} UTC"
        )


def quotas(
    connection: Connection, limits: Mapping[str, ServerLimit], now: datetime, zone: str
) -> dict[str, Quota]:  # fmt: skip
    """What each of the servers may take now; their rows are locked until the end of the transaction.

    The day of a warm-up is the company's local day, in `zone`.
    """
    found = {}
    for name, limit in sorted(limits.items()):
        used_up, most = None, _NO_LIMIT
        if limit.warm_up is not None:
            most, used_up = _left_today(connection, name, limit.warm_up, now, zone)
        if limit.rate is not None and most:
            tokens = token_bucket.available(connection, _bucket(name), rate=limit.rate, burst=max(limit.rate, 1.0))
            most = min(most, max(0, int(tokens)))
        found[name] = Quota(most, used_up)
    return found


def spend(
    connection: Connection, limits: Mapping[str, ServerLimit], counts: Mapping[str, int], now: datetime, zone: str
) -> None:
    """Counts emails as sent by these servers; a negative number gives back."""
    today = local_date(now, zone)
    for name, count in sorted(counts.items()):
        limit = limits.get(name)
        if limit is None or count == 0:
            continue
        if limit.rate is not None:
            token_bucket.spend(connection, _bucket(name), count)
        if limit.warm_up is not None:
            row = (server_days.c.server == name, server_days.c.day == today)
            connection.execute(update(server_days).where(*row).values(sent=server_days.c.sent + count))


def used_up(connection: Connection, now: datetime) -> list[UsedUp]:
    """The servers that have sent all that their warm-up allows today."""
    query = (
        select(server_days.c.server, server_days.c.day, server_days.c.allowed, server_days.c.ends_at)
        .where(server_days.c.sent >= server_days.c.allowed, server_days.c.begins_at <= now, server_days.c.ends_at > now)
        .order_by(server_days.c.server)
    )
    return [UsedUp(*row) for row in connection.execute(query)]


def _left_today(
    connection: Connection, name: str, warm_up: WarmUp, now: datetime, zone: str
) -> tuple[int, UsedUp | None]:
    today = local_date(now, zone)
    row = (server_days.c.server == name, server_days.c.day == today)
    query = select(server_days.c.sent, server_days.c.step, server_days.c.ends_at).where(*row).with_for_update()
    found = connection.execute(query).first()
    if found is None:
        _begin_day(connection, name, today, zone)
        found = connection.execute(query).one()
    allowed = warm_up.allowed(found.step)
    connection.execute(
        update(server_days).where(*row, server_days.c.allowed.is_distinct_from(allowed)).values(allowed=allowed)
    )
    if allowed is None:
        return _NO_LIMIT, None
    left = max(0, allowed - found.sent)
    return left, None if left else UsedUp(name, today, allowed, found.ends_at)


def _begin_day(connection: Connection, name: str, today: date, zone: str) -> None:
    """The first row of a day: it is one step further if the server sent anything on the last one."""
    earlier = (server_days.c.server == name, server_days.c.day < today)
    last = connection.execute(select(server_days).where(*earlier).order_by(server_days.c.day.desc()).limit(1)).first()
    step = 0 if last is None else last.step + (last.sent > 0)
    begins, ends = (instant(datetime.combine(today + timedelta(days=more), time()), zone) for more in (0, 1))
    row = {"server": name, "day": today, "step": step, "sent": 0, "begins_at": begins, "ends_at": ends}
    connection.execute(insert(connection, server_days).values(**row).on_conflict_do_nothing())
    if last is not None:
        connection.execute(
            delete(server_days).where(server_days.c.server == name, server_days.c.day < last.day - _STORED_DAYS)
        )


def _bucket(name: str) -> str:
    return f"server:{name}"
