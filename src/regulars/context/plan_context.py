"""The planning context of one transaction: the instant, facts, local days and campaigns that its queries share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
"""Number of characters by which values of a client are distinguished."""


class Ruleset(Protocol):
    """Loaded rules with compiled conditions; a workspace is one."""

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
    """The facts of all clients as of this instant."""
    zones: tuple[str, ...]
    """The zones of clients and the company."""
    only: int | None = None
    """The only client considered, in a simulation; None: all."""
    among: FromClause | None = None
    """The clients considered, as a relation with `customer_id`; None: all, or the only one."""
    cache: StatementCache | None = None
    """The statement cache of a simulation."""
    with_decisions: frozenset[str] = frozenset()
    """Keys of the campaigns that have decisions in the database."""
    with_moves: frozenset[str] = frozenset()
    """Keys of the campaigns in which clients were moved because the rule was edited."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The keys of campaigns in the ledger by name, where one looks for another's clients."""
    cacheable: bool = False
    """Whether a statement for the cache is being built."""

    @property
    def rulebook(self) -> Rulebook:
        """The rules in force."""
        return self.rules.rulebook

    @property
    def zone(self) -> ColumnElement[str]:
        """The client's zone, or the company's."""
        return func.coalesce(customers.c.timezone, self.rulebook.company.timezone)

    @cached_property
    def facts(self) -> FromClause:
        """The facts of the clients considered."""
        if self.among is not None:
            chosen = self.known.c.customer_id == self.among.c.customer_id
            return select(self.known).join_from(self.among, self.known, chosen).subquery("facts_of_some")
        if self.only is None:
            return self.known
        return select(self.known).where(self.known.c.customer_id == self.only).subquery("facts_of_one")

    @cached_property
    def scope(self) -> Scope:
        """The scope in which conditions are compiled."""
        zone = self.rulebook.company.timezone

        def day(zone_name: str) -> ColumnElement[date]:
            return self.deferred(Date(), lambda at: local_day(at.now, zone_name, zone))

        now = self.deferred(BigInteger(), lambda at: to_micros(at.now))
        return Scope(now, customers, self.facts, zone, today(self._elsewhere, zone, day), self.zones)

    @cached_property
    def _elsewhere(self) -> tuple[tuple[str, ...], ...]:
        return elsewhere(self.zones, self.now, self.rulebook.company.timezone)

    def cached(self, what: tuple[str | int, ...], active: ActiveCampaign, build: Callable[[PlanContext], _T]) -> _T:
        """A statement about a campaign, built now or at an earlier instant of the same simulation.

        Everything in it that depends on the instant must use `deferred` and `deferred_for` of the context passed to
        `build`. Execute it before requesting the next one.
        """
        if self.cache is None:
            return build(self)
        rule = (active.key, self.rulebook.digest(active.campaign), active.bounded, active.planned_at is None)
        key = (*what, *rule, self.only, self.among is None, self._elsewhere, self.zones, self.known is facts)
        return self.cache.take(key, (self, active), lambda: build(replace(self, cacheable=True)))

    def deferred(self, kind: TypeEngine[Any], value: Callable[[PlanContext], Any]) -> ColumnElement[Any]:
        """A value that depends on the instant; a cached statement looks it up at each execution."""
        if self.cache is None or not self.cacheable:
            return literal(value(self), kind)
        return self.cache.deferred(kind, lambda asked: value(asked[0]))

    def deferred_for(
        self, active: ActiveCampaign, kind: TypeEngine[Any], value: Callable[[PlanContext, ActiveCampaign], Any]
    ) -> ColumnElement[Any]:  # fmt: skip
        """The same for a value that also depends on the campaign's activation or last plan."""
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
        """The value that a campaign watches, as text; NULL for none, zero and an empty text."""
        watched = self.rules.conditions["campaigns", campaign.name, campaign.trigger_key]
        found: ColumnElement[Any] = watched.sql(self.scope)
        if watched.node.type is FieldType.NUMBER:
            return func.nullif(regulars_label(found), "0")
        return func.nullif(func.substr(found, 1, LONGEST), "")

    def is_selected(self, customer_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a row belongs to a client considered."""
        if self.among is not None:
            return customer_id.in_(select(self.among.c.customer_id))
        return true() if self.only is None else customer_id == self.only

    def decided(self, active: ActiveCampaign) -> bool:
        """Whether the campaign's sequence has decisions, or had some under an earlier rule."""
        return active.key in self.with_decisions or bool(active.campaign.route.decisions)

    def state(self, campaign: Campaign) -> ColumnElement[bool]:
        """The condition and the audience of a campaign together."""
        name = campaign.name
        return and_(self.holds("campaigns", name, campaign.trigger_key), self.holds("campaigns", name, "audience"))


def plan_context(
    connection: Connection, rules: Ruleset, now: datetime, only: int | None = None, cache: StatementCache | None = None,
    *, brief: bool = False,
) -> PlanContext:  # fmt: skip
    """Reads once from the database what all conditions of this transaction need.

    `brief` is for a check of a few promises: if `now` is in the past, it does not compute the facts of all clients.
    """
    known = fact_store.source(connection, now) if brief else fact_store.materialized(connection, now, only)
    zones = tuple(sorted({rules.rulebook.company.timezone, *in_use(connection)}))
    return PlanContext(connection, rules, now, known, zones, only, cache=cache)
