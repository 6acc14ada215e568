"""Suppressed addresses, from a list or from the export of another mail service.

A valid address is always suppressed, whatever else its row says: an unknown value is replaced by the stricter one and
reported in a note. Of several rows with one address the strictest counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Connection

from regulars.consent.rights import MARKETING, Scope, Suppression
from regulars.consent.suppression import add_suppressions
from regulars.core import ids
from regulars.db.rowset import lookup
from regulars.db.states import SuppressionReason
from regulars.db.tables import customers, suppressions
from regulars.db.types import from_micros
from regulars.importing import cells, column_names, date_formats
from regulars.importing.columns import Column, plain_name
from regulars.importing.consent_cells import CONSENT, ConsentColumns, ConsentWord
from regulars.importing.consent_columns import ConsentState
from regulars.importing.consent_writing import SUPPRESSED
from regulars.importing.exported_hashes import FOREIGN, hash_reader, refuse_foreign
from regulars.importing.refused import Refused
from regulars.importing.rows import Importer, Row, Written

_UNREADABLE = object()
_SUBSCRIBED = (
    "rows say that their person is subscribed, and were suppressed all the same; a list of everybody is imported as"
    " `customers`"
)
_AGAINST = frozenset(ConsentState) - {ConsentState.SUBSCRIBED, ConsentState.SILENT}
_LONGEST = 500
"""Maximum characters of a stored detail."""
_REASONS = {
    plain_name(word): reason
    for reason, words in column_names.SUPPRESSION_REASONS.items()
    for word in (reason, *words)
}  # fmt: skip
_SCOPES = {plain_name(word): scope for scope, words in column_names.SUPPRESSION_SCOPES.items() for word in words}


def comment(raw: Any) -> str | None:
    """Any cell as one line of text, truncated; nothing is refused."""
    value = raw if isinstance(raw, str) else str(raw)
    line = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return line[:_LONGEST].rstrip() or None


class Suppressions(Importer):
    """Addresses with reason, scope, date, and detail."""

    needed: ClassVar = (("email", "email_hash"),)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._consents = self.recogniser = ConsentColumns(self.options, self.now, strict=False)

    def columns(self) -> Sequence[Column]:
        options = self.options
        readers: dict[str, cells.Reader] = {
            "email": cells.email,
            "reason": comment,
            "scope": comment,
            "date": _lenient(date_formats.moment(options.dates, options.timezone, self.now)),
            "detail": comment,
            "email_hash": hash_reader(self.secret),
        }
        return [Column(name, read, column_names.SUPPRESSIONS[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        if row.get("email") is None and row.get("email_hash") is None:
            row.refuse("has no e-mail address", name="email")
        elif row.get("email") is None and row.get("email_hash") == FOREIGN:
            refuse_foreign(row)
        elif (word := self._consents.word(row.values, row.cells)) is not None:
            row.values[CONSENT] = word
            if word.gravest is ConsentState.SUBSCRIBED:
                self.notes[_SUBSCRIBED] += 1

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        asked: dict[str, Suppression] = {}
        for (row,) in units:
            bar = self._suppression(row)
            known = asked.get(bar.email_hash)
            if known is None or (known.scope == MARKETING and bar.scope == "all"):
                asked[bar.email_hash] = bar
        before = lookup(connection, suppressions.c.email_hash, asked, suppressions.c.scope)
        done = add_suppressions(connection, asked.values(), now=self.now, by=self.options.source)
        concerned = lookup(connection, customers.c.email_hash, done.changed, customers.c.id, customers.c.erased_at)
        living = sum(erased is None for found in concerned.values() for _, erased in found)
        for words, count in (
            ("clients have one of the addresses", living),
            ("emails were taken back from workers", done.recalled),
        ):
            if count:
                self.notes[words] += count
        added = len(done.changed.difference(before))
        return Written(added, len(done.changed) - added, len(units) - len(done.changed))

    def _suppression(self, row: Row) -> Suppression:
        reason, unknown = self._reason(row)
        word: ConsentWord | None = row.get(CONSENT)
        stated = row.get("detail") or (word.reason if word else None) or self.options.detail
        return Suppression(
            ids.address_hash(row.get("email"), self.secret) if row.get("email") else row.get("email_hash"),
            self._scope(row),
            reason,
            self._since(row),
            " · ".join(part for part in (unknown, stated) if part) or None,
        )

    def _reason(self, row: Row) -> tuple[str, str | None]:
        """The reason in our words; if unknown, the default and the row's text."""
        stated = row.get("reason")
        if stated is None:
            return self._reason_by_state(row.get(CONSENT)), None
        if stated == SuppressionReason.ERASED and row.get("email") is None:  # of an export: nobody names them again
            return stated, None
        found = _REASONS.get(plain_name(stated))
        if found is None:
            self.notes[f"rows have a reason of their own; kept as `{self.options.reason}`, with their words"] += 1
            return self.options.reason, stated
        return found, None

    def _reason_by_state(self, word: ConsentWord | None) -> str:
        """The reason that another service's columns tell, such as `CLEAN_TIME`."""
        state = word.gravest if word else ConsentState.SILENT
        return SUPPRESSED.get(state, self.options.reason)

    def _scope(self, row: Row) -> Scope:
        stated = row.get("scope")
        if stated is None:
            return self.options.scope
        found = _SCOPES.get(plain_name(stated))
        if found is None:
            self.notes["rows have a scope that is neither `all` nor `marketing`; they were suppressed from all"] += 1
        return "marketing" if found == MARKETING else "all"

    def _since(self, row: Row) -> datetime:
        found = row.get("date")
        word: ConsentWord | None = row.get(CONSENT)
        if found is None and word is not None:
            found = word.date_of(_AGAINST) or (_UNREADABLE if word.unread else None)
        if found is _UNREADABLE:
            self.notes["dates could not be read, so these rows count from today"] += 1
        if found is None or found is _UNREADABLE:
            return self.now
        return found if isinstance(found, datetime) else from_micros(found.micros)


def _lenient(read: cells.Reader) -> cells.Reader:
    """The reader with a default for values that it refuses, so that the address is still suppressed."""

    def lenient(raw: Any) -> Any:
        try:
            return read(raw)
        except Refused:
            return _UNREADABLE

    return lenient
