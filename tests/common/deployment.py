"""What compose.yaml and workers/systemd say has to run, read as a test needs it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "workers" / "systemd"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")


def compose() -> dict[str, Any]:
    """compose.yaml as a container engine reads it, before variables are filled in."""
    found = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def ours() -> dict[str, dict[str, Any]]:
    """The services that run Regulars, the one-off upgrade included."""
    return {name: one for name, one in compose()["services"].items() if one["image"] == "regulars"}


def filled(text: str, variables: Mapping[str, str]) -> str:
    """The text with `${NAME}`, `${NAME:-default}` and `${NAME:?}` filled in; KeyError for a required one that lacks."""

    def value(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        return variables.get(name) or default if kind == "-" else variables[name]

    return _VARIABLE.sub(value, text)


def units() -> dict[str, Path]:
    """The units by file name."""
    return {path.name: path for path in sorted(UNITS.glob("*.service"))}


def lines(unit: Path) -> list[tuple[str, str]]:
    """(key, value) of each line of a unit, in its order, sections left out."""
    text = unit.read_text("utf-8")
    return [(key, value) for key, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)]


def words(unit: Path) -> list[str]:
    """What the unit starts: the words after the program, specifiers and variables filled in."""
    found = dict(lines(unit))["ExecStart"]
    variables = dict(value.split("=", 1) for key, value in lines(unit) if key == "Environment")
    return shlex.split(filled(found.replace("%%", "\0").replace("%i", "dispatch"), variables).replace("\0", "%"))
