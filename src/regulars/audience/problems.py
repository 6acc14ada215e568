"""Problems of a condition: the place in its text, and how to correct it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem; `offset` and `length` count characters of the condition's text."""

    offset: int
    length: int
    message: str
    expected: str | None = None
    hint: str | None = None


class ExpressionErrors(Exception):
    """A condition that cannot be used; `problems` has all its problems, in order of the text."""

    def __init__(self, text: str, problems: list[Problem]) -> None:
        self.text = text
        self.problems = sorted(problems, key=lambda p: p.offset)
        super().__init__("; ".join(p.message for p in self.problems))


class Wrong(Exception):
    """Carries one problem from where it is found to where problems are recorded."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)
