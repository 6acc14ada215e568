"""Appointments from a booking system: the file has their current state, and differences become events.

Compared with the stored visits, a new one is `visit.booked`, one at another time or place is `visit.booked` again and
`visit.moved`, a cancelled one is `visit.cancelled`. Importing the same file again adds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, literal

from regulars.db.rowset import rowset, upsert
from regulars.db.tables import events
from regulars.db.types import Instant, Json, from_micros, to_micros
from regulars.importing import cells, column_names, date_formats, numbers, order_status
from regulars.importing.columns import Column
from regulars.importing.events import EVENT
from regulars.importing.history import History
from regulars.importing.refused import Refused
from regulars.importing.rows import Row, Written
from regulars.profile import facts
from regulars.profile.visits import BOOKED, CANCELLED, CLIENT, MOVED, Visit, visits

_OFF = frozenset(
    "cancelled canceled cancel deleted declined no-show noshow отменен отменён отменена скасовано скасований anulat"
    " anulată anulata tühistatud".split()
)
_ON = frozenset(
    "booked confirmed scheduled planned active accepted done completed arrived pending записан подтвержден"
    " подтверждён заплановано підтверджено programat confirmat broneeritud kinnitatud".split()
)

_DURATION = re.compile(
    r"(?:(\d{1,3})\s?(?:h|hr|hrs|hours?|ч|час|год|tund|ore?)\.?)?\s*(?:(\d{1,5})\s?(?:m|min|mins|minutes?|мин|минут|хв|minute)\.?)?",
    re.IGNORECASE,
)
_DAY = timedelta(days=1)
EventRow = list[Any]
"""One event as a row: external_id, customer_id, name, occurred_at in microseconds, data."""


def status(raw: Any) -> bool | None:
    """Whether the appointment is booked or cancelled."""
    value = cells.plain(raw).strip().casefold()
    if not value:
        return None
    if value in _OFF or value in _ON:
        return value in _ON
    raise Refused("is not known to mean that it stands or that it is cancelled", "write `booked` or `cancelled`")


def duration(decimal: str | None) -> cells.Reader:
    """A reader of durations in minutes: `45`, `45min`, `1 h 30 min`."""
    number = numbers.decimal(decimal)

    def read(raw: Any) -> Any:
        found = _DURATION.fullmatch(raw.strip()) if isinstance(raw, str) else None
        if found is None or found.lastindex is None:
            return number(raw)
        return Decimal(int(found[1] or 0) * 60 + int(found[2] or 0))

    return read


class Appointments(History):
    """Appointments by the booking system's own id."""

    needed: ClassVar = (("id",), ("customer", "email"), ("starts_at", "time"))

    def columns(self) -> Sequence[Column]:
        options = self.options
        moment = date_formats.moment(options.dates, options.timezone)

        def slots(raw: Any) -> list[str]:
            found = [moment(one) for one in cells.choices(raw)]
            return [from_micros(one.micros).isoformat() for one in found if one is not None]

        readers: Mapping[str, cells.Reader] = {
            "id": cells.text(100),
            "customer": cells.text(254),
            "email": cells.email,
            "time": date_formats.moment_or_clock(options.dates, options.timezone),
            "starts_at": moment,
            "ends_at": date_formats.moment_or_clock(options.dates, options.timezone),
            "duration": duration(options.decimal),
            "service": cells.text(),
            "place": cells.text(),
            "cancelled": order_status.cancelled,
            "status": status,
            "slots": slots,
            "booked_at": date_formats.moment(options.dates, options.timezone, self.now),
        }
        return [Column(name, read, column_names.APPOINTMENTS[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        if row.get("id") is None:
            row.refuse("has no id", name="id")
        elif row.get("customer") is None and row.get("email") is None:
            row.refuse("does not say which customer", name="customer" if "customer" in row.headers else "email")
        elif self._starts(row):
            self._lasting(row)
            self.refuse_twin(row, "id", "appointment")

    def _starts(self, row: Row) -> bool:
        """Joins the date and the time of day; refuses a row that does not say both."""
        if row.get("cancelled"):
            row.values["status"] = False
        self.join_day_and_time(row, "starts_at")
        starts = row.get("starts_at")
        if starts is None:
            row.refuse("does not say when the appointment is", name="starts_at")
        elif starts.is_bare and row.get("status") is not False:  # one that is cancelled needs no time
            hint = 'name the column with the time of day: `--map "…=time"`'
            row.refuse("is a date without a time of day", hint, "starts_at")
        return not row.faults

    def _lasting(self, row: Row) -> None:
        """The duration in minutes, as stated or from its end."""
        minutes, ends = row.get("duration"), row.get("ends_at")
        if isinstance(ends, time):
            ends = date_formats.on_day(row.get("starts_at"), ends, self.options.timezone)
            if ends.micros < row.get("starts_at").micros:  # after midnight
                ends = date_formats.Moment(ends.micros + _DAY // timedelta(microseconds=1), ends.written)
        if minutes is None and ends is not None:
            minutes = (ends.micros - row.get("starts_at").micros) / 60_000_000
        if minutes is not None and not 0 < minutes <= 10_080:
            row.refuse("is not how long an appointment may be", "minutes, up to a week", "duration")
        row.values["minutes"] = None if minutes is None else float(minutes)

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        rows = [row for (row,) in units]
        self.find_customers(connection, rows)
        good = [row for row in rows if not row.faults]
        standing = visits(connection, {row.get("customer_id") for row in good}, self.now)
        added = changed = 0
        found: list[EventRow] = []
        for row in good:
            before = standing.get((row.get("customer_id"), row.get("id")))
            differences = self._event_rows(row, before)
            found += differences
            added += bool(differences) and before is None
            changed += bool(differences) and before is not None
        given = rowset(connection, "given", EVENT, found)
        defaults: dict[str, ColumnElement[Any]] = {"received_at": literal(self.now, Instant), "data": literal({}, Json)}
        touched = upsert(connection, events, given, "external_id", defaults=defaults)
        facts.refresh_after_events(connection, touched[0] | touched[1])
        return Written(added, changed, len(good) - added - changed)

    def _event_rows(self, row: Row, before: Visit | None) -> list[EventRow]:
        """The events for the differences between the row and the stored visit; none without differences."""
        starts, here = row.get("starts_at").micros, to_micros(self.now)
        if row.get("status") is False:
            if before is None or before.cancelled_by is not None:
                return []
            data = {"visit": before.id, "by": "business"}
            return [[f"{before.booking}/cancelled", before.customer, CANCELLED, here, data]]
        booked = row.get("booked_at")
        if before is None:
            at = here if booked is None else booked.micros
            return [self._booking(row, None, at)]
        place = row.get("place") or before.place
        moved = before.starts_at is None or to_micros(before.starts_at) != starts
        if moved or place != before.place or before.cancelled_by not in (None, CLIENT):
            anew = self._booking(row, before, here)
            old = None if before.starts_at is None else before.starts_at.isoformat()
            return [anew, [f"{anew[0]}/moved", anew[1], MOVED, here, {**anew[4], "from": old}]]
        # A visit that the client cancelled stays cancelled while the file still has it unchanged.
        now = self._booking(row, before, to_micros(before.booked_at))
        same = all(now[4].get(name) == value for name, value in _visit_data(before).items() if name in now[4])
        return [] if same else [[before.booking, *now[1:]]]

    @staticmethod
    def _booking(row: Row, before: Visit | None, at: int) -> EventRow:
        """The booking as an event. Empty cells keep the former value."""
        known = {} if before is None else _visit_data(before)
        data = {name: value for name, value in known.items() if value is not None}
        own = {
            "visit": row.get("id"), "starts_at": from_micros(row.get("starts_at").micros).isoformat(),
            "duration": row.get("minutes"), "service": row.get("service"), "place": row.get("place"),
            "slots": row.get("slots"),
        }  # fmt: skip
        data |= {name: value for name, value in own.items() if value is not None}
        customer, sequence = row.get("customer_id"), 0 if before is None else before.sequence + 1
        return [f"visit/{customer}/{row.get('id')}/{sequence}", customer, BOOKED, at, data]


def _visit_data(visit: Visit) -> dict[str, Any]:
    """The data of the current booking, in the form of an appointment's row."""
    return {
        "visit": visit.id, "starts_at": None if visit.starts_at is None else visit.starts_at.isoformat(),
        "duration": visit.minutes, "service": visit.service, "place": visit.place,
        "slots": [at.isoformat() for at in visit.slots],
    }  # fmt: skip
