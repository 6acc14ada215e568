"""Who followed the links of a campaign's emails, and who was shown them: each email once, by its best hit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select
from sqlalchemy.sql import ColumnElement

from regulars.store.tables import hits, promises
from regulars.tracking.grading import Grade, Kind


@dataclass(frozen=True, slots=True)
class Graded:
    """Emails by who responded: a person, somebody or something, only machines."""

    human: int = 0
    unsure: int = 0
    machine: int = 0

    def to_json(self) -> dict[str, int]:
        """JSON-ready data."""
        return {"human": self.human, "unsure": self.unsure, "machine": self.machine}


_ORDER = tuple(Grade)
"""From the best to the worst."""


def responses(connection: Connection, chosen: ColumnElement[bool]) -> Mapping[tuple[str, Kind], Graded]:
    """By campaign key and kind (clicks and opens), among the chosen promises; none where there is nothing."""
    rank = case({grade: place for place, grade in enumerate(_ORDER)}, value=hits.c.grade)
    best = (
        select(promises.c.campaign, hits.c.kind, func.min(rank).label("best"))
        .join(promises, promises.c.id == hits.c.promise_id)
        .where(chosen, hits.c.kind.in_([Kind.CLICK, Kind.OPEN]))
        .group_by(promises.c.campaign, hits.c.kind, hits.c.promise_id)
        .subquery("best")
    )
    found: dict[tuple[str, Kind], dict[str, int]] = {}
    for campaign, kind, place, count in connection.execute(
        select(best.c.campaign, best.c.kind, best.c.best, func.count()).group_by(*best.c)
    ):
        found.setdefault((str(campaign), Kind(kind)), {})[_ORDER[place]] = int(count)
    return {name: Graded(**counts) for name, counts in found.items()}
