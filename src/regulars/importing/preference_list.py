"""Pauses and own frequency caps of clients, from an export; where something is known already, the stricter holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import Connection, SmallInteger, case, func, or_, select

from regulars.db.engine import insert
from regulars.db.rowset import Types, ids, rowset
from regulars.db.tables import customers, preferences
from regulars.db.types import Instant, Key, to_micros
from regulars.importing import cells, column_names, date_formats
from regulars.importing.columns import Column
from regulars.importing.numbers import decimal
from regulars.importing.refused import Refused
from regulars.importing.rows import Importer, Row, Written
from regulars.profile.identity import clients_named

_GIVEN: Types = {"customer_id": Key, "paused_until": Instant(), "gap_days": SmallInteger(), "at": Instant()}
_MOST_DAYS = 365


def _days(raw: Any) -> int | None:
    found = decimal(".")(raw)
    if found is not None and (found != found.to_integral_value() or not 1 <= found <= _MOST_DAYS):
        raise Refused(f"is not a number of days: expected 1 to {_MOST_DAYS}")
    return None if found is None else int(found)


class Preferences(Importer):
    """What clients asked for on their preferences page beside consent."""

    needed: ClassVar = (("customer",), ("paused_until", "gap_days"))

    def columns(self) -> Sequence[Column]:
        options = self.options
        readers: Mapping[str, cells.Reader] = {
            "customer": cells.text(254),
            "paused_until": date_formats.moment(options.dates, options.timezone),
            "gap_days": _days,
            "at": date_formats.moment(options.dates, options.timezone, self.now),
        }
        return [Column(name, read, column_names.PREFERENCES[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        if row.get("customer") is None:
            row.refuse("does not say which customer", name="customer")
        else:
            self.refuse_twin(row, "customer", "customer")

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        rows = [row for (row,) in units]
        named = clients_named(connection, (row.get("customer") for row in rows), customers.c.id)
        given: dict[int, list[Any]] = {}
        for row in rows:
            key = named.get(row.get("customer"))
            if key is None:
                row.refuse(f"customer `{row.get('customer')}` is not known", "import customers first", "customer")
                continue
            until, at = row.get("paused_until"), row.get("at")
            given[key] = [key, until and until.micros, row.get("gap_days"), at.micros if at else to_micros(self.now)]
        theirs = preferences.c.customer_id.in_(ids(connection, given))
        before = set(connection.scalars(select(preferences.c.customer_id).where(theirs)))
        changed = _write_stricter(connection, list(given.values()))
        return Written(len(changed - before), len(changed & before), len(given) - len(changed))


def _write_stricter(connection: Connection, rows: Sequence[list[Any]]) -> set[int]:
    """The clients for whom something is new: a pause that lasts longer, a wider gap."""
    if not rows:
        return set()
    given = rowset(connection, "given", _GIVEN, rows)
    statement = insert(connection, preferences).from_select(
        list(_GIVEN), select(given).where(given.c.customer_id.is_not(None))
    )
    new, old = statement.excluded, preferences.c
    later = {
        name: or_(new[name] > old[name], old[name].is_(None) & new[name].is_not(None))
        for name in ("paused_until", "gap_days")
    }
    values = {name: case((stricter, new[name]), else_=old[name]) for name, stricter in later.items()}
    written = statement.on_conflict_do_update(
        index_elements=["customer_id"], set_={**values, "at": func.coalesce(new.at, old.at)}, where=or_(*later.values())
    )
    return set(connection.scalars(written.returning(preferences.c.customer_id)))
