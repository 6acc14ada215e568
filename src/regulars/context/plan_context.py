"""The planning context of one transaction: the instant, facts, local days and campaigns that its queries share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, Protocol, TypeVar

from sqlalchemy import BigInteger, Connection, Date, FromClause, literal, select
from sqlalchemy.sql import ColumnElement, and_, func, true
from sqlalchemy.types import TypeEngine

from regulars.audience.evaluate import local_day
from regulars.audience.expression import Expression
from regulars.audience.local_days import elsewhere, today
from regulars.audience.sql import Scope
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.statement_cache import StatementCache
from regulars.db.sql_functions import regulars_label
from regulars.db.tables import customers, facts
from regulars.db.types import to_micros
from regulars.profile import facts as fact_store
from regulars.profile.time_zones import in_use
from regulars.rules.fields import FieldType
from regulars.rules.model import Campaign, Loc, Rulebook

_T = TypeVar("_T")
LONGEST = 200
"""How many characters tell one value of a client from another."""


class Ruleset(Protocol):
    """Rules that were read and whose conditions were compiled; a workspace is one."""

    @property
    def rulebook(self) -> Rulebook: ...

    @property
    def conditions(self) -> Mapping[Loc, Expression]: ...


@dataclass(frozen=True)
class PlanContext:
    """One transaction at one instant."""

    connection: Connection
    rules: Ruleset
    now: datetime
    known: FromClause
    """The facts as they stand at this instant, of all clients."""
    zones: tuple[str, ...]
    """The zones that clients live in, and the company's."""
    only: int | None = None
    """The one client who is looked at, in a simulation; None: all."""
    cache: StatementCache | None = None
    """Where a simulation keeps the statements of its instants."""
    cacheable: bool = False
    """Whether a statement is being put together that is to be kept."""

    @property
    def rulebook(self) -> Rulebook:
        """The rules that hold."""
        return self.rules.rulebook

    @property
    def zone(self) -> ColumnElement[str]:
        """The client's zone, or the company's."""
        return func.coalesce(customers.c.timezone, self.rulebook.company.timezone)

    @cached_property
    def facts(self) -> FromClause:
        """The facts of those who are looked at."""
        if self.only is None:
            return self.known
        return select(self.known).where(self.known.c.customer_id == self.only).subquery("facts_of_one")

    @cached_property
    def scope(self) -> Scope:
        """What every condition is asked of."""
        zone = self.rulebook.company.timezone

        def day(zone_name: str) -> ColumnElement[date]:
            return self.deferred(Date(), lambda at: local_day(at.now, zone_name, zone))

        now = self.deferred(BigInteger(), lambda at: to_micros(at.now))
        return Scope(now, customers, self.facts, zone, today(self._elsewhere, zone, day))

    @cached_property
    def _elsewhere(self) -> tuple[tuple[str, ...], ...]:
        return elsewhere(self.zones, self.now, self.rulebook.company.timezone)

    def cached(self, what: tuple[str | int, ...], active: ActiveCampaign, build: Callable[[PlanContext], _T]) -> _T:
        """A statement about a campaign: put together now, or at an earlier instant of the same simulation.

        All in it that depends on the instant must come by `deferred` and `deferred_for` of the context that `build` is
        given. It runs before the next is asked for.
        """
        if self.cache is None:
            return build(self)
        rule = (active.key, self.rulebook.digest(active.campaign), active.bounded, active.planned_at is None)
        key = (*what, *rule, self.only, self._elsewhere, self.known is facts)
        return self.cache.take(key, (self, active), lambda: build(replace(self, cacheable=True)))

    def deferred(self, kind: TypeEngine[Any], value: Callable[[PlanContext], Any]) -> ColumnElement[Any]:
        """What the instant makes of `value`; a kept statement looks it up each time it runs."""
        if self.cache is None or not self.cacheable:
            return literal(value(self), kind)
        return self.cache.deferred(kind, lambda asked: value(asked[0]))

    def deferred_for(
        self, active: ActiveCampaign, kind: TypeEngine[Any], value: Callable[[PlanContext, ActiveCampaign], Any]
    ) -> ColumnElement[Any]:  # fmt: skip
        """The same for what also depends on since when the campaign is in force, or when it was last planned."""
        if self.cache is None or not self.cacheable:
            return literal(value(self, active), kind)
        return self.cache.deferred(kind, lambda asked: value(*asked))

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

    def value(self, campaign: Campaign) -> ColumnElement[str]:
        """The value that a campaign watches, as text; NULL for nothing, zero and an empty text."""
        watched = self.rules.conditions["campaigns", campaign.name, campaign.trigger_key]
        found: ColumnElement[Any] = watched.sql(self.scope)
        if watched.node.type is FieldType.NUMBER:
            return func.nullif(regulars_label(found), "0")
        return func.nullif(func.substr(found, 1, LONGEST), "")

    def is_selected(self, customer_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a row is of a client who is looked at."""
        return true() if self.only is None else customer_id == self.only

    def state(self, campaign: Campaign) -> ColumnElement[bool]:
        """The condition and the audience of a campaign together."""
        name = campaign.name
        return and_(self.holds("campaigns", name, campaign.trigger_key), self.holds("campaigns", name, "audience"))


def plan_context(
    connection: Connection, rules: Ruleset, now: datetime, only: int | None = None, cache: StatementCache | None = None,
    *, brief: bool = False,
) -> PlanContext:  # fmt: skip
    """Looks at the database once for what every condition of this transaction needs.

    `brief` is for one look at a few promises: should `now` be past, everybody's facts are not worked out for it.
    """
    known = fact_store.source(connection, now) if brief else fact_store.materialized(connection, now, only)
    zones = tuple(sorted({rules.rulebook.company.timezone, *(zone for zone in in_use(connection) if zone)}))
    return PlanContext(connection, rules, now, known, zones, only, cache)
