"""What an import would make of a file: each column with three of its values, and the questions that are open.

Nothing is written and no database is needed. A question is about what must not be guessed: consent, ids, the order of
day and month, decimal marks, statuses; and about a column that is like one that we know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Literal, cast

from regulars.importing import cells
from regulars.importing.columns import LEFT_OUT, Columns
from regulars.importing.consent_columns import ANSWERS
from regulars.importing.layout import Layout
from regulars.importing.options import ImportOptions
from regulars.importing.refused import Refused
from regulars.importing.report import Kind
from regulars.importing.row_source import Record
from regulars.importing.rows import Row, read_row
from regulars.importing.seen_keys import Seen
from regulars.importing.service import importer_for, open_source

_SAMPLE = 5_000
"""Rows that are looked at for values and questions; what comes later is refused row by row, with the same hint."""
_VALUES = 3
_MOST_WORDS = 20
"""Questions about words of one column; a column with more has something else in it."""
About = Literal["column", "needed", "dates", "decimal", "status", "consent"]
_ASKED_BY = re.compile(r"`--(dates|decimal|status|consent)\b")
"""A hint of a refused cell names the option that answers it."""
_WORDS_OF: dict[str, tuple[tuple[str, str], ...]] = {
    "dates": (("dmy", "the day comes first"), ("mdy", "the month comes first")),
    "serial": (("excel", "they are day numbers of a spreadsheet"),),
    "decimal": ((".", "the point: 1.5 is one and a half"), (",", "the comma: 1,5 is one and a half")),
    "status": (
        ("paid", "such an order counts"), ("unpaid", "it is no purchase"), ("refunded", "it was paid back"),
    ),
    "consent": (
        ("yes", "they agreed to emails"), ("no", "they left"), ("never", "they never agreed"),
        ("blocked", "no email at all"), ("bounced", "the address does not work"), ("complained", "they complained"),
        ("-", "it says nothing about emails"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What must be answered; each answer with its words. `columns`: for `needed`, those that could be meant."""

    about: About
    subject: str
    """The column, or the word of a status or of consent."""
    text: str
    answers: tuple[tuple[str, str], ...]
    columns: tuple[str, ...] = ()

    def answered(self, layout: Layout, answer: str, column: str = "") -> Layout:
        """The layout with the answer; `column` is the one that `needed` was answered with."""
        match self.about:
            case "column":
                return replace(layout, mapping={**layout.mapping, self.subject: answer})
            case "needed":
                return replace(layout, mapping={**layout.mapping, column: answer})
            case "dates":
                return replace(layout, dates=cast("Literal['dmy', 'mdy', 'excel']", answer))
            case "decimal":
                return replace(layout, decimal=cast("Literal['.', ',']", answer))
            case "status":
                return replace(layout, statuses={**layout.statuses, self.subject: answer})
            case "consent":
                return replace(layout, consent={**layout.consent, self.subject: ANSWERS[answer]})

    def option(self, answer: str) -> str:
        """The option of `regulars import` that gives the answer."""
        match self.about:
            case "column":
                return f'--map "{self.subject}={answer}"'
            case "needed":
                return f'--map "COLUMN={answer}"'
            case "status" | "consent":
                return f'--{self.about} "{self.subject}={answer}"'
            case _:
                return f"--{self.about} {answer}"


@dataclass(frozen=True, slots=True)
class ReviewedColumn:
    """A column of the file: what it became, if anything, and up to three different values."""

    header: str
    became: str | None
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """All columns in the order of the file, the open questions, and the fields that a column can become."""

    header: tuple[str, ...]
    columns: list[ReviewedColumn]
    questions: list[Question]
    fields: tuple[str, ...] = field(default=())


def review_file(
    kind: Kind, path: Path, layout: Layout, options: ImportOptions, *, now: datetime, secret: bytes
) -> Review:
    """Looks at the file as `import_file` would read it. Raises Invalid when it cannot be read as a whole, NotFound."""
    options = layout.applied(options)
    with open_source(kind, path, options) as source, Seen() as seen:
        importer = importer_for(kind, options, now, secret, seen)
        columns = _Review(source, importer.columns(), layout.mapping, importer.recogniser)
        records = list(islice(source, _SAMPLE))
        header = tuple(source.header) if source.header is not None else _keys(records)
        columns.settle(header)
        columns.require_mapped(1)
        asked = columns.questions() + [_needed(columns, choice) for choice in _missing(columns, importer.needed)]
        asked += _about_cells(columns, records)
    values = _values(header, records)
    shown = [
        ReviewedColumn(name, columns.used[name].name if name in columns.used else None, values[name])
        for name in header
        if name
    ]
    return Review(header, shown, asked, tuple(column.name for column in importer.columns()))


def header_of(kind: Kind, path: Path, options: ImportOptions) -> tuple[str, ...]:
    """The names of the file's columns; of JSON Lines the keys of the first rows. Raises Invalid, NotFound."""
    with open_source(kind, path, options) as source:
        return tuple(source.header) if source.header is not None else _keys(islice(source, _SAMPLE))


def _keys(records: Iterable[Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for record in records for name in record.cells))


class _Review(Columns):
    """Columns whose questions are collected instead of raised."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.about_consent: list[str] = []

    def _ask(self, headers: Iterable[str]) -> None:
        further = self._further
        self.about_consent += [name for name in headers if further and further.question(name, self.source)]

    def questions(self) -> list[Question]:
        """Those about columns: first consent, then names that are like one of ours."""
        consent = [
            Question("column", name, f"`{name}` may be about consent. What does a yes in it mean?", (
                ("subscribed", "they want emails"), ("unsubscribed", "they do not want emails"),
                (LEFT_OUT, "nothing about emails"),
            ))
            for name in self.about_consent
        ]  # fmt: skip
        like = [
            Question("column", name, f"`{name}` is like `{near}`. What is it?", (
                (near, f"it is `{near}`"), (LEFT_OUT, "something else; leave it out"),
            ))
            for name, near in self.ignored.items()
            if near is not None and name not in self.about_consent and near not in self.names
        ]  # fmt: skip
        return consent + like


def _missing(columns: Columns, needed: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    return (choice for choice in needed if not columns.names.intersection(choice))


def _needed(columns: Columns, choice: tuple[str, ...]) -> Question:
    names = " or ".join(f"`{name}`" for name in choice)
    answers = tuple((name, f"it is `{name}`") for name in choice)
    return Question("needed", choice[0], f"No column is {names}. Which one is it?", answers, tuple(columns.ignored))


def _about_cells(columns: Columns, records: Iterable[Record]) -> list[Question]:
    """The questions that refused cells ask, each once."""
    found: dict[tuple[str, str], Question] = {}
    for record in records:
        if record.fault:
            continue
        row = read_row(record, columns)
        for fault in row.faults:
            _add(found, fault.hint, fault.column or "", str(record.cells.get(fault.column or "", "")))
        _add_lenient(found, columns, row)
    return list(found.values())


def _add_lenient(found: dict[tuple[str, str], Question], columns: Columns, row: Row) -> None:
    """Optional cells are left out when they cannot be read; the order of their dates is asked about all the same."""
    if ("dates", "") in found:
        return
    for header, column in columns.used.items():
        raw = row.cells.get(header)
        if column.lenient and column.key not in row.values and isinstance(raw, str) and raw.strip():
            try:
                column.read(cells.without_marks(raw))
            except Refused as refused:
                _add(found, refused.hint, header, raw)


def _add(found: dict[tuple[str, str], Question], hint: str | None, header: str, raw: str) -> None:
    option = _ASKED_BY.search(hint or "")
    if option is None:
        return
    about = cast("About", option[1])
    word = " ".join(raw.split())[:40]
    key = (about, word if about in ("status", "consent") else "")
    if key in found or sum(one.about == about for one in found.values()) >= _MOST_WORDS:
        return
    texts = {
        "dates": f"`{word}` in `{header}` can be read in two ways. Which comes first?",
        "decimal": f"`{word}` in `{header}` can be read in two ways. Which is the decimal mark?",
        "status": f"What does `{word}` in `{header}` say of an order?",
        "consent": f"What does `{word}` in `{header}` say about emails?",
    }
    kind = "serial" if "excel" in (hint or "") and about == "dates" else about
    text = f"`{word}` in `{header}` is not a date. What are such numbers?" if kind == "serial" else texts[about]
    found[key] = Question(about, key[1], text, _WORDS_OF[kind])


def _values(header: Sequence[str], records: Sequence[Record]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {name: {} for name in header}
    for record in records:
        for name, raw in record.cells.items():
            value = " ".join(str(raw).split()) if raw is not None else ""
            if value and name in found and len(found[name]) < _VALUES:
                found[name].setdefault(value.encode("utf-8", "backslashreplace").decode())
    return {name: tuple(values) for name, values in found.items()}
