"""Reads what a row says about consent: which columns are about it, and what each cell and the whole row say.

A column or a word that is not understood is refused with the question, never passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from regulars.core.diagnostics import Diagnostic
from regulars.db.types import from_micros
from regulars.importing import cells, date_formats
from regulars.importing.columns import Column, plain_name
from regulars.importing.consent_columns import (
    ASIDES,
    CHANNELS,
    FILES,
    HINTS,
    MAILCHIMP_ID,
    NAMES,
    NEWSLETTER,
    NOTHING,
    PARTNERS,
    SUBSCRIBED,
    TOOLS,
    UNSUBSCRIBED,
    WORDS,
    ConsentState,
    Form,
    Meaning,
)
from regulars.importing.options import ImportOptions
from regulars.importing.refused import Refused
from regulars.importing.row_source import RowSource

CONSENT = "consent"
"""The meaning of the columns in a report, and the prefix of their keys in a row."""
OWN_NAMES: Mapping[str, Meaning] = {"subscribed": SUBSCRIBED, "unsubscribed": UNSUBSCRIBED}

_MEANINGS = {plain_name(name): meaning for columns in TOOLS.values() for name, meaning in columns.items()}
_STATES = {plain_name(word): state for state, words in WORDS.items() for word in words}
_NOTHING = frozenset(plain_name(word) for word in NOTHING)
_HINTS = tuple(plain_name(part) for part in HINTS)
_ASKED = frozenset(plain_name(name) for name in NAMES)
_NOES = frozenset(plain_name(word) for word in ("no", "false", "f", "n", "off", "нет", "ні", "nu", "ei"))
_WORDS_KEPT = 200
_NO = frozenset({ConsentState.NEVER, ConsentState.LEFT, ConsentState.BLOCKED, ConsentState.COMPLAINED})
_GRAVITY = list(ConsentState)
"""From the mildest to the gravest."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one cell says."""

    state: ConsentState | None
    at: datetime | None = None
    words: str | None = None
    """A reason in the file's words."""
    unread: bool = False
    """Whether the cell has a date that cannot be read."""


@dataclass(frozen=True, slots=True)
class ConsentWord:
    """What a row says about emails to its person. A no in any column is a no."""

    statements: tuple[Statement, ...]

    @property
    def states(self) -> frozenset[ConsentState]:
        """All states that the row names."""
        return frozenset(one.state for one in self.statements if one.state)

    @property
    def granted(self) -> bool | None:
        """A yes, a no, or None where the row has no answer."""
        if self.states & _NO:
            return False
        return True if ConsentState.SUBSCRIBED in self.states else None

    @property
    def gravest(self) -> ConsentState:
        """The state that says most against an email."""
        return max(self.states, key=_GRAVITY.index, default=ConsentState.SILENT)

    @property
    def at(self) -> datetime | None:
        """The date of the yes or the no."""
        return self.date_of(_NO if self.granted is False else {ConsentState.SUBSCRIBED})

    def date_of(self, states: Collection[ConsentState]) -> datetime | None:
        """The latest date of these states, else one that belongs to no state."""
        dated = [(one.state, one.at) for one in self.statements if one.at]
        theirs = [at for state, at in dated if state in states]
        return max(theirs or [at for state, at in dated if state is None], default=None)

    @property
    def reason(self) -> str | None:
        """The reason in the file's words, if it has one."""
        return next((one.words for one in self.statements if one.words), None)

    @property
    def unread(self) -> bool:
        """Whether a date could not be read."""
        return any(one.unread for one in self.statements)

    def joined(self, other: ConsentWord) -> ConsentWord:
        """The word of two rows about one client."""
        return ConsentWord((*self.statements, *other.statements))


class ConsentColumns:
    """The columns about consent of one source. If `strict`, what is not understood is refused, else kept as words."""

    repeated = frozenset(OWN_NAMES)

    def __init__(self, options: ImportOptions, now: datetime, *, strict: bool = True) -> None:
        self._options = options
        self._strict = strict
        self._date = date_formats.moment(options.dates, options.timezone, now)
        self._blanks: dict[str, Statement] = {}

    def own(self) -> list[Column]:
        """The importer's own columns, `subscribed` and `unsubscribed`."""
        return [Column(name, self._reader(name, meaning)) for name, meaning in OWN_NAMES.items()]

    def mapped(self, header: str, name: str) -> Column:
        """A column that the user says is `subscribed` or `unsubscribed`; there can be several."""
        return Column(name, self._reader(header, OWN_NAMES[name]), slot=f"{CONSENT}:{header}")

    def known(self, header: str, others: Sequence[str], source: RowSource) -> Column | None:
        """The column of a header in the table; `others` are the headers beside it."""
        meaning = _MEANINGS.get(plain_name(header))
        if header == MAILCHIMP_ID and (state := _state_of_file(source)):
            return Column(CONSENT, lambda _: Statement(state), slot=f"{CONSENT}:{header}")
        if header in PARTNERS and any(plain_name(other) == NEWSLETTER for other in others):
            return None
        if meaning is None or meaning.form is Form.OTHER:
            return None
        slot = f"{CONSENT}:{header}"
        if meaning.blank:
            self._blanks[header] = Statement(meaning.blank)
        return Column(CONSENT, self._reader(header, meaning), slot=slot)

    def question(self, header: str, source: RowSource) -> Diagnostic | None:
        """The refusal of a source with this header, if its name is about consent and not understood."""
        name = plain_name(header)
        hinted = name in _ASKED or any(part in name for part in _HINTS)
        if not self._strict or not hinted or name in _MEANINGS or header in PARTNERS:
            return None
        if name.endswith(ASIDES) or (any(c in name for c in CHANNELS) and "mail" not in name):
            return None
        answer = (
            f'`--map "{header}=subscribed"` if its yes means that they want emails, `--map "{header}=unsubscribed"`'
            f' if it means that they do not, `--map "{header}=-"` if it says nothing about emails'
            if source.path
            else "send it as `subscribed` or `unsubscribed`, or leave it out"
        )
        message = f"column `{header}` may be about consent, and its meaning is not known"
        return source.diagnostic("D005", message, expected="to know what a yes in it means", hint=answer)

    def word(self, values: Mapping[str, Any], raw: Mapping[str, Any]) -> ConsentWord | None:
        """What the row says; None if nothing."""
        statements = [value for value in values.values() if isinstance(value, Statement)]
        statements += [
            blank for header, blank in self._blanks.items() if raw.get(header) in {"", None} and header in raw
        ]
        return ConsentWord(tuple(statements)) if statements else None

    def _reader(self, header: str, meaning: Meaning) -> cells.Reader:
        """A reader of the column's cells; equal cells are read once."""
        answers = {plain_name(word): state for word, state in self._options.consent.items()}

        @lru_cache(maxsize=4096)
        def read(value: str) -> Statement | None:
            name = plain_name(value)
            if not value.strip():
                return None
            if name in answers:
                return Statement(answers[name])
            try:
                return self._read(header, meaning, value, name)
            except Refused:
                if self._strict:
                    raise
                return Statement(None, words=" ".join(value.split())[:_WORDS_KEPT])

        return lambda raw: read(("yes" if raw else "no") if isinstance(raw, bool) else cells.plain(raw))

    def _read(self, header: str, meaning: Meaning, value: str, name: str) -> Statement | None:
        match meaning.form:
            case Form.DATE:
                return None if name in _NOTHING or _is_zero(value) else self._dated(meaning.state, value)
            case Form.TEXT:
                if name in _NOTHING | _NOES:
                    return None
                words = None if _answer(value) else " ".join(value.split())[:_WORDS_KEPT]
                named = _STATES.get(name) if meaning.state is ConsentState.BLOCKED else None
                return Statement(named or meaning.state, words=words)
            case Form.FLAG:
                return self._flag(header, meaning, value, name)
            case _:
                return self._word(header, meaning, value, name)

    def _flag(self, header: str, meaning: Meaning, value: str, name: str) -> Statement | None:
        state = _STATES.get(name)
        if state is not None and (state is not ConsentState.SILENT or meaning.otherwise is state):
            return Statement(state)
        answer = _answer(value)
        if answer is not None:
            return Statement(meaning.state if answer else meaning.otherwise)
        if self._instant(value) is not None:  # `Unsubscribed: 2026-01-31`
            return self._dated(meaning.state, value)
        raise self._unknown(header, value)

    def _word(self, header: str, meaning: Meaning, value: str, name: str) -> Statement | None:
        state = meaning.codes.get(name) or _STATES.get(name)
        if state is None and not meaning.lenient:
            answer = _answer(value)
            if answer is None:
                raise self._unknown(header, value)
            state = ConsentState.NEVER if name == "0" else ConsentState.LEFT
            if answer:
                state = ConsentState.SILENT if name == "1" else ConsentState.SUBSCRIBED
        return Statement(state) if state else None

    def _unknown(self, header: str, value: str) -> Refused:
        own = header in OWN_NAMES
        hint = "write `yes` or `no`" if own else "is it a yes or a no?"
        word = value.strip()
        if len(word) <= 40 and '"' not in word:
            hint += (
                f' Or say what the word means: `--consent "{word}=yes"` (or `=no`, `=never`, `=bounced`, `=complained`,'
                " `=-` for nothing)"
            )
            hint += "" if own else f', or leave the column out: `--map "{header}=-"`'
        return Refused("is neither yes nor no" if own else "is not a word about consent that we know", hint)

    def _dated(self, state: ConsentState | None, value: str) -> Statement:
        instant = self._instant(value)
        return Statement(state, instant, unread=instant is None)

    def _instant(self, value: str) -> datetime | None:
        try:
            found = self._date(value)
        except Refused:
            return None
        return None if found is None else from_micros(found.micros)


def _state_of_file(source: RowSource) -> ConsentState | None:
    """The state that the name of a file from Mailchimp's zip tells."""
    name = source.path.name.lower() if source.path else ""
    return next((state for begin, state in FILES.items() if name.startswith(begin)), None)


def _answer(value: str) -> bool | None:
    try:
        return cells.yes_or_no(value)
    except Refused:
        return None


def _is_zero(value: str) -> bool:
    """Whether a date is what a database writes for none: `0000-00-00`."""
    return not value.strip("0-:./ ")
