"""The ground that conditions stand on in one transaction: which instant, whose facts, what day it is where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, FromClause, select
from sqlalchemy.sql import ColumnElement, and_, func, true

from regulars.audience import Expression, Scope, today_by_zone
from regulars.rules.model import Loc, Rulebook
from regulars.rules.names import FieldType
from regulars.store import facts as fact_store
from regulars.store.functions import regulars_label
from regulars.store.tables import customers
from regulars.store.zones import in_use

LONGEST = 200
"""How many characters tell one value of a client from another."""


class Ruleset(Protocol):
    """Rules that were read and whose conditions were compiled; a workspace is one."""

    @property
    def rulebook(self) -> Rulebook: ...

    @property
    def conditions(self) -> Mapping[Loc, Expression]: ...


@dataclass(frozen=True)
class Ground:
    """One transaction at one instant."""

    connection: Connection
    rules: Ruleset
    now: datetime
    facts: FromClause
    scope: Scope
    zones: tuple[str, ...]
    only: int | None = None
    """The one client who is looked at, in a rehearsal; None: all."""

    @property
    def rulebook(self) -> Rulebook:
        """The rules that hold."""
        return self.rules.rulebook

    @property
    def zone(self) -> ColumnElement[str]:
        """The client's zone, or the company's."""
        return func.coalesce(customers.c.timezone, self.rulebook.company.timezone)

    def holds(
        self, *loc: str | int, event_data: ColumnElement[object] | None = None,
        event_at: ColumnElement[datetime] | None = None, product: FromClause | None = None,
    ) -> ColumnElement[bool]:  # fmt: skip
        """The condition written at `loc` as SQL, unknown counted as no; true where none is written."""
        condition = self.rules.conditions.get(loc)
        if condition is None:
            return true()
        scope = replace(self.scope, event_data=event_data, event_at=event_at, product=product)
        return func.coalesce(condition.sql(scope), False)

    def value(self, name: str) -> ColumnElement[str]:
        """The value that an `each` campaign watches, as text; NULL for nothing, zero and an empty text."""
        watched = self.rules.conditions["campaigns", name, "each"]
        found: ColumnElement[Any] = watched.sql(self.scope)
        if watched.node.type is FieldType.NUMBER:
            return func.nullif(regulars_label(found), "0")
        return func.nullif(func.substr(found, 1, LONGEST), "")

    def mine(self, customer_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a row is of a client who is looked at."""
        return true() if self.only is None else customer_id == self.only

    def state(self, name: str) -> ColumnElement[bool]:
        """`when` and `audience` of a campaign together."""
        return and_(self.holds("campaigns", name, "when"), self.holds("campaigns", name, "audience"))


def ground(connection: Connection, rules: Ruleset, now: datetime, only: int | None = None) -> Ground:
    """Looks at the database once for what every condition of this transaction needs."""
    company_zone = rules.rulebook.company.timezone
    found = in_use(connection)
    facts = fact_store.source(connection, now)
    if only is not None:
        facts = select(facts).where(facts.c.customer_id == only).subquery("facts_of_one")
    scope = Scope(
        now=now, customers=customers, facts=facts, zone=company_zone,
        today=today_by_zone(found, now, company_zone),
    )  # fmt: skip
    zones = tuple(sorted({company_zone, *(z for z in found if z)}))
    return Ground(connection, rules, now, facts, scope, zones, only)
