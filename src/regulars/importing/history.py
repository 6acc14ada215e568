"""Shared by purchases and events: their clients and their ids.

A row without an id gets one from its content and the number of equal rows before it in the file:
importing the file again adds nothing, and two equal rows are two purchases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import time
from typing import Any

import orjson
from sqlalchemy import Connection

from regulars.core import ids
from regulars.db.rowset import lookup
from regulars.db.tables import customers
from regulars.importing import date_formats
from regulars.importing.date_formats import Moment
from regulars.importing.rows import Importer, Row
from regulars.profile.identity import clients_named

GUEST = "0"
"""What shops write as the customer of an order without an account; its address says whose it is."""


class History(Importer):
    """Rows that belong to a client and happened at an instant."""

    def has_owner_and_time(self, row: Row, what: str) -> bool:
        """Refuses a row without a client or a time."""
        if row.get("customer") == GUEST and row.get("email") is not None:
            del row.values["customer"]
        self.join_day_and_time(row, "occurred_at")
        if row.get("customer") is None and row.get("email") is None:
            row.refuse("does not say which customer", name="customer" if "customer" in row.headers else "email")
            return False
        if row.get("occurred_at") is None:
            row.refuse(f"does not say when the {what} was", name="occurred_at")
            return False
        return True

    def join_day_and_time(self, row: Row, name: str) -> None:
        """Joins a date and the time of day in a column of its own; that column alone can hold the whole instant."""
        day, clock = row.get(name), row.get("time")
        if day is None and isinstance(clock, Moment):
            row.values[name] = clock
        elif day is not None and day.is_bare and isinstance(clock, time):
            row.values[name] = date_formats.on_day(day, clock, self.options.timezone)

    def name_by_content(self, row: Row, what: str, content: Sequence[Any]) -> None:
        """Gives the row an id derived from its content."""
        owner = row.get("customer") or str(row.get("email")).lower()
        content_bytes = orjson.dumps([owner, row.get("occurred_at").written, *content], option=orjson.OPT_SORT_KEYS)
        mark = hashlib.blake2b(content_bytes, digest_size=12).hexdigest()
        row.values["id"] = f"{what}-{mark}-{self.seen.times(mark)}"

    def find_customers(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Puts `customer_id` into each row, or refuses it. An address can replace the id."""
        named = clients_named(connection, (row.get("customer") for row in rows), customers.c.id)
        hashes = {row.line: self._hash(row) for row in rows if row.get("customer") not in named}
        living = customers.c.erased_at.is_(None)
        addressed = lookup(
            connection,
            customers.c.email_hash,
            (found for found in hashes.values() if found),
            customers.c.id,
            living,
        )
        for row in rows:
            key = named.get(row.get("customer"))
            addressees = addressed.get(hashes[row.line] or "", []) if key is None else []
            self._settle(row, [found for found, alive in addressees if alive] if key is None else [key])

    def _hash(self, row: Row) -> str | None:
        address = row.get("customer") or row.get("email")
        return ids.address_hash(address, self.secret) if "@" in address else None

    @staticmethod
    def _settle(row: Row, found: Sequence[int]) -> None:
        name = "customer" if row.get("customer") else "email"
        if len(found) == 1:
            row.values["customer_id"] = found[0]
        elif found:
            row.refuse(f"{len(found)} customers have the address `{row.get(name)}`", "name the customer by id", name)
        else:
            row.refuse(f"customer `{row.get(name)}` is not known", "import customers first", name)
