"""docs/runbook.md: each entry is whole, its commands exist, and the program says what the page says it says."""

from __future__ import annotations

import ast
import re
from functools import cache

import click
import pytest

from regulars.cli import main
from tests.common.deployment import ROOT

PAGE = (ROOT / "docs" / "runbook.md").read_text("utf-8")
ENTRIES = {text.splitlines()[0]: text for text in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]}
SOURCES = ROOT / "src" / "regulars"
CHECKERS = ["operation/doctor.py", "operation/sender_dns.py", "cli/doctor.py"]


def _commands(page: str) -> set[str]:
    """What a page tells to type: each `regulars …`, and each such line of a block."""
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    typed = [part.strip() for block in blocks for part in re.split(r"\n|&&|\s#", block)]
    spans = re.findall(r"`(regulars [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return {one for one in [*typed, *(" ".join(span.split()) for span in spans)] if one.startswith("regulars ")}


def _unknown(typed: str) -> list[str]:
    """The words of a command line that `regulars` does not know."""
    command: click.Command = main
    rest = re.sub(r'"[^"]*"', "TEXT", typed).split()[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            return rest[:1]
        command, rest = found, rest[1:]
    known = {option for param in command.params for option in param.opts} | {"--help"}
    return [word for word in rest if word.startswith("-") and len(word) > 1 and word.split("=")[0] not in known]


@pytest.mark.parametrize("page", ["runbook", "operations", "stopping"])
def test_every_command_exists(page: str) -> None:
    found = _commands(page)
    assert found
    assert {typed: _unknown(typed) for typed in found if _unknown(typed)} == {}


def test_a_command_that_is_not_there_would_be_found() -> None:
    assert _unknown("regulars stop") == ["stop"]
    assert _unknown('regulars pause --al --why "no --such thing"') == ["--al"]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_says_what_is_seen_why_and_what_to_do(entry: str) -> None:
    assert re.findall(r"^- \*\*(\w+):\*\* \S", ENTRIES[entry], re.MULTILINE) == ["Says", "Cause", "Do"]


@cache
def _texts() -> str:
    """Every string of the program; the parts of an f-string as they are."""
    trees = (ast.parse(path.read_text("utf-8")) for path in SOURCES.rglob("*.py"))
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "\n".join(value for value in constants if isinstance(value, str))


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_program_says_so(entry: str) -> None:
    says = " ".join(ENTRIES[entry].partition("- **Cause:**")[0].split())
    parts = [part.strip() for quoted in re.findall(r'"([^"]+)"', says) for part in quoted.split("…") if part.strip()]
    assert [part for part in parts if part not in _texts()] == []


def test_every_check_of_doctor_has_an_entry() -> None:
    checks = set()
    for name in CHECKERS:
        for node in ast.walk(ast.parse((SOURCES / name).read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                first = node.args[0] if node.args else None
                if called in {"ok", "warning", "fault"} and isinstance(first, ast.Constant):
                    checks.add(str(first.value))
    says = " ".join(text.partition("- **Cause:**")[0] for text in ENTRIES.values())
    assert len(checks) > 10
    assert {check for check in checks if not re.search(rf"\b{re.escape(check)}\b", says)} == set()


def test_every_reason_that_it_names_exists() -> None:
    reasons = (ROOT / "docs" / "reasons.md").read_text("utf-8")
    named = {word for text in ENTRIES.values() for word in re.findall(r"`([a-z]+-[a-z]+)`", text)}
    assert {word for word in named if f"| `{word}` |" not in reasons} == set()
