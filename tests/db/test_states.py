"""States and reasons: spelt in one place, each reason in words, and the page that lists them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from regulars.db.states import Reason, State, reason_in_words

ROOT = Path(__file__).parents[2]
# A migration keeps the words of its day.
SOURCES = sorted(path for path in (ROOT / "src" / "regulars").rglob("*.py") if "migrations" not in path.parts)
WORDS = {"state": {str(state) for state in State}, "reason": {str(reason) for reason in Reason}}
_SQL = re.compile(r"\b(state|reason)\s*(?:=|<>|!=|IN\b\s*\()\s*'([a-z-]+)'", re.IGNORECASE)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _texts(node: ast.expr) -> list[str]:
    nodes = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def spelt_out(source: str) -> Iterator[str]:
    """Comparisons with a state or reason that is written as a string, in Python and in SQL; collections of states."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            words = {word for side in sides for word in WORDS.get(_name(side), ())}
            yield from (f"line {node.lineno}: {text}" for side in sides for text in _texts(side) if text in words)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            said = _SQL.findall(node.value)
            yield from (f"line {node.lineno}: {text}" for column, text in said if text in WORDS[column.lower()])
        elif isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 1:
            texts = _texts(node)
            if len(texts) == len(node.elts) and WORDS["state"].issuperset(texts):
                yield f"line {node.lineno}: {', '.join(texts)}"


@pytest.mark.slow
def test_nobody_spells_a_state_or_a_reason() -> None:
    found = {path.relative_to(ROOT).as_posix(): list(spelt_out(path.read_text("utf-8"))) for path in SOURCES}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        'row.state == "sent"',
        'row["reason"] != "cap"',
        'promises.c.state in ("held", "planned")',
        "q = \"UPDATE promises SET code = 1 WHERE promises.state = 'planned'\"",
        "q = \"SELECT 1 FROM promises WHERE reason IN ('cap', 'late')\"",
        'ENDED = ("sent", "failed")',
    ],
)
def test_a_state_that_is_spelt_out_is_found(source: str) -> None:
    assert list(spelt_out(source)) != []


def test_other_words_are_let_pass() -> None:
    assert list(spelt_out('outcome == "sent"; row.state == State.SENT; headings = ("campaign", "held", "sent")')) == []


def test_every_reason_has_words() -> None:
    assert {reason: reason_in_words(reason.value) for reason in Reason} == {reason: reason.words for reason in Reason}
    assert [reason for reason in Reason if not re.fullmatch(r"\w.* .*[^.\s]", reason.words)] == []
    assert len({reason.words for reason in Reason}) == len(Reason)


def test_a_reason_without_words_cannot_be_written() -> None:
    source = (ROOT / "src/regulars/db/states.py").read_text("utf-8")
    forgotten = source.replace("    # Skipped.\n", '    # Skipped.\n    BLACK_FRIDAY = "black-friday"\n')
    assert forgotten != source
    with pytest.raises(TypeError, match="words"):
        exec(compile(forgotten, "states.py", "exec"), {"__name__": "states"})


def test_every_reason_is_given_somewhere() -> None:
    said = "\n".join(path.read_text("utf-8") for path in SOURCES)
    assert [reason.name for reason in Reason if not re.search(rf"\bReason\.{reason.name}\b", said)] == []


def test_a_stored_reason_is_read_back_and_a_later_one_stands_for_itself() -> None:
    assert (str(Reason.CAP), f"{Reason.CAP}", {"cap": 1}[Reason.CAP]) == ("cap", "cap", 1)
    assert (reason_in_words("of-a-later-version"), reason_in_words(None)) == (
        "of-a-later-version",
        "no reason is known",
    )


def test_the_page_lists_every_reason_in_these_words() -> None:
    page = (ROOT / "docs" / "reasons.md").read_text("utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \| (.+?) \|", page, re.MULTILINE) == [(r.value, r.words) for r in Reason]
