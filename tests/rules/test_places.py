"""Where a value stands: to the character, whatever way its author wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.rules.tree import Scalar, data, find, found, spans
from regulars.rules.yaml_source import parse
from tests.rules.folders import read

WAYS = {
    "plain": "when: customer.locale == 'ro' and bad\n",
    "double": "when: \"customer.locale == 'ro' and bad\"\n",
    "single": "when: 'customer.locale == \"ro\" and bad'\n",
    "folded": "when: >\n  customer.locale == 'ro'\n  and bad\n",
    "literal": "when: |-\n\n    customer.locale == 'ro'\n\n      and bad\n",
    "plain over lines": "when: customer.locale\n  == 'ro'\n  and bad\n",
    "double over lines": "when: \"customer.locale\n  == 'ro' and\n  bad\"\n",
    "in a flow mapping": "x: {y: [customer.locale == 'ro' and bad]}\n",
    "with an anchor": "when: &w customer.locale == 'ro' and bad\n",
    "with an anchor and quotes": "when: &w \"customer.locale == 'ro' and bad\"\n",
    "Cyrillic before it": "ключ: {'ж': '', when: customer.locale == 'ro' and bad}\n",
}


@pytest.mark.parametrize("text", WAYS.values(), ids=WAYS)
def test_a_part_of_a_condition_is_found(text: str) -> None:
    root = parse(text.encode(), "f.yaml").root
    assert root is not None
    node = next(n for loc, _ in spans(root) if isinstance(n := find(root, loc), Scalar) and "bad" in n.text)
    span = node.part(node.text.index("bad"), 3)
    row = text.splitlines()[span.line - 1]
    assert row[span.column - 1 : span.column - 1 + span.length] == "bad"


@pytest.mark.parametrize("text", ['when: "a \\"b\\" bad"\n', "when: 'it''s bad'\n"])
def test_after_an_escape_the_whole_text_is_the_place(text: str) -> None:
    root = parse(text.encode(), "f.yaml").root
    node = find(root, ("when",))
    assert isinstance(node, Scalar)
    assert node.part(node.text.index("bad"), 3) == node.span
    assert node.span.column == 7


def test_an_offset_beyond_the_text_stays_on_its_line() -> None:
    root = parse(b"when: customer.locale ==\nemail: x\n", "f.yaml").root
    node = find(root, ("when",))
    assert isinstance(node, Scalar)
    span = node.part(len(node.text), 1)
    assert (span.line, span.column) == (1, 25)


def test_the_rulebook_knows_where_everything_stands(tmp_path: Path) -> None:
    text = (
        "campaigns:\n  thanks:\n    on: purchase\n    steps:\n      - email: thanks\n"
        "      - {email: more, if: \"customer.locale == 'ro'\"}\n"
    )
    book = read(tmp_path, text).rulebook
    assert book is not None
    lines = text.splitlines()
    for loc, written in {
        ("campaigns", "thanks"): "thanks",
        ("campaigns", "thanks", "on"): "purchase",
        ("campaigns", "thanks", "steps"): "steps",
        ("campaigns", "thanks", "steps", 0, "email"): "thanks",
        ("campaigns", "thanks", "steps", 1, "if"): "customer.locale == 'ro'",
    }.items():
        span = book.spans[loc]
        assert lines[span.line - 1][span.column - 1 : span.column - 1 + span.length] == written
    assert book.span("campaigns", "thanks", "steps", 1, "wait") == book.spans["campaigns", "thanks", "steps", 1]
    assert book.span("nowhere") is None


def test_values_are_typed_only_where_they_are_plainly_so() -> None:
    text = (
        "{a: 1, b: -2.5, c: true, d: null, e: ~, f: , g: '1', h: 007, i: 1e5, j: yes, k: 20:30, l: 2026-01-01, m: 0x1F}"
    )
    root = parse(text.encode(), "f.yaml").root
    assert root is not None
    assert data(root, typed=True) == {
        "a": 1, "b": -2.5, "c": True, "d": None, "e": None, "f": None, "g": "1", "h": "007", "i": "1e5", "j": "yes",
        "k": "20:30", "l": "2026-01-01", "m": "0x1F",
    }  # fmt: skip
    assert set(data(root).values()) == {
        "1", "-2.5", "true", None, "007", "1e5", "yes", "20:30", "2026-01-01", "0x1F",
    }  # fmt: skip


def test_what_was_found_in_words() -> None:
    root = parse(b"{a: [], b: [1, 2], c: {}, d: {e: 1}, f: , g: text}", "f.yaml").root
    assert root is not None
    assert [found(find(root, (key,))) for key in "abcdfg"] == [
        "an empty list", "a list of 2", "an empty mapping", "keys (`e`)", "nothing", "`text`",
    ]  # fmt: skip
    assert found(None) == "nothing"
