"""Checks the questions of emails about their clients, such as `{% if in_segment('best') %}`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regulars.audience.expression import parse
from regulars.audience.problems import ExpressionErrors
from regulars.audience.vocabulary import FUNCTIONS, Catalogue
from regulars.core.diagnostics import Diagnostic
from regulars.render.client_questions import Question
from regulars.render.compile import Templates
from regulars.rules.segments import uses_in


def check(templates: Templates, emails: Iterable[str], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """A fault for each question that cannot be asked, once for each place."""
    seen = set()
    for question in _all(templates, emails):
        for fault in _faults(question, catalogue):
            if fault not in seen:
                seen.add(fault)
                yield fault


def segments_in(templates: Templates, emails: Iterable[str]) -> set[str]:
    """The segments that emails ask about."""
    return {use.name for question in _all(templates, emails) for use in uses_in(question.text or "")}


def _all(templates: Templates, emails: Iterable[str]) -> Iterator[Question]:
    for email in emails:
        yield from templates.asks(email)


def _faults(question: Question, catalogue: Catalogue) -> Iterator[Diagnostic]:
    if question.text is None:
        message = f"`{question.name}` takes texts in quotes: its answer is looked up before the email is written"
        yield Diagnostic("A009", message, question.span(), expected=f"`{FUNCTIONS[question.name].usage}`")
        return
    try:
        parse(question.text, catalogue)
    except ExpressionErrors as errors:
        for problem in errors.problems:
            place = question.span(question.text[problem.offset : problem.offset + problem.length])
            yield Diagnostic("A009", problem.message, place, expected=problem.expected, hint=problem.hint)
