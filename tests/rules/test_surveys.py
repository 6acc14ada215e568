"""Surveys in rule files: read with their languages, and told where they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.folders import read

HEAD = """\
company: {name: Studio, from: Studio <hello@studio.example>, address: 7 Flower Street}
surveys:
  quality:
    title: How did we do?
    questions:
"""


def test_questions_are_read_with_their_kinds_and_languages(tmp_path: Path) -> None:
    questions = """\
      - {id: score, ask: {en: How was it?, uk: Як це було?}, scale: 0-10, low: Bad, high: Good}
      - {id: again, ask: Again?, choices: {yes: {en: Yes}, no: No}}
      - {id: words, ask: Tell us}
"""
    book = read(tmp_path, HEAD + questions).rulebook
    assert book is not None
    survey = book.surveys["quality"]
    assert (survey.name, survey.title) == ("quality", {"": "How did we do?"})
    score, again, words = survey.questions
    assert (list(score.points), score.ask["uk"]) == (list(range(11)), "Як це було?")
    assert again.choices == {"yes": {"en": "Yes"}, "no": {"": "No"}}
    assert (list(words.points), words.choices) == ([], None)


@pytest.mark.parametrize(
    ("questions", "code", "says"),
    [
        ("      - {id: a, ask: A?}\n      - {id: a, ask: B?}\n", "R005", "quality"),
        ("      - {id: survey, ask: A?}\n", "R005", "quality"),
        ("      - {id: a, ask: A?, scale: 1-10, choices: {x: X}}\n", "R005", "0"),
        ("      - {id: a, ask: A?, scale: 1-9}\n", "R004", "scale"),
        ("      - {id: a, ask: A?, scael: 1-10}\n", "R001", "scael"),
        ("      - {id: a}\n", "R002", "ask"),
        ("      []\n", "R005", "quality"),
    ],
)
def test_a_faulty_survey_is_told(tmp_path: Path, questions: str, code: str, says: str) -> None:
    loaded = read(tmp_path, HEAD + questions)
    assert [fault.code for fault in loaded.diagnostics] == [code]
    assert says in loaded.diagnostics[0].message
