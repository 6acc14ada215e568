"""Products from a file, and after the last row the links between them: next products and accessories."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Any, ClassVar

from sqlalchemy import Boolean, Connection, Integer, Text, delete, false, literal, or_, select, tuple_

from regulars.core.diagnostics import did_you_mean
from regulars.db.engine import insert
from regulars.db.rowset import Types, ids, lookup, rowset, upsert
from regulars.db.tables import product_links, products, purchase_lines, purchases
from regulars.db.types import Instant, Key, Money
from regulars.importing import cells, column_names, date_formats, numbers, places
from regulars.importing.columns import Column
from regulars.importing.refused import Refused
from regulars.importing.report import BadRow
from regulars.importing.rows import Importer, Row, Written
from regulars.profile import facts

_PRODUCT: Types = {
    "sku": Text(), "name": Text(), "category": Text(), "price": Money(), "currency": Text(), "url": Text(),
    "image_url": Text(), "consumable": Boolean(), "launched_at": Instant(),
}  # fmt: skip
_LINK: Types = {"product_id": Key, "kind": Text(), "target_id": Key, "rank": Integer(), "after_days": Integer()}
_DAYS = re.compile(r":\s*+(\d{1,4})(?:\s*+days?)?$")
KINDS = {"next": "next", "accessories": "accessory"}
"""Columns of links, and their names in the database."""

_NEAR = 5_000
"""Maximum products searched for the nearest name."""

Link = tuple[str, int | None]
"""A product's sku, and after how many days it is usually bought."""


def sequence(raw: Any) -> list[Link]:
    """`chainsaw:60; trimmer:90` or from JSON [{sku, after_days}]: next products, with the days until then."""
    found: list[Link] = []
    for item in cells.choices(raw):
        if isinstance(item, dict):
            days = item.get("after_days")
            if not isinstance(item.get("sku"), str) or not isinstance(days, int | None) or isinstance(days, bool):
                raise Refused("is not a list of products", 'expected `{"sku": "chainsaw", "after_days": 60}`')
            found.append((item["sku"].strip(), days))
            continue
        parts = _DAYS.search(str(item), 1)
        sku = str(item)[: parts.start()].rstrip() if parts else ""
        found.append((sku, int(parts[1])) if parts and sku else (str(item), None))
    return found


def _tuple(row: Row) -> list[Any]:
    launched = row.get("launched_at")
    return [row.get(name) for name in _PRODUCT if name != "launched_at"] + [launched and launched.micros]


class Products(Importer):
    """Products by their sku. Links are collected in memory: a catalogue is small."""

    needed: ClassVar = (("sku",),)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._links: dict[tuple[str, str], tuple[Row, list[Link]]] = {}
        self._touched: set[int] = set()

    def columns(self) -> Sequence[Column]:
        readers: Mapping[str, cells.Reader] = {
            "sku": cells.text(120),
            "name": cells.text(),
            "category": cells.text(),
            "price": numbers.money(self.options.decimal, "is below zero"),
            "currency": places.currency,
            "url": cells.url,
            "image_url": cells.url,
            "consumable": cells.yes_or_no,
            "launched_at": date_formats.moment(self.options.dates, self.options.timezone, day=time()),
            "next": sequence,
            "accessories": sequence,
        }
        return [Column(name, read, column_names.PRODUCTS[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        if row.get("sku") is None:
            row.refuse("has no sku", name="sku")
            return
        self.refuse_twin(row, "sku", "product")

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        rows = [row for (row,) in units]
        given = rowset(connection, "given", _PRODUCT, [_tuple(row) for row in rows])
        defaults = {"name": given.c.sku, "consumable": false()}
        if self.options.currency:
            defaults["currency"] = literal(self.options.currency, Text)
        added, changed = upsert(connection, products, given, "sku", defaults=defaults)
        self._touched |= changed
        for row in rows:
            for column, kind in KINDS.items():
                if row.get(column) is not None:
                    slim = Row(row.line, {}, headers=row.headers)
                    self._links[row.get("sku"), kind] = (slim, row.get(column))
        return Written(len(added), len(changed), len(rows) - len(added) - len(changed))

    def finish(self, connection: Connection) -> list[BadRow]:
        """Replaces the links of each product that states any; a link to an unknown product is refused."""
        named = {sku for sku, _ in self._links} | {sku for _, links in self._links.values() for sku, _ in links}
        known = {sku: keys[0] for sku, keys in lookup(connection, products.c.sku, named, products.c.id).items()}
        near = list(connection.scalars(select(products.c.sku).limit(_NEAR))) if named - known.keys() else []
        wanted: list[tuple[int, str, int, int, int | None]] = []
        for (sku, kind), (row, links) in self._links.items():
            wanted += self._resolved(known, near, sku, kind, row, links)
        changed = self._replace(connection, {(known[sku], kind) for sku, kind in self._links}, wanted)
        self._refresh(connection, changed | self._touched)
        return [fault for row, _ in self._links.values() for fault in row.faults]

    def _resolved(
        self, known: Mapping[str, int], near: Sequence[str], sku: str, kind: str, row: Row, links: Iterable[Link]
    ) -> list[tuple[int, str, int, int, int | None]]:
        column = "next" if kind == "next" else "accessories"
        found: dict[int, tuple[int, str, int, int, int | None]] = {}
        for target, days in links:
            if target not in known:
                row.faults.append(
                    BadRow(
                        row.line,
                        row.headers.get(column, column),
                        target,
                        f"product `{target}` is not known; `{sku}` is in, without this link",
                        did_you_mean(target, near),
                    )
                )
            elif known[target] not in found:
                found[known[target]] = (known[sku], kind, known[target], len(found) + 1, days)
        return list(found.values())

    @staticmethod
    def _replace(
        connection: Connection,
        stated: set[tuple[int, str]],
        wanted: Sequence[tuple[int, str, int, int, int | None]],
    ) -> set[int]:
        """Replaces the links of the stated (product, kind); returns the affected products."""
        types: Types = {"product_id": Key, "kind": Text()}
        mentioned = rowset(connection, "stated", types, [list(pair) for pair in stated])
        keep = rowset(connection, "wanted", _LINK, [list(link) for link in wanted])
        here = tuple_(product_links.c.product_id, product_links.c.kind)
        gone = connection.execute(
            delete(product_links)
            .where(here.in_(select(mentioned.c.product_id, mentioned.c.kind)))
            .where(
                tuple_(product_links.c.product_id, product_links.c.kind, product_links.c.target_id).not_in(
                    select(keep.c.product_id, keep.c.kind, keep.c.target_id)
                )
            )
            .returning(product_links.c.product_id)
        ).scalars()
        touched = set(gone)
        statement = insert(connection, product_links).from_select(
            list(_LINK), select(keep).where(keep.c.product_id.is_not(None))
        )
        new = statement.excluded
        return touched | set(
            connection.scalars(
                statement.on_conflict_do_update(
                    index_elements=["product_id", "kind", "target_id"],
                    set_={"rank": new.rank, "after_days": new.after_days},
                    where=or_(
                        product_links.c.rank.is_distinct_from(new.rank),
                        product_links.c.after_days.is_distinct_from(new.after_days),
                    ),
                ).returning(product_links.c.product_id)
            )
        )

    @staticmethod
    def _refresh(connection: Connection, changed: set[int]) -> None:
        """Recomputes the facts of clients with a changed product, or one with a link to it."""
        if not changed:
            return
        leading = select(product_links.c.product_id).where(product_links.c.target_id.in_(ids(connection, changed)))
        bought = (
            select(purchases.c.customer_id)
            .join(purchase_lines, purchase_lines.c.purchase_id == purchases.c.id)
            .where(
                or_(
                    purchase_lines.c.product_id.in_(ids(connection, changed)),
                    purchase_lines.c.product_id.in_(leading),
                )
            )
            .distinct()
        )
        facts.refresh(connection, bought)
