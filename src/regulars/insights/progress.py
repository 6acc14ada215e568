"""The progress of workers, for programs that wait for them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, and_, func, select

from regulars.db.engine import read
from regulars.db.states import State
from regulars.db.tables import campaigns, promises


def settled(engine: Engine, moment: datetime) -> bool:
    """Whether the plan of that instant is complete, and everything that can be sent by then was sent."""
    going = and_(promises.c.state == State.PLANNED, promises.c.next_at <= moment)
    with read(engine) as connection:
        planned = connection.scalar(select(func.min(campaigns.c.planned_at)).where(campaigns.c.retired_at.is_(None)))
        return planned == moment and connection.scalar(select(promises.c.id).where(going).limit(1)) is None


def sent(engine: Engine) -> int:
    """The total number of sent emails."""
    with read(engine) as connection:
        return int(connection.scalar(select(func.count()).where(promises.c.state == State.SENT)) or 0)
