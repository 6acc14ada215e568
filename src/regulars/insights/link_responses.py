"""Clicks and opens of a campaign's emails: each email counts once, by the best grade of its hits.

Likewise per link: an email with two clicks on one link and one on another counts once for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Subquery, and_, case, func, select
from sqlalchemy.sql import ColumnElement

from regulars.db.tables import hits, promises
from regulars.responses.click_grading import Grade, HitKind


@dataclass(frozen=True, slots=True)
class GradeCounts:
    """Emails by the best grade of their responses: human, unsure, only machines."""

    human: int = 0
    unsure: int = 0
    machine: int = 0

    def to_json(self) -> dict[str, int]:
        """JSON-ready data."""
        return {"human": self.human, "unsure": self.unsure, "machine": self.machine}


@dataclass(frozen=True, slots=True)
class LinkClicks:
    """An address in a campaign's emails, or a page of ours such as `book`, and in how many emails it was clicked."""

    link: str
    graded: GradeCounts

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {"link": self.link, **self.graded.to_json()}


@dataclass(frozen=True, slots=True)
class LinkReport:
    """The clicked links of a campaign, by number of people, and how many more there are."""

    shown: Sequence[LinkClicks] = ()
    more: int = 0


MOST_LINKS = 100
"""Maximum links listed per campaign: personalised links differ for each client."""
_ORDER = tuple(Grade)
"""From the best to the worst."""


def response_counts(connection: Connection, chosen: ColumnElement[bool]) -> Mapping[tuple[str, HitKind], GradeCounts]:
    """By campaign key and kind (clicks and opens), among the chosen promises."""
    best = _best(hits.c.kind, and_(chosen, hits.c.kind.in_([HitKind.CLICK, HitKind.OPEN])))
    rows = connection.execute(
        select(best.c.campaign, best.c.kind, *_grades(best)).group_by(best.c.campaign, best.c.kind)
    )
    return {(str(row.campaign), HitKind(row.kind)): _graded(row) for row in rows}


def link_reports(connection: Connection, chosen: ColumnElement[bool]) -> Mapping[str, LinkReport]:
    """By campaign key, the clicked links in emails of the chosen promises; those of erased clients are deleted."""
    best = _best(hits.c.link, and_(chosen, hits.c.kind == HitKind.CLICK, hits.c.link.is_not(None)))
    counted = (
        select(best.c.campaign, best.c.link, *_grades(best)).group_by(best.c.campaign, best.c.link).subquery("counted")
    )
    first = [counted.c[grade].desc() for grade in _ORDER]
    place = func.row_number().over(partition_by=counted.c.campaign, order_by=[*first, counted.c.link]).label("place")
    many = func.count().over(partition_by=counted.c.campaign).label("many")
    ranked = select(counted, place, many).subquery("ranked")
    found: dict[str, list[LinkClicks]] = {}
    more: dict[str, int] = {}
    for row in connection.execute(
        select(ranked).where(ranked.c.place <= MOST_LINKS).order_by(ranked.c.campaign, ranked.c.place)
    ):
        found.setdefault(str(row.campaign), []).append(LinkClicks(str(row.link), _graded(row)))
        more[str(row.campaign)] = max(0, int(row.many) - MOST_LINKS)
    return {campaign: LinkReport(tuple(shown), more[campaign]) for campaign, shown in found.items()}


def _best(what: ColumnElement[Any], chosen: ColumnElement[bool]) -> Subquery:
    """For each email and requested link, the rank of its best grade."""
    rank = case({grade: place for place, grade in enumerate(_ORDER)}, value=hits.c.grade)
    return (
        select(promises.c.campaign, what, func.min(rank).label("best"))
        .join(promises, promises.c.id == hits.c.promise_id)
        .where(chosen)
        .group_by(promises.c.campaign, what, hits.c.promise_id)
        .subquery("best")
    )


def _grades(best: Subquery) -> list[ColumnElement[int]]:
    """The number of emails by best grade."""
    return [func.count().filter(best.c.best == place).label(grade) for place, grade in enumerate(_ORDER)]


def _graded(row: Row[Any]) -> GradeCounts:
    return GradeCounts(*(int(getattr(row, grade)) for grade in _ORDER))
