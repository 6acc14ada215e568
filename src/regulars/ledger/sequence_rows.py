"""The decisions of one client: merged with another's, and forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from regulars.db.tables import decisions


def merge_decisions(connection: Connection, kept: int, gone: int, renamed: Mapping[tuple[str, int, str], str]) -> None:
    """Moves the decisions of `gone` to `kept`; where both came to one step, the one decided stays, else the earlier.

    `renamed` has, by campaign, client and occurrence of a stay, its occurrence after the merge.
    """
    rows = connection.execute(select(decisions).where(decisions.c.customer_id.in_([kept, gone]))).all()
    by_key: dict[tuple[str, str, str], list[int]] = {}
    for row in sorted(rows, key=lambda row: (row.branch is None, row.began_at, row.customer_id != kept, row.id)):
        occurrence = renamed.get((row.campaign, row.customer_id, row.occurrence), row.occurrence)
        by_key.setdefault((row.campaign, row.step, occurrence), []).append(row.id)
    twice = [each for ids in by_key.values() for each in ids[1:]]
    if twice:
        connection.execute(delete(decisions).where(decisions.c.id.in_(twice)))
    moved = [{"key": ids[0], "to": occurrence} for (_, _, occurrence), ids in by_key.items()]
    if moved:
        statement = update(decisions).where(decisions.c.id == bindparam("key"))
        connection.execute(statement.values(occurrence=bindparam("to"), customer_id=kept), moved)


def forget_decisions(connection: Connection, customer_id: int, now: datetime) -> None:
    """Ends the open decisions of a client, and forgets what decided the others."""
    theirs = decisions.c.customer_id == customer_id
    ended = {"branch": "~ended", "at": now, "decided_at": now}
    connection.execute(update(decisions).where(theirs, decisions.c.branch.is_(None)).values(**ended))
    connection.execute(update(decisions).where(theirs).values(cause=None, source_id=None))
