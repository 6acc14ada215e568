"""Maps the columns of a source: by the user's mapping, by name, by synonyms."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from regulars.core.diagnostics import Diagnostic, did_you_mean, nearest
from regulars.core.errors import Invalid
from regulars.importing.cells import Reader
from regulars.importing.numbers import mark_of
from regulars.importing.row_source import RowSource


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a row can have: its name, the reader of its cells, and its synonyms."""

    name: str
    read: Reader
    words: tuple[str, ...] = ()
    slot: str = ""
    """The key of the value in a row, if not the name."""
    lenient: bool = False
    """Whether a cell that cannot be read is left out with a warning, and its row is kept."""
    with_mark: Callable[[str], Reader] | None = None
    """Makes the reader of numbers with the given decimal mark."""

    @property
    def key(self) -> str:
        """The key of the value in a row."""
        return self.slot or self.name


def plain_name(header: str) -> str:
    """A header without case, accents, spaces and punctuation: `E-Mail` and `e_mail` are equal."""
    return "".join(c for c in unicodedata.normalize("NFKD", header.casefold()) if c.isalnum())


class Recogniser(Protocol):
    """Knows columns beyond the importer's own, any number of them, and asks about those that it must not pass over."""

    repeated: frozenset[str]
    """Names that the user may map several columns to."""

    def mapped(self, header: str, name: str) -> Column:
        """The column of a header that the user mapped to one of these names."""

    def known(self, header: str, others: Sequence[str], source: RowSource) -> Column | None:
        """The column of the header; `others` stand beside it."""

    def question(self, header: str, source: RowSource) -> Diagnostic | None:
        """Why a source with this header is refused, if it is."""


LEFT_OUT = "-"
"""The target that a user maps a column to so that it is not read."""
_CERTAIN_ONLY = frozenset({"id", "customer", "alias", "email_hash", "subscribed", "unsubscribed", "granted"})
"""Columns that are not suggested for a name that is only like theirs: a wrong id or consent cannot be undone."""
_MOST = 1_000
"""Maximum columns of one source; rows whose keys are data would have more."""


@dataclass(slots=True)
class _Warning:
    """How often something was found, and where first."""

    example: str
    count: int = 0


class Columns:
    """The columns of one source, mapped as headers appear; rows that name their own cells can add new ones later."""

    def __init__(
        self, source: RowSource, known: Sequence[Column], mapping: Mapping[str, str], further: Recogniser | None = None
    ) -> None:
        self.source = source
        self._further = further
        self._known = {column.name: column for column in known}
        self._exact = {plain_name(column.name): column for column in known}
        self._words: dict[str, Column] = {}
        for column in known:
            for word in column.words:
                self._words.setdefault(plain_name(word), column)
        self._mapping = self._checked(mapping)
        self.used: dict[str, Column] = {}
        self.headers: dict[str, str] = {}
        """The source's name of a value's column."""
        self.ignored: dict[str, str | None] = {}
        self._decided: set[str] = set()
        self._warnings: dict[tuple[str, str], _Warning] = {}

    def settle(self, headers: Iterable[str]) -> None:
        """Maps each header: first the user's mapping, then exact names, then those of the recogniser, then synonyms.

        Raises Invalid when the recogniser has a question about a header.
        """
        fresh = [h for h in headers if h and h not in self.used and h not in self.ignored]
        self.ignored |= {h: None for h in fresh if self._mapping.get(h) == LEFT_OUT}
        fresh = [h for h in fresh if h not in self.ignored]
        if len(self.used) + len(self.ignored) + len(fresh) > _MOST:
            raise Invalid([self.source.diagnostic("D001", f"{self.source.has} more than {_MOST:,} columns")])
        guesses: tuple[Callable[[str], Column | None], ...] = (
            self._mapped,
            lambda header: self._exact.get(plain_name(header)),
            lambda header: self._further.known(header, fresh, self.source) if self._further else None,
            lambda header: self._words.get(plain_name(header)),
        )
        found: dict[str, Column] = {}
        for guess in guesses:
            for header in fresh:
                column = guess(header)
                taken = {one.key for one in (*self.used.values(), *found.values())}
                if column is not None and header not in found and column.key not in taken:
                    found[header] = column
        self._ask(header for header in fresh if header not in found)
        for header in fresh:
            if header in found:
                self.used[header] = found[header]
                self.headers[found[header].key] = header
            else:
                self.ignored[header] = None if header.startswith("_") else self._like(header)

    def warn(self, header: str, what: str, example: str) -> None:
        """Counts a warning about a cell; the first one is the example."""
        self._warnings.setdefault((header, what), _Warning(example)).count += 1

    @property
    def warnings(self) -> list[str]:
        """Warnings about cells, counted, and what was left out around the rows."""
        return [
            *self.source.notes,
            *(
                f"{warning.count:,} cells of `{header}` {what}: {warning.example}"
                for (header, what), warning in self._warnings.items()
            ),
        ]

    def decide(self, header: str) -> Column | None:
        """The column with the decimal mark that its cells show as a whole; None where they do not."""
        column = self.used[header]
        if column.with_mark is None or header in self._decided:
            return None
        self._decided.add(header)
        again = self.source.again()
        mark = None if again is None else mark_of(record.cells.get(header) for record in again)
        if mark is None:
            return None
        self.used[header] = replace(column, read=column.with_mark(mark))
        return self.used[header]

    def _mapped(self, header: str) -> Column | None:
        name = self._mapping.get(header, "")
        if self._further and name in self._further.repeated:
            return self._further.mapped(header, name)
        return self._known.get(name)

    def _ask(self, headers: Iterable[str]) -> None:
        """Raises Invalid with the recogniser's questions about these headers."""
        if self._further:
            asked = [self._further.question(header, self.source) for header in headers]
            if questions := [one for one in asked if one]:
                raise Invalid(questions)

    @property
    def names(self) -> set[str]:
        """The mapping of the source's columns."""
        return {column.name for column in self.used.values()}

    def require(self, needed: Sequence[tuple[str, ...]], line: int) -> None:
        """Raises Invalid unless, of each tuple, the source has at least one."""
        missing = [choice for choice in needed if not self.names.intersection(choice)]
        if missing:
            raise Invalid([self._missing(choice, line) for choice in missing])

    def require_mapped(self, line: int) -> None:
        """Raises Invalid when the user's mapping names a column that the source does not have."""
        absent = [header for header in self._mapping if header not in self.used and header not in self.ignored]
        if absent:
            have = [*self.used, *self.ignored]
            raise Invalid(
                [
                    self.source.diagnostic(
                        "D003", f"{self.source.has} no column `{name}`", line=line, hint=did_you_mean(name, have)
                    )
                    for name in absent
                ]
            )

    def _missing(self, choice: tuple[str, ...], line: int) -> Diagnostic:
        names = " or ".join(f"`{name}`" for name in choice)
        closest = next((h for h, name in self.ignored.items() if name in choice), None)
        example = f'`--map "{closest or "your column"}={choice[0]}"`'
        have = ", ".join(f"`{header}`" for header in [*self.used, *self.ignored]) or "none"
        return self.source.diagnostic(
            "D002",
            f"no column for {names}",
            line=line,
            expected=f"the first line to name the columns; it names {have}",
            hint=f"say which one it is: {example}",
        )

    def _checked(self, mapping: Mapping[str, str]) -> dict[str, str]:
        wrong = [target for target in mapping.values() if target not in self._known and target != LEFT_OUT]
        if wrong:
            names = ", ".join(self._known)
            raise Invalid(
                [
                    Diagnostic("D004", f"nothing is called `{t}`", expected=names, hint=did_you_mean(t, self._known))
                    for t in wrong
                ]
            )
        several = {LEFT_OUT, *(self._further.repeated if self._further else ())}
        twice = sorted({t for t in mapping.values() if t not in several and list(mapping.values()).count(t) > 1})
        if twice:
            raise Invalid([Diagnostic("D004", f"two columns are mapped to `{twice[0]}`")])
        return dict(mapping)

    def _like(self, header: str) -> str | None:
        found = nearest(plain_name(header), [*self._exact, *self._words])
        if found is None:
            return None
        name = (self._exact.get(found) or self._words[found]).name
        return None if name in _CERTAIN_ONLY and found != plain_name(header) else name
