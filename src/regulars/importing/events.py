"""Events from a file: meetings, contracts, complaints, visits, any event of the rules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, Text, literal, select

from regulars.core.diagnostics import did_you_mean
from regulars.coupons.redemption import REDEEMED, Use
from regulars.db.rowset import Types, ids, lookup, rowset, upsert
from regulars.db.tables import events
from regulars.db.types import Instant, Json, Key, from_micros
from regulars.importing import cells, column_names, date_formats
from regulars.importing.columns import Column
from regulars.importing.coupons import use_all
from regulars.importing.history import History
from regulars.importing.refused import Refused
from regulars.importing.rows import Row, Written, own_columns, own_values, typed
from regulars.profile import facts

EVENT: Types = {"external_id": Text(), "customer_id": Key, "name": Text(), "occurred_at": Instant(), "data": Json}
_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*")
_text = cells.text(120)


def event_name(raw: Any) -> str | None:
    """The name of an event, such as `meeting.completed`."""
    value: str | None = _text(raw)
    if value is None or _NAME.fullmatch(value):
        if value == "purchase":
            raise Refused("purchases are not imported as events", "import them as purchases")
        return value
    raise Refused("is not the name of an event", "expected small letters, such as `meeting.completed`")


def _uses_coupon(row: Row) -> bool:
    """Whether it is a `coupon.redeemed` with a code; without one it is an ordinary event."""
    code = (row.get("data") or {}).get("code")
    return row.get("name") == REDEEMED and isinstance(code, str) and bool(code.strip())


class Events(History):
    """Events by their id, or else by their content."""

    needed: ClassVar = (("customer", "email"), ("name",), ("occurred_at", "time"))

    def columns(self) -> Sequence[Column]:
        options = self.options
        readers: Mapping[str, cells.Reader] = {
            "id": cells.text(120),
            "customer": cells.text(254),
            "email": cells.email,
            "name": event_name,
            "time": date_formats.moment_or_clock(options.dates, options.timezone),
            "occurred_at": date_formats.moment(options.dates, options.timezone),
            "data": cells.data,
        }
        declared = {name for fields in options.events.values() for name in fields}
        if "time" in declared:
            readers = {name: read for name, read in readers.items() if name != "time"}
        known = [Column(name, read, column_names.EVENTS[name]) for name, read in readers.items()]
        return known + own_columns(declared, readers, lambda _: cells.clean)

    def check(self, row: Row) -> None:
        if row.get("name") is None:
            row.refuse("does not say which event", name="name")
            return
        if not self.has_owner_and_time(row, "event"):
            return
        fields = self.options.events.get(row.get("name"), {})
        own = {name: value for name, value in own_values(row).items() if name in fields}
        row.values["data"] = typed(row, (row.get("data") or {}) | own, fields, self.options)
        if row.faults:
            return
        if "id" in row.values:
            self.refuse_twin(row, "id", "event")
        elif row.has_cell("id"):
            row.refuse("has no id", name="id")
        else:
            self.name_by_content(row, "event", [row.get("name"), row.get("data")])
        self._note_unknown(row.get("name"))

    def _note_unknown(self, name: str) -> None:
        declared = self.options.events
        if declared and name not in declared:
            hint = did_you_mean(name, declared)
            self.notes[
                f"rows have the event `{name}`, which the rules do not declare" + (f"; {hint}" if hint else "")
            ] += 1

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        rows = [row for (row,) in units]
        self.find_customers(connection, rows)
        rows = [row for row in rows if not row.faults]
        used = [row for row in rows if _uses_coupon(row)]
        redeemed = use_all(self, connection, used, [self._use(row) for row in used])
        found = [
            [
                row.get("id"),
                row.get("customer_id"),
                row.get("name"),
                row.get("occurred_at").micros,
                row.get("data") or None,
            ]
            for row in rows
            if not _uses_coupon(row)
        ]
        given = rowset(connection, "given", EVENT, found)
        defaults: dict[str, ColumnElement[Any]] = {"received_at": literal(self.now, Instant), "data": literal({}, Json)}
        owners = lookup(connection, events.c.external_id, [one[0] for one in found], events.c.id, events.c.customer_id)
        added, changed = upsert(connection, events, given, "external_id", defaults=defaults)
        facts.refresh_after_events(connection, added)
        # A corrected event may have belonged to another client, or had a name that counts for facts.
        facts.refresh(connection, self._concerned(connection, owners, changed))
        unchanged = len(found) - len(added) - len(changed)
        return Written(len(added) + redeemed.added, len(changed), unchanged + redeemed.unchanged)

    @staticmethod
    def _use(row: Row) -> Use:
        """A redemption in the form of an event, with the same limits as at the till."""
        data = row.get("data") or {}
        reference = str(data.get("reference") or row.get("id"))[:100]
        at = from_micros(row.get("occurred_at").micros)
        return Use(data["code"], reference, at, row.get("customer_id"), data)

    @staticmethod
    def _concerned(connection: Connection, owners: Mapping[str, list[tuple[int, int]]], changed: set[int]) -> set[int]:
        """The former and present clients of the changed events."""
        before = {customer for known in owners.values() for event, customer in known if event in changed}
        now = select(events.c.customer_id).where(events.c.id.in_(ids(connection, changed)))
        return before | set(connection.scalars(now)) if changed else set()
