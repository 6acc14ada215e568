"""Client data for emails: only the fields that emails of the batch use are fetched.

Most emails use a few fields; fetching all sixty would cost more than rendering the email.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import Column, ColumnElement, Connection, FromClause, select

from regulars.audience.computed_fields import COMPUTED, model_in_force
from regulars.context.plan_context import PlanContext
from regulars.db.tables import customers, managers, products, promises, worth
from regulars.db.types import to_micros
from regulars.rules.fields import CLIENT_FIELDS, FieldType, Origin, empty_value, fields_of

Record = Mapping[str, Any]

ADDRESS = ("external_id", "email", "name", "first_name", "last_name", "locale", "timezone")
"""Fields for addressing an email, always included."""
_MANAGER = ("name", "email", "title", "phone", "locale", "timezone")
PRODUCT = ("sku", "name", "category", "price", "currency", "url", "image_url")


@dataclass(frozen=True, slots=True)
class ClientFields:
    """The client fields that a batch uses, and their columns by table."""

    own: tuple[str, ...]
    """Columns of `customers`."""
    facts: tuple[str, ...]
    learned: tuple[str, ...]
    """Columns of `worth`."""
    fields: tuple[str, ...]
    """The workspace's own."""
    names: frozenset[str]
    empty: Mapping[str, Any]
    """The values of the workspace's own fields where a client has none: an empty list, or None."""

    @classmethod
    def of(cls, names: Collection[str] | None, fields: Mapping[str, FieldType]) -> ClientFields:
        """For these names; None: all. Unknown names are ignored."""
        every = frozenset((*CLIENT_FIELDS, *fields))
        wanted = every if names is None else every & {*names, *ADDRESS}
        own, facts, learned = [], set[str](), []
        for name, field in CLIENT_FIELDS.items():
            if name not in wanted:
                continue
            match field.origin:
                case Origin.COLUMN:
                    own.append(name)
                case Origin.FACT:
                    facts.add(name)
                case Origin.PRODUCT:
                    facts.add(f"{name}_id")
                case Origin.COMPUTED:
                    facts.update(COMPUTED[name].made_of)
                case Origin.LEARNED:
                    learned.append(name)
                case Origin.MANAGER:
                    pass  # every email can be in the manager's name
                case _:
                    assert_never(field.origin)
        return cls(
            tuple(own), tuple(sorted(facts)), tuple(learned), tuple(n for n in fields if n in wanted), wanted,
            {name: empty_value(kind) for name, kind in fields.items()},
        )  # fmt: skip

    def _has(self, *origins: Origin) -> tuple[str, ...]:
        return tuple(name for name in fields_of(*origins) if name in self.names)

    @property
    def _attrs(self) -> bool:
        """Whether the workspace's own fields are read: computed fields look for overrides among them."""
        return bool(self.fields or self._has(Origin.COMPUTED))

    def columns(self, facts: FromClause) -> list[ColumnElement[Any]]:
        """The columns to select, in the order that `people` expects; labelled, because facts can be a subquery."""
        found: list[Column[Any] | ColumnElement[Any]] = [customers.c[n].label(f"c_{n}") for n in self.own]
        found += [managers.c[n].label(f"m_{n}") for n in ("external_id", *_MANAGER)]
        found += [facts.c[n].label(f"f_{n}") for n in self.facts]
        found += [worth.c[n].label(f"w_{n}") for n in self.learned]
        return [*found, customers.c.attrs.label("c_attrs")] if self._attrs else found

    def source(self, facts: FromClause) -> FromClause:
        """The tables these columns are from, joined to the promises."""
        joined: FromClause = promises.join(customers, customers.c.id == promises.c.customer_id)
        if self.facts:
            joined = joined.join(facts, facts.c.customer_id == customers.c.id)
        if self.learned:
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
        if self.facts or self.learned or self.fields:
            self._complete(connection, context, [customer for customer, _ in found], [row[after:] for row in rows])
        return found

    def _complete(
        self,
        connection: Connection,
        context: PlanContext,
        people: Sequence[dict[str, Any]],
        rows: Sequence[Sequence[Any]],
    ) -> None:
        model = model_in_force(connection) if {"p_alive", "others_returned"} & set(self.names) else None
        moment, kept = to_micros(context.now), (*self.facts, *self.learned)
        plain, computed = self._has(Origin.FACT, Origin.LEARNED), self._has(Origin.COMPUTED)
        following = self._has(Origin.PRODUCT)
        had = [dict(zip(kept, row, strict=False)) for row in rows]
        known = by_id(connection, {values[f"{name}_id"] for values in had for name in following} - {None})
        for customer, row, values in zip(people, rows, had, strict=True):
            attrs = (row[-1] or {}) if self._attrs else {}
            customer.update({name: attrs.get(name, self.empty[name]) for name in self.fields})
            customer.update({name: values[name] for name in plain})
            customer.update({name: known.get(values[f"{name}_id"]) for name in following})
            if computed:
                fields = {**attrs, **values}
                customer.update({name: COMPUTED[name].of_client(fields, model, moment) for name in computed})


def by_id(connection: Connection, wanted: Collection[Any]) -> dict[int, Record]:
    """Products as template values, by key."""
    if not wanted:
        return {}
    rows = connection.execute(select(products).where(products.c.id.in_(wanted))).mappings()
    return {row["id"]: {n: row[n] for n in PRODUCT} for row in rows}
