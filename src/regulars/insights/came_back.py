"""How many emails of each campaign came back for a passing cause, and were complained of."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from regulars.db.tables import notifications, promises

_SOFT, _COMPLAINT = "soft-bounce", "complaint"  # feedback.notification.Kind, which is in a room beside this one


@dataclass(frozen=True, slots=True)
class CameBack:
    """Numbers of emails. Those that bounced for good are counted by their state."""

    soft_bounced: int = 0
    complained: int = 0


def came_back(connection: Connection, ended: ColumnElement[bool]) -> dict[str, CameBack]:
    """By campaign key, of the emails for which the condition on `promises` holds; only campaigns that have some."""
    emails = func.count(promises.c.id.distinct())
    query = (
        select(
            promises.c.campaign,
            emails.filter(notifications.c.kind == _SOFT).label("soft"),
            emails.filter(notifications.c.kind == _COMPLAINT).label("complaints"),
        )
        .join(notifications, notifications.c.promise_id == promises.c.id)
        .where(ended, notifications.c.kind.in_([_SOFT, _COMPLAINT]))
        .group_by(promises.c.campaign)
    )
    return {row.campaign: CameBack(row.soft, row.complaints) for row in connection.execute(query)}
