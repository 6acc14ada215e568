"""The time zones of clients: a few dozen names, however many clients there are."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, Select, func, select, update

from regulars.core.calendar import zone
from regulars.db.tables import customers


def _each_zone() -> Select[tuple[str]]:
    column = customers.c.timezone
    steps = select(func.min(column).label("zone")).cte("steps", recursive=True)
    before = steps.alias("before")
    following = select(func.min(column)).where(column > before.c.zone).scalar_subquery()
    steps = steps.union_all(select(following).where(before.c.zone.is_not(None)))
    return select(steps.c.zone).where(steps.c.zone.is_not(None)).order_by(steps.c.zone)


_EACH_ZONE = _each_zone()


def in_use(connection: Connection) -> list[str]:
    """The names of the zones in use that this machine knows, in order."""
    return [name for name in _names(connection) if _is_known(name)]


def clear_unknown(connection: Connection) -> dict[str, int]:
    """Clears zones of clients that this machine does not know; returns the number of clients by zone name.

    No import lets such a name in, but another version of the time zone database, or another program, may have. These
    clients then get the company's zone.
    """
    unknown = [name for name in _names(connection) if not _is_known(name)]
    return {
        name: connection.execute(update(customers).where(customers.c.timezone == name).values(timezone=None)).rowcount
        for name in unknown
    }


def _names(connection: Connection) -> list[str]:
    # Steps through the index from each name to the next: the cost grows with the zones, not with the clients.
    return [str(name) for name in connection.scalars(_EACH_ZONE)]


@lru_cache(maxsize=1024)
def _is_known(name: str) -> bool:
    try:
        zone(name)
    except ValueError:
        return False
    return True
