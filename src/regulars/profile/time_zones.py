"""The time zones that clients live in: a few dozen names among however many clients."""

from __future__ import annotations

from sqlalchemy import Connection, Select, func, select

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
    """The names of the zones, in order; a name may be unknown or empty, as it was imported.

    Steps through the index from each name to the next: the cost grows with the zones, not with the clients.
    """
    return [str(name) for name in connection.scalars(_EACH_ZONE)]
