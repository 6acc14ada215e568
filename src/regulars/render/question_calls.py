"""The functions that an email calls to ask about its client; each looks up an answer that was found before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

QUESTIONS = ("in_segment", "bought", "did", "has_upcoming")
"""Functions of conditions that emails can call; each gives yes or no."""


def call_text(name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
    """The call as a condition: the key of its answer."""
    written = [repr(each) for each in arguments] + [f"{key}={value!r}" for key, value in sorted(named.items())]
    return f"{name}({', '.join(written)})"


class QuestionCall:
    """One of the functions, with the answers for one client; no where there is no answer, as without a client."""

    __slots__ = ("_answers", "_name")

    def __init__(self, name: str, answers: Mapping[str, bool]) -> None:
        self._name, self._answers = name, answers

    def __call__(self, *arguments: Any, **named: Any) -> bool:
        """The answer."""
        return self._answers.get(call_text(self._name, arguments, named), False)


def question_calls(answers: Mapping[str, bool]) -> dict[str, QuestionCall]:
    """The functions for one client."""
    return {name: QuestionCall(name, answers) for name in QUESTIONS}
