"""What a reader of reports must know of what was learned: that the model in force lies at the edge of its search."""

from __future__ import annotations

from sqlalchemy import Connection

from regulars.knowledge.search_range import corner, corner_note, unit_of
from regulars.profile import learned

_DAYS_PER_WEEK = 7


def learned_notes(connection: Connection) -> list[str]:
    """The sentences; none where nothing was learned, or where the fit is inside the range."""
    model, oldest = learned.model(connection), learned.oldest_age(connection)
    if model is None or not oldest:
        return []
    r, alpha, a, b = (float(model[name] or 0.0) for name in ("r", "alpha", "a", "b"))
    if min(r, alpha, a, b) <= 0:
        return []
    note = corner_note(corner(r, alpha, a, b, unit_of(oldest / _DAYS_PER_WEEK)), a, b)
    return [note] if note else []
