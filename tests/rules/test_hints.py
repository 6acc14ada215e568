"""Hints lead nobody from a harmless word to a harmful one; an error names the bracket that was typed, and once."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from regulars.cli import COMMANDS, NEVER_HINTED, main
from regulars.core.diagnostics import did_you_mean, is_slip
from regulars.rules.model import Campaign
from regulars.rules.validation_messages import CAREFUL, PHRASE_WORDS
from tests.rules.folders import read

HARMLESS = ("fill", "refill", "send", "ignition", "optional", "tall", "call", "was-it", "translation", "gain")
"""Words of their own that look like keys and words which mail more people, mail again or lift a protection."""


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("backfil", "backfill"), ("bakcfill", "backfill"), ("backfilll", "backfill"), ("Backfill", "backfill"),
        ("transaction", "transactional"), ("ignored", "ignore"), ("resnd", "resend"),
        ("optout", "opt-out"), ("agian", "again"),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen_is_told_from_another_word(word: str, meant: str) -> None:
    assert is_slip(word, meant)
    assert did_you_mean(word, [meant, "priority"], CAREFUL) == f"did you mean `{meant}`?"


@pytest.mark.parametrize("word", HARMLESS)
def test_no_other_word_leads_to_a_careful_one(word: str) -> None:
    candidates = {
        *Campaign.model_fields,
        *PHRASE_WORDS,
        "transactional",
        "marketing",
        "keep",
        "resend",
        "ignore",
        "opt-out",
    }
    hint = did_you_mean(word, candidates, CAREFUL)
    assert hint is None or not any(f"`{careful}`" in hint for careful in CAREFUL)


@pytest.mark.parametrize(
    ("line", "hinted"),
    {
        "backfil: all": "`backfill`",
        "fill: all": None,
        "kind: transaction": "`transactional`",
        "quiet_hours: ignored": "`ignore`",
        "prority: 3": "`priority`",
    }.items(),
)
def test_keys_and_words_of_a_campaign(tmp_path: Path, line: str, hinted: str | None) -> None:
    (fault,) = read(tmp_path, f"campaigns:\n  a:\n    on: purchase\n    email: x\n    {line}\n").diagnostics
    assert fault.hint == (f"did you mean {hinted}?" if hinted else None)


@pytest.mark.parametrize("typed", ["pause", "stop", "delete", "remove", "please", "allies"])
def test_a_command_that_does_not_exist_leads_to_a_harmless_one_or_to_the_list(typed: str) -> None:
    told = CliRunner().invoke(main, [typed]).stderr
    assert any(f"did you mean `{name}`" in told for name in COMMANDS.keys() - NEVER_HINTED) or "--help" in told


@pytest.mark.parametrize(
    ("value", "opened"),
    [
        ("[{email: x, {email: y}]", "{"),
        ("{email: x, {email: y}", "{"),
        ("[{email: x}, {email: y}", "["),
        ("[{email: x]", "{"),
        ("[{email: x}, [{email: y}]", "["),
        ("[x", "["),
        ("[x}", "["),
        ("{x: y]", "{"),
    ],
)
def test_an_open_bracket_is_one_fault_and_is_named_as_it_was_typed(tmp_path: Path, value: str, opened: str) -> None:
    (fault,) = read(tmp_path, f"campaigns:\n  a:\n    on: purchase\n    steps: {value}\n").diagnostics
    assert fault.code == "Y001"
    assert fault.message.startswith(f"this `{opened}` is never closed")
    assert fault.span is not None
    assert f"    steps: {value}"[fault.span.column - 1] == opened


@pytest.mark.parametrize(("key", "bracket"), [("{a: b}", "{"), ("[a, b]", "[")])
def test_a_key_in_brackets_is_told_to_be_quoted(tmp_path: Path, key: str, bracket: str) -> None:
    faults = read(tmp_path, f"campaigns:\n  a:\n    {key}: x\n    on: purchase\n    email: x\n").diagnostics
    assert [(fault.code, fault.hint) for fault in faults] == [
        ("Y011", f"text that begins with `{bracket}` goes in quotes")
    ]
