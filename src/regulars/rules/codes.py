"""Every diagnostic of the rule files: its meaning, and an example before and after its correction.

docs/diagnostics.md is made from this table, and a test runs each example: the wrong one must give its code, the right
one must not. An example is a rule file beside a valid `company.yaml`, unless it has its own `company:`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of fault. `encoding` is that of the wrong example's file."""

    code: str
    title: str
    meaning: str
    wrong: str
    right: str
    warning: bool = False
    encoding: str = "utf-8"
    language: str = "yaml"


def campaign(*lines: str, email: bool = True) -> str:
    """A campaign of an example: its lines, completed with an `email`."""
    body = (*lines, "email: win-back") if email else lines
    return "campaigns:\n  win-back:\n" + "".join(f"    {line}\n" for line in body)


def page(sections: Mapping[str, Iterable[Code]], intro: str) -> str:
    """The codes as a Markdown page, a heading for each section."""
    parts = [intro.rstrip() + "\n"]
    for title, codes in sections.items():
        parts.append(f"## {title}\n")
        parts += [_entry(code) for code in codes]
    return "\n".join(parts)


def _entry(code: Code) -> str:
    note = " (a warning: the work goes on)" if code.warning else ""
    text = f"### {code.code}: {code.title}\n\n{code.meaning}{note}\n\n"
    for word, example in (("Wrong", code.wrong), ("Right", code.right)):
        if example.strip():
            text += f"{word}:\n\n```{code.language}\n{example.rstrip()}\n```\n\n"
    return text.rstrip() + "\n"
