"""The answers about layouts of files, kept in `imports.yaml` in the workspace.

The file is beside the rules, not in `var/`, because an answer such as "a yes in `Club` means that they want emails" is
a decision of the business: it is reviewed and committed like a rule, and holds on every machine. It has names of
columns and words only, no row of a file. A layout is known by its kind and the names of its columns, in any order.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from regulars.core.diagnostics import Diagnostic, Span, did_you_mean
from regulars.core.errors import EnvironmentFailed, Invalid
from regulars.importing.consent_columns import ANSWERS
from regulars.importing.layout import Layout
from regulars.importing.order_status import ANSWERS as STATUSES
from regulars.importing.report import Kind
from regulars.render import yaml_file

NAME = "imports.yaml"
_HEAD = """\
# What the columns and words of files mean, as `regulars import` was answered: the next file with the same columns is
# not asked about. Regulars writes this file; it may be edited, and is meant to be committed.
"""
_KEYS = ("columns", "map", "dates", "decimal", "scale", "status", "consent")
_CHOICES = {"dates": ("dmy", "mdy", "excel"), "decimal": (".", ",")}
_CONSENT_WORDS = {state: word for word, state in ANSWERS.items()}
_MOST_BYTES = 1_000_000


def kept_layout(root: Path, kind: Kind, header: Sequence[str]) -> Layout:
    """What is known of files with these columns; an empty layout if nothing. Raises Invalid with D006."""
    path = root / NAME
    for number, entry in enumerate(_entries(path, kind)):
        layout = _layout(path, f"{kind}[{number}]", entry)
        if set(entry["columns"]) == set(header):
            return layout
    return Layout()


def keep_layout(root: Path, kind: Kind, header: Sequence[str], layout: Layout) -> Path:
    """Writes the answers for files with these columns, in the place of earlier ones; returns the file."""
    path = root / NAME
    whole = _document(path)
    others = [entry for entry in _entries(path, kind) if set(entry["columns"]) != set(header)]
    whole[str(kind)] = [*others, {"columns": list(header), **_plain(layout)}]
    text = _HEAD + yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, width=110)
    fresh = path.with_name(f".{NAME}-{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise EnvironmentFailed(f"cannot write {path}: {error.strerror}") from error
    return path


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _faulty(path, f"is longer than {_MOST_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise _faulty(path, "is not UTF-8") from None
    except OSError as error:
        raise EnvironmentFailed(f"cannot read {path}: {error.strerror}") from error
    found = yaml_file.load(text, str(path))
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _faulty(path, "is not a list of layouts by kind", expected="`customers:`, and below it the layouts")
    for kind in found:
        if kind not in list(Kind):
            raise _faulty(path, f"`{kind}` is not a kind of import", hint=did_you_mean(str(kind), list(Kind)))
    return found


def _entries(path: Path, kind: Kind) -> list[dict[str, Any]]:
    found = _document(path).get(str(kind)) or []
    if not isinstance(found, list):
        raise _faulty(path, f"`{kind}` is not a list of layouts")
    for number, entry in enumerate(found):
        columns = entry.get("columns") if isinstance(entry, dict) else None
        if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
            raise _faulty(path, f"`{kind}[{number}].columns` is not a list of names of columns")
        for key in entry:
            if key not in _KEYS:
                hint = did_you_mean(str(key), _KEYS)
                raise _faulty(path, f"`{kind}[{number}]` has the unknown key `{key}`", ", ".join(_KEYS), hint)
    return found


def _layout(path: Path, place: str, entry: Mapping[str, Any]) -> Layout:
    """A layout of checked values; nothing in the file is taken for another thing than it says."""
    for key, allowed in _CHOICES.items():
        if entry.get(key) is not None and entry[key] not in allowed:
            raise _faulty(path, f"`{place}.{key}` is `{entry[key]}`", expected=" or ".join(allowed))
    words = {key: _words(path, f"{place}.{key}", entry.get(key)) for key in ("map", "scale", "status", "consent")}
    for key, allowed in (("status", STATUSES), ("consent", tuple(ANSWERS))):
        for word, answer in words[key].items():
            if answer not in allowed:
                raise _faulty(path, f"`{place}.{key}` says `{answer}` of `{word}`", expected=" or ".join(allowed))
    try:
        scale = {name: Decimal(factor) for name, factor in words["scale"].items()}
    except InvalidOperation:
        raise _faulty(path, f"`{place}.scale` has something else than numbers") from None
    consent = {word: ANSWERS[answer] for word, answer in words["consent"].items()}
    return Layout(words["map"], entry.get("dates"), entry.get("decimal"), scale, words["status"], consent)


def _words(path: Path, place: str, value: Any) -> dict[str, str]:
    """Texts by text. YAML 1.1 reads `yes` without quotation marks as true, and a number as one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _faulty(path, f"`{place}` is not a list of pairs such as `Club: subscribed`")
    return {_word(key): _word(answer) for key, answer in value.items()}


def _word(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _plain(layout: Layout) -> dict[str, Any]:
    stated = {
        "map": dict(layout.mapping), "dates": layout.dates, "decimal": layout.decimal,
        "scale": {name: str(factor) for name, factor in layout.scale.items()}, "status": dict(layout.statuses),
        "consent": {word: _CONSENT_WORDS[state] for word, state in layout.consent.items()},
    }  # fmt: skip
    return {key: value for key, value in stated.items() if value}


def _faulty(path: Path, message: str, expected: str | None = None, hint: str | None = None) -> Invalid:
    return Invalid([Diagnostic("D006", f"{NAME}: {message}", Span(str(path), 1, 1), expected=expected, hint=hint)])
