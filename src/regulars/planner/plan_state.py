"""From where the next plan starts: when the last one was, by which rules, and who was touched since."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

import regulars
from regulars.context.plan_context import Ruleset
from regulars.core.ids import digest
from regulars.db.engine import insert
from regulars.db.tables import plan_states
from regulars.planner.affected import take_touched
from regulars.rules.model import Rulebook

LONGEST = timedelta(days=1)
"""After a longer time without a plan everybody is asked."""
_ID = 1


@dataclass(frozen=True, slots=True)
class Start:
    """Where a plan starts. `after` is the instant of the last one; None where everybody has to be asked."""

    rules: str
    after: datetime | None
    touched: Collection[int]


def begin(connection: Connection, rules: Ruleset, now: datetime) -> Start:
    """Takes the queue, and says from where to go on.

    Everybody is asked after a change of the rules or of the release, after a clock was put back, after a day without a
    plan, and after a bulk import.
    """
    if connection.dialect.name == "postgresql":
        # A statement is planned for its instants: at a sixth use PostgreSQL would take any, and read whole tables.
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
    touched = take_touched(connection)
    obeyed = _digest(rules.rulebook)
    last = connection.execute(select(plan_states).where(plan_states.c.id == _ID)).one_or_none()
    known = last is not None and last.rules == obeyed and last.planned_at < now <= last.planned_at + LONGEST
    if last is None or touched is None or not known:
        return Start(obeyed, None, ())
    return Start(obeyed, last.planned_at, touched)


def end(connection: Connection, start: Start, now: datetime, *, full: bool) -> None:
    """Keeps it for the next plan, in the transaction of this one."""
    values = {"planned_at": now, "rules": start.rules, **({"full_at": now} if full else {})}
    row = insert(connection, plan_states).values(id=_ID, **{"full_at": now, **values})
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))


def _digest(book: Rulebook) -> str:
    """Of everything that decides who is due for any campaign, and when: the rulebook, and the release that reads it."""
    global _latest  # noqa: PLW0603 (a rulebook does not change, and making this takes longer than a plan)
    if _latest is None or _latest[0] is not book:
        parts = (book.company, book.policy, book.points, *book.campaigns.values())
        whole = [part.model_dump(mode="json", by_alias=True) for part in parts]
        days = {name: day.written for name, day in book.calendars.items()}
        own = [dict(book.segments), book.events, book.fields]
        _latest = (book, digest([regulars.__version__, whole, days, own]))
    return _latest[1]


_latest: tuple[Rulebook, str] | None = None
