"""Settled promises from an export, so that nobody gets an email again because the database is a new one.

A row settles the promise of its campaign, step, client and occurrence: a new one, or one that is open here. What has
been settled here stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Connection, SmallInteger, Text, select

from regulars.db.engine import insert
from regulars.db.rowset import Types, rowset
from regulars.db.states import State
from regulars.db.tables import customers, promises
from regulars.db.types import Instant, Key
from regulars.importing import cells, column_names, date_formats
from regulars.importing.columns import Column
from regulars.importing.export_rows import FINAL, LEDGER
from regulars.importing.numbers import decimal
from regulars.importing.refused import Refused
from regulars.importing.rows import Importer, Row, Written
from regulars.profile.identity import clients_named
from regulars.rules.model import Kind

_INSTANTS = ("due_at", "expires_at", "created_at", "settled_at")
_NUMBERS = ("priority", "code", "attempts")
_NEEDED = ("campaign", "step", "customer", "occurrence", "state", "kind", "due_at")
_TYPES: Types = {
    "customer_id": Key,
    **{name: Instant() if name in _INSTANTS else SmallInteger() if name in _NUMBERS else Text() for name in LEDGER},
    "next_at": Instant(),
}
_DEFAULTS: Mapping[str, Any] = {"priority": 0, "attempts": 0, "recipient": "customer", "rule": "imported"}
_UNKNOWN = "rows are of clients who are not known here; import customers first if they should be"
_KEY = ("campaign", "step", "customer_id", "occurrence")


def _one_of(*allowed: str) -> cells.Reader:
    def read(raw: Any) -> str:
        value = cells.plain(raw).strip()
        if value not in allowed:
            raise Refused("is not a word of the ledger", f"expected one of {', '.join(allowed)}")
        return value

    return read


def _whole(raw: Any) -> int | None:
    found = decimal(".")(raw)
    if found is not None and (found != found.to_integral_value() or abs(found) > 32_767):
        raise Refused("is not a whole number up to 32,767")
    return None if found is None else int(found)


class LedgerRows(Importer):
    """Settled promises, each by campaign, step, client and occurrence."""

    needed: ClassVar = tuple((name,) for name in _NEEDED)

    def columns(self) -> Sequence[Column]:
        options = self.options
        instant = date_formats.moment(options.dates, options.timezone)
        readers: dict[str, cells.Reader] = {name: cells.text(2_000) for name in ("customer", *LEDGER)}
        readers |= dict.fromkeys(_INSTANTS, instant) | dict.fromkeys(_NUMBERS, _whole)
        readers["state"] = _one_of(*FINAL)
        readers["kind"] = _one_of(*Kind)
        readers["recipient"] = _one_of("customer", "manager")
        return [Column(name, read, column_names.LEDGER[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        for name in _NEEDED:
            if row.get(name) is None and not row.faults:
                row.refuse(f"has no `{name}`", name=name)

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        rows = [row for (row,) in units]
        named = clients_named(connection, (row.get("customer") for row in rows), customers.c.id)
        known = [row for row in rows if row.get("customer") in named]
        if len(known) < len(rows):
            self.notes[_UNKNOWN] += len(rows) - len(known)
        given: dict[tuple[Any, ...], list[Any]] = {}
        for row in known:
            values = self._values(row)
            values["customer_id"] = named[row.get("customer")]
            given[tuple(values[name] for name in _KEY)] = [values[name] for name in _TYPES]
        changed, fresh = _settle(connection, list(given.values()))
        return Written(len(fresh), len(changed), len(rows) - len(fresh) - len(changed))

    def _values(self, row: Row) -> dict[str, Any]:
        values = {name: row.get(name) for name in LEDGER}
        values |= {name: value for name, value in _DEFAULTS.items() if values[name] is None}
        due = row.get("due_at").micros
        for name in _INSTANTS:
            values[name] = due if values[name] is None else values[name].micros
        return {**values, "next_at": values["settled_at"]}


def _settle(connection: Connection, rows: Sequence[list[Any]]) -> tuple[set[int], set[int]]:
    """The keys of promises that were open and are settled now, and of new ones."""
    if not rows:
        return set(), set()
    given = rowset(connection, "given", _TYPES, rows)
    names = list(_TYPES)
    statement = insert(connection, promises).from_select(names, select(given).where(given.c.campaign.is_not(None)))
    new = statement.excluded
    opened = promises.c.state.in_([State.HELD, State.PLANNED])
    settled = ("state", "reason", "detail", "settled_at", "message_id", "code")
    before = _open_promises(connection, rows)
    keys = set(
        connection.scalars(
            statement.on_conflict_do_update(
                index_elements=list(_KEY), set_={name: new[name] for name in settled}, where=opened
            ).returning(promises.c.id)
        )
    )
    return keys & before, keys - before


def _open_promises(connection: Connection, rows: Sequence[list[Any]]) -> set[int]:
    """The keys of the open promises of these clients."""
    clients = rowset(connection, "clients", {"customer_id": BigInteger()}, [[key] for key in {row[0] for row in rows}])
    query = select(promises.c.id).join(clients, clients.c.customer_id == promises.c.customer_id)
    return set(connection.scalars(query.where(promises.c.state.in_([State.HELD, State.PLANNED]))))
