"""Further ids of clients, from an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sqlalchemy import Connection

from regulars.db.engine import insert
from regulars.db.tables import aliases, customers
from regulars.db.types import from_micros
from regulars.importing import cells, column_names, date_formats
from regulars.importing.columns import Column
from regulars.importing.rows import Importer, Row, Written
from regulars.profile.identity import clients_named


class Aliases(Importer):
    """Ids, each with the client whom it names besides; an id of somebody else is refused."""

    needed: ClassVar = (("alias",), ("customer",))

    def columns(self) -> Sequence[Column]:
        options = self.options
        readers: Mapping[str, cells.Reader] = {
            "alias": cells.text(120),
            "customer": cells.text(254),
            "at": date_formats.moment(options.dates, options.timezone, self.now),
            "source": cells.text(120),
        }
        return [Column(name, read, column_names.ALIASES[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        for name in ("alias", "customer"):
            if row.get(name) is None:
                row.refuse(f"has no {name}", name=name)
                return
        self.refuse_twin(row, "alias", "alias")

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        rows = [row for (row,) in units]
        owners = clients_named(connection, (row.get("alias") for row in rows), customers.c.id)
        named = clients_named(connection, (row.get("customer") for row in rows), customers.c.id)
        fresh = []
        for row in rows:
            owner, client = owners.get(row.get("alias")), named.get(row.get("customer"))
            if client is None:
                row.refuse(f"customer `{row.get('customer')}` is not known", "import customers first", "customer")
            elif owner is None:
                at = row.get("at")
                fresh.append({
                    "external_id": row.get("alias"), "customer_id": client,
                    "at": self.now if at is None else from_micros(at.micros),
                    "source": row.get("source") or self.options.source,
                })  # fmt: skip
            elif owner != client:
                hint = "`regulars merge` joins the two, if they are one person"
                row.refuse(f"`{row.get('alias')}` names another client already", hint, "alias")
        if fresh:
            connection.execute(insert(connection, aliases).on_conflict_do_nothing(), fresh)
        return Written(len(fresh), 0, sum(not row.faults for row in rows) - len(fresh))
