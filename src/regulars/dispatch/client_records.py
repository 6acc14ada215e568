"""Clients as their emails speak of them: only what some email of the batch says of a client is fetched at all.

Most emails name a handful of fields; the sixty that a client has would cost more to fetch than the email to render.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, FromClause, select

from regulars.audience.computed_fields import FINISHED, PLAIN, Model, finished, model_in_force
from regulars.context.plan_context import PlanContext
from regulars.db.tables import customers, managers, products, promises, worth
from regulars.db.types import DAY, to_micros

Record = Mapping[str, Any]

ADDRESS = ("external_id", "email", "name", "first_name", "last_name", "locale", "timezone")
"""What it takes to address a letter; these are always there."""
_CUSTOMER = (*ADDRESS, "company", "phone", "country", "birthday", "source", "created_at")
_MANAGER = ("name", "email", "title", "phone", "locale", "timezone")
_FACTS = ("purchases", "spent", "first_purchase_at", "last_purchase_at", "rhythm", "next_product_at")
_MADE_OF = {"overdue": ("last_purchase_at", "rhythm"), "next_product": ("next_product_id",)}
PRODUCT = ("sku", "name", "category", "price", "currency", "url", "image_url")


@dataclass(frozen=True, slots=True)
class ClientFields:
    """Which fields of a client a batch speaks of, by where they come from."""

    own: tuple[str, ...]
    facts: tuple[str, ...]
    finished: tuple[str, ...]
    fields: tuple[str, ...]
    """The workspace's own."""
    names: frozenset[str]

    @classmethod
    def of(cls, names: Collection[str] | None, fields: Collection[str]) -> ClientFields:
        """For these names; None: for all there are. Names that no client has are passed over."""
        every = frozenset((*_CUSTOMER, *_FACTS, *FINISHED, *_MADE_OF, *fields))
        wanted = every if names is None else every & {*names, *ADDRESS}
        made = tuple(n for n in FINISHED if n in wanted)
        facts = {n for n in _FACTS if n in wanted}
        facts |= {column for name, columns in _MADE_OF.items() if name in wanted for column in columns}
        if made:  # each is made of a few of them
            facts |= {*_FACTS, *PLAIN}
        return cls(
            tuple(n for n in _CUSTOMER if n in wanted), tuple(sorted(facts)), made,
            tuple(n for n in fields if n in wanted), wanted,
        )  # fmt: skip

    def columns(self, facts: FromClause) -> list[ColumnElement[Any]]:
        """What to select, in the order in which `people` takes it; labelled, for facts may be a subquery."""
        found: list[Column[Any] | ColumnElement[Any]] = [customers.c[n].label(f"c_{n}") for n in self.own]
        found += [managers.c[n].label(f"m_{n}") for n in ("external_id", *_MANAGER)]
        found += [facts.c[n].label(f"f_{n}") for n in self.facts]
        if self.finished or self.fields:
            found += [customers.c.attrs.label("c_attrs"), worth.c.clv.label("w_clv")]
        return found

    def source(self, facts: FromClause) -> FromClause:
        """The tables these columns are from, joined to the promises."""
        joined: FromClause = promises.join(customers, customers.c.id == promises.c.customer_id)
        if self.facts:
            joined = joined.join(facts, facts.c.customer_id == customers.c.id)
        if self.finished or self.fields:
            joined = joined.outerjoin(worth, worth.c.customer_id == customers.c.id)
        return joined.outerjoin(managers, managers.c.id == customers.c.manager_id)

    def people(
        self, connection: Connection, context: PlanContext, rows: Sequence[Sequence[Any]]
    ) -> list[tuple[dict[str, Any], Record | None]]:
        """The client and, if there is one, the manager of each row."""
        own, after = len(self.own), len(self.own) + 1 + len(_MANAGER)
        found: list[tuple[dict[str, Any], Record | None]] = []
        for row in rows:
            customer = dict(zip(self.own, row, strict=False))
            manager = dict(zip(_MANAGER, row[own + 1 : after], strict=True)) if row[own + 1] is not None else None
            customer["manager"] = row[own]
            found.append((customer, manager))
        if self.facts or self.fields:
            self._complete(connection, context, [customer for customer, _ in found], [row[after:] for row in rows])
        return found

    def _complete(
        self,
        connection: Connection,
        context: PlanContext,
        people: Sequence[dict[str, Any]],
        rows: Sequence[Sequence[Any]],
    ) -> None:
        model = model_in_force(connection) if "p_alive" in self.names else None
        facts = [dict(zip(self.facts, row, strict=False)) for row in rows]
        known = by_id(connection, {f.get("next_product_id") for f in facts} - {None})
        for customer, row, had in zip(people, rows, facts, strict=True):
            attrs = (row[-2] or {}) if self.finished or self.fields else {}
            more: dict[str, Any] = {name: attrs.get(name) for name in self.fields}
            more |= {name: had[name] for name in _FACTS if name in self.names}
            if self.finished:
                more |= self._finish({**attrs, **had, "clv": row[-1]}, model, context.now)
            if "overdue" in self.names:
                more["overdue"] = overdue(had["last_purchase_at"], had["rhythm"], context.now)
            if "next_product" in self.names:
                more["next_product"] = known.get(had["next_product_id"])
            customer.update(more)

    def _finish(self, facts: Record, model: Model | None, now: datetime) -> dict[str, Any]:
        return {name: finished(name, facts, model, to_micros(now)) for name in self.finished}


def overdue(last: datetime | None, rhythm: float | None, now: datetime) -> float | None:
    """Days since the last purchase, in units of the client's own rhythm."""
    return (to_micros(now) - to_micros(last)) / DAY / rhythm if last is not None and rhythm else None


def by_id(connection: Connection, wanted: Collection[Any]) -> dict[int, Record]:
    """Products as emails speak of them."""
    if not wanted:
        return {}
    rows = connection.execute(select(products).where(products.c.id.in_(wanted))).mappings()
    return {row["id"]: {n: row[n] for n in PRODUCT} for row in rows}
