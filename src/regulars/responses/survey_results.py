"""The results of a survey, question by question."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from regulars.db.tables import events
from regulars.responses.answers import ANSWERED
from regulars.rules.survey import Question, Survey


@dataclass(frozen=True, slots=True)
class Result:
    """One question: how many answered it, and how. `counts` has every possible answer, including those with 0."""

    question: str
    answered: int
    counts: dict[str, int]
    mean: float | None
    nps: float | None
    """For a scale from 0 to 10: the share of 9 and 10 less that of 0 to 6, in per cent."""
    words: tuple[str, ...]
    """The latest text answers, at most ten."""


def results(connection: Connection, survey: Survey, since: datetime | None = None) -> list[Result]:
    """The survey's questions in order, from the answers since then. Answers of erased clients are deleted."""
    query = select(events.c.data).where(events.c.name == ANSWERED).order_by(events.c.occurred_at, events.c.id)
    if since is not None:
        query = query.where(events.c.occurred_at >= since)
    given: dict[str, list[Any]] = {question.id: [] for question in survey.questions}
    for data in connection.scalars(query, execution_options={"yield_per": 1000}):
        if data.get("survey") == survey.name:
            for name in given.keys() & data.keys():
                given[name].append(data[name])
    return [_result(question, given[question.id]) for question in survey.questions]


def _result(question: Question, answers: list[Any]) -> Result:
    if question.scale is None and question.choices is None:
        words = tuple(str(answer) for answer in answers[-10:][::-1])
        return Result(question.id, len(answers), {}, None, None, words)
    possible = [str(point) for point in question.points] or list(question.choices or ())
    seen = Counter(str(answer) for answer in answers)
    points = [answer for answer in answers if isinstance(answer, int)] if question.scale else []
    mean = sum(points) / len(points) if points else None
    nps = None
    if question.scale == "0-10" and points:
        nps = 100 * (sum(p >= 9 for p in points) - sum(p <= 6 for p in points)) / len(points)
    return Result(question.id, len(answers), {name: seen[name] for name in possible}, mean, nps, ())
