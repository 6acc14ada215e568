"""Clients and managers from a file. An import can withdraw consent, never restore it, nor restore erased clients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, assert_never

from sqlalchemy import Connection, Integer, Text, and_, func, literal, select

from regulars.consent import rights
from regulars.consent.address_change import carry_opt_outs, changed_mailboxes
from regulars.core import ids
from regulars.db.locks import AdvisoryLock, lock
from regulars.db.rowset import Types, lookup, rowset, upsert
from regulars.db.tables import customers, managers, suppressions
from regulars.db.types import Instant, Json, Key
from regulars.importing import cells, column_names, date_formats, places
from regulars.importing.address_typos import likely_meant
from regulars.importing.birthdays import birthday
from regulars.importing.client_matching import BY_ADDRESS, join_by_address, match_clients, second_clients
from regulars.importing.columns import Column
from regulars.importing.consent_cells import CONSENT, OWN_NAMES, ConsentColumns, ConsentWord
from regulars.importing.consent_writing import write_consent
from regulars.importing.options import ImportOptions
from regulars.importing.person_names import names_of
from regulars.importing.refused import Refused
from regulars.importing.report import BadRow
from regulars.importing.rows import Importer, Row, Written, field_reader, own_columns, own_values
from regulars.importing.tags import tags
from regulars.profile import facts
from regulars.profile.identity import clients_named
from regulars.rules.fields import CLIENT_FIELDS, IMPORTED, Cell, ClientField, FieldType, Origin, fields_of

_COLUMNS = fields_of(Origin.COLUMN)
_CUSTOMER: Types = {
    **{name: customers.c[name].type for name in _COLUMNS},
    "email_hash": Text(), "manager_id": Key, "attrs": Json, "uid": Text(), "bucket": Integer(),
}  # fmt: skip
_MANAGER = ("external_id", "name", "email", "title", "phone", "locale", "timezone")
_NAMED = 3
"""Clients whom a note names; the rest are counted."""
_JOINED = "clients were joined with the one who has their address"
_SECOND = {
    "id": "new clients have the address of another and stay clients of their own",
    "address": "clients have the address of another, but may be somebody else by name or birthday, and stay apart",
}
_STRANGER = "clients were imported without their manager, who is not known: import managers first"
_ROUNDED = re.compile(r"[+-]?\d+([.,]\d+)?[eE]\+\d+")
_MISTYPED = "addresses look mistyped and were kept as they are"
_LENIENT = frozenset({Cell.LOCALE, Cell.TIMEZONE, Cell.COUNTRY, Cell.BIRTHDAY, Cell.PAST})
"""Cells without which a client is still of use."""
_DUPLICATES = "`regulars duplicates` lists all, `regulars merge` joins two"
_ERASED = "rows are of clients who were erased; they were left out"


class Customers(Importer):
    """Clients, by their id or else by their email address."""

    needed: ClassVar = (("id", "email"),)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._consents = self.recogniser = ConsentColumns(self.options, self.now)
        self._second: list[tuple[str, str]] = []
        """New clients, each with one who has the same address."""
        self._mistyped: list[str] = []
        self._mistyped_count = 0

    def columns(self) -> Sequence[Column]:
        options = self.options
        readers: dict[str, cells.Reader] = {
            name: _reader(field, field.cell, options, self.now) for name, field in IMPORTED.items() if field.cell
        }
        readers["phone"] = _phone(readers["phone"])
        readers["email"] = cells.email if options.strict else cells.first_email
        known = [
            Column(name, read, column_names.CUSTOMERS.get(name, ()), lenient=_is_lenient(IMPORTED.get(name), options))
            for name, read in readers.items()
        ]
        own = own_columns(
            options.fields, {*readers, *OWN_NAMES}, lambda name: _own_reader(options.fields[name], options)
        )
        return known + self._consents.own() + own

    def check(self, row: Row) -> None:
        if "id" not in row.values and row.has_cell("id"):
            row.refuse("has no id", name="id")
            return
        if "id" not in row.values and row.get("email") is None:
            row.refuse("has no e-mail address", name="email")
            return
        _complete_name(row)
        address = str(row.get("email")).lower()
        if str(row.values.setdefault("id", address)).lower() == address:  # an id equal to the address adds nothing
            row.values[BY_ADDRESS] = True
        self.refuse_twin(row, "id", "customer")
        if (word := self._consents.word(row.values, row.cells)) is not None:
            row.values[CONSENT] = word
        if not row.faults and (meant := likely_meant(address)) is not None:
            self._count_mistyped(f"`{row.get('email')}` ({row.unit} {row.line}; {meant.partition('@')[2]}?)")

    def _count_mistyped(self, example: str) -> None:
        self._mistyped_count += 1
        if len(self._mistyped) < _NAMED:
            self._mistyped.append(example)

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        rows = [row for (row,) in units]
        if self.options.identity == "address":  # before any row is written, to avoid a deadlock with a plan
            lock(connection, AdvisoryLock.PLAN)
        self._find_managers(connection, rows)
        rows = [row for row in rows if not row.faults]
        hashes = {row.line: ids.address_hash(row.get("email"), self.secret) for row in rows if row.get("email")}
        rows = self._without_erased(connection, rows, hashes)
        source = self.options.source
        clients = match_clients(connection, rows, hashes, now=self.now, source=source)
        given = rowset(connection, "given", _CUSTOMER, [self._tuple(row, hashes.get(row.line)) for row in clients])
        carry_opt_outs(connection, changed_mailboxes(connection, given), self.now, source)
        added, changed = upsert(
            connection,
            customers,
            given,
            "external_id",
            defaults=self._defaults(),
            touch={"updated_at": self.now, "erased_at": None},
            merged=frozenset({"attrs"}),
            lasting=frozenset({"uid", "bucket"}),
        )
        facts.refresh(connection, sorted(added))
        changed |= self._consent(connection, rows) - added
        rights.refuse_by_mailbox(connection, changed)  # a client who opted out may have another address now
        gone = self._compare_by_address(connection, hashes, added, changed)
        added, changed = added - gone, changed - gone
        return Written(len(added), len(changed), len(rows) - len(added) - len(changed))

    def _tuple(self, row: Row, email_hash: str | None) -> list[Any]:
        kept = [_stored(row.get(CLIENT_FIELDS[name].column)) for name in _COLUMNS]
        uid = ids.client_uid(row.get("id"))
        return [*kept, email_hash, row.get("manager_id"), own_values(row), uid, ids.bucket(uid)]

    def _defaults(self) -> dict[str, Any]:
        options = self.options
        stated = {"locale": options.locale, "country": options.country}
        at = literal(self.now, Instant)
        return {
            **{name: literal(value, Text) for name, value in stated.items() if value is not None},
            "created_at": at,
            "updated_at": at,
        }

    def _find_managers(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Managers are identified by their id or their email address."""
        named = [row for row in rows if row.get("manager")]
        if not named:
            return
        known = lookup(connection, managers.c.external_id, (row.get("manager") for row in named), managers.c.id)
        lowered = func.lower(managers.c.email)
        addresses = {str(email): key for key, email in connection.execute(select(managers.c.id, lowered))}
        for row in named:
            name = row.get("manager")
            found = known.get(name, [None])[0] or addresses.get(name.lower())
            if found is None and not self.options.strict:
                self.notes[_STRANGER] += 1
            elif found is None:
                row.refuse(f"manager `{name}` is not known", "import managers first", "manager")
            else:
                row.values["manager_id"] = found

    def _without_erased(self, connection: Connection, rows: list[Row], hashes: Mapping[int, str]) -> list[Row]:
        erased = suppressions.c.reason == rights.ERASED
        blocked = lookup(connection, suppressions.c.email_hash, hashes.values(), erased)
        erasure = and_(customers.c.erased_at.is_not(None), rights.still_erased())
        gone = clients_named(connection, (row.get("id") for row in rows), erasure)
        kept = [
            row for row in rows if not any(blocked.get(hashes.get(row.line, ""), [])) and not gone.get(row.get("id"))
        ]
        if len(kept) < len(rows):
            self.notes[_ERASED] += len(rows) - len(kept)
        return kept

    def _consent(self, connection: Connection, rows: Sequence[Row]) -> set[int]:
        """Writes what rows say about consent; rows of one client count as one."""
        words: dict[str, ConsentWord] = {}
        for row in rows:
            if (word := row.get(CONSENT)) is not None:
                known = words.get(row.get("id"))
                words[row.get("id")] = word if known is None else known.joined(word)
        return write_consent(connection, words, self.notes, now=self.now, source=self.options.source)

    def _compare_by_address(
        self, connection: Connection, hashes: Mapping[int, str], added: set[int], changed: set[int]
    ) -> frozenset[int]:
        """Merges clients of one address if the policy says so, and notes those kept apart; returns the removed keys."""
        if self.options.identity == "id":
            self._second += second_clients(connection, added)
            return frozenset()
        joined = join_by_address(connection, set(hashes.values()), now=self.now, source=self.options.source)
        if joined.gone:
            self.notes[_JOINED] += len(joined.gone)
        self._second += [(name, known) for key, name, known in joined.apart if key in added | changed]
        return joined.gone

    def finish(self, connection: Connection) -> list[BadRow]:
        """Names some of the clients who are second ones at their address, and some addresses that look mistyped."""
        if self._mistyped:
            more = ", …" if self._mistyped_count > len(self._mistyped) else ""
            self.notes[f"{_MISTYPED}: {', '.join(self._mistyped)}{more}"] = self._mistyped_count
        if self._second:
            some = ", ".join(f"{name} (as {known})" for name, known in self._second[:_NAMED])
            more = ", …" if len(self._second) > _NAMED else ""
            self.notes[f"{_SECOND[self.options.identity]}: {some}{more}; {_DUPLICATES}"] = len(self._second)
        return []


def _is_lenient(field: ClientField | None, options: ImportOptions) -> bool:
    return field is not None and (field.cell in _LENIENT or field.name == "phone") and not options.strict


def _phone(read: cells.Reader) -> cells.Reader:
    """A reader of telephone numbers; refuses what a spreadsheet has made of one."""

    def unrounded(raw: Any) -> Any:
        if isinstance(raw, str) and _ROUNDED.fullmatch(raw.strip()):
            raise Refused("is a number that a spreadsheet has rounded", "export the column as text")
        return read(raw)

    return unrounded


def _own_reader(kind: FieldType, options: ImportOptions) -> cells.Reader:
    return tags if kind is FieldType.LIST else field_reader(kind, options)


def _complete_name(row: Row) -> None:
    """Takes a first name out of a whole name where its place is certain."""
    values = row.values
    last, full = values.get("last_name"), values.get("name")
    if values.get("first_name") is not None or (last is None and full is None):
        return
    if full is not None:
        found = names_of(full, row.headers.get("name", ""), last)
    elif last is not None and (
        ", " in last or not row.has_cell("first_name")
    ):  # a column of last names can hold whole ones
        found = names_of(last, row.headers.get("last_name", ""))
    else:
        return
    if found is not None:
        values["first_name"] = found[0]
        if found[1] is not None and (last is None or full is None):
            values["last_name"] = found[1]


def _reader(field: ClientField, cell: Cell, options: ImportOptions, now: datetime) -> cells.Reader:
    match cell:
        case Cell.PLAIN:
            return _plain_reader(field, options)
        case Cell.EMAIL:
            return cells.email
        case Cell.LOCALE:
            return places.locale
        case Cell.TIMEZONE:
            return places.timezone
        case Cell.COUNTRY:
            return places.country
        case Cell.BIRTHDAY:
            return birthday(options.dates, now.date())
        case Cell.PAST:
            return date_formats.moment(options.dates, options.timezone, now)
    assert_never(cell)


def _plain_reader(field: ClientField, options: ImportOptions) -> cells.Reader:
    match field.type:
        case FieldType.TEXT:
            return cells.text(field.limit)
        case FieldType.NUMBER | FieldType.BOOL | FieldType.DATE:
            return field_reader(field.type, options)
        case FieldType.INSTANT:
            return date_formats.moment(options.dates, options.timezone)
    assert_never(field.type)


def _stored(value: Any) -> Any:
    """A cell's value as stored in a rowset."""
    if isinstance(value, date_formats.Moment):
        return value.micros
    return value.isoformat() if isinstance(value, date) else value


class Managers(Importer):
    """Managers of clients, by their id or else by their email address."""

    needed: ClassVar = (("email",),)

    def columns(self) -> Sequence[Column]:
        readers: Mapping[str, cells.Reader] = {
            "id": cells.text(120),
            "name": cells.text(),
            "email": cells.email,
            "title": cells.text(),
            "phone": cells.text(40),
            "locale": places.locale,
            "timezone": places.timezone,
        }
        return [Column(name, read, column_names.MANAGERS[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        if row.get("email") is None:
            row.refuse("has no e-mail address", name="email")
            return
        row.values.setdefault("id", str(row.get("email")).lower())
        row.values["external_id"] = row.get("id")
        self.refuse_twin(row, "id", "manager")

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        types = dict.fromkeys(_MANAGER, Text())
        rows = [[row.get(name) for name in _MANAGER] for (row,) in units]
        given = rowset(connection, "given", types, rows)
        added, changed = upsert(connection, managers, given, "external_id", defaults={"name": given.c.email})
        return Written(len(added), len(changed), len(rows) - len(added) - len(changed))
