"""Compiles a condition to a SQLAlchemy expression over clients, with the same semantics as the Python.

Values: texts, doubles, booleans, dates, instants as microseconds since 1970, and NULL for unknown. Values
of the author and of data are bound parameters, never SQL text.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Double,
    FromClause,
    Integer,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    select,
    type_coerce,
)
from sqlalchemy.sql import ColumnElement, and_, or_
from sqlalchemy.types import TypeEngine

from regulars.audience import day_spans, nodes, segment_members, upcoming_sql
from regulars.audience.computed_fields import COMPUTED
from regulars.audience.nodes import PURCHASE, Comparison, Node
from regulars.db import tables
from regulars.db.json_fields import BY_TYPE, regulars_list_holds
from regulars.db.sql_functions import (
    regulars_contains,
    regulars_date,
    regulars_days,
    regulars_ends_with,
    regulars_is_null,
    regulars_minus,
    regulars_not,
    regulars_ordered,
    regulars_over,
    regulars_plus,
    regulars_starts_with,
    regulars_times,
)
from regulars.db.types import MICROSECOND, MONEY_SCALE, Instant, Money, to_micros
from regulars.rules.fields import CLIENT_FIELDS, ClientField, FieldType, Origin

_TYPES: dict[FieldType, TypeEngine[Any]] = {
    FieldType.TEXT: Text(), FieldType.NUMBER: Double(), FieldType.BOOL: Boolean(), FieldType.DATE: Date(),
    FieldType.INSTANT: BigInteger(), FieldType.LIST: Text(),
}  # fmt: skip
_COMPARE: dict[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.EQ: operator.eq, Comparison.NE: operator.ne, Comparison.LT: operator.lt,
    Comparison.LE: operator.le, Comparison.GT: operator.gt, Comparison.GE: operator.ge,
}  # fmt: skip
_CALCULATE: dict[str, Callable[..., ColumnElement[float]]] = {
    "+": regulars_plus, "-": regulars_minus, "*": regulars_times, "/": regulars_over,
}  # fmt: skip
_TEXT_TESTS: dict[str, Callable[..., ColumnElement[bool]]] = {
    "contains": regulars_contains, "starts_with": regulars_starts_with, "ends_with": regulars_ends_with,
}  # fmt: skip

Column = ColumnElement[Any]


def instant(now: datetime) -> ColumnElement[int]:
    """An instant as conditions use it."""
    return literal(to_micros(now), BigInteger)


@dataclass(frozen=True)
class Scope:
    """The scope in which a condition is compiled. The statement must have `customers`, and `facts` joined to it.

    `now` is in microseconds, as `instant` makes it. `facts` is the table or `profile.facts.source(…)`. `today` is each
    client's own date, as `today_by_zone` makes it; `zones` are the known zones of clients. `event_data` and `event_at`
    are those of the event that triggered the campaign, if any, and `product` is the product that did.
    """

    now: ColumnElement[int]
    customers: FromClause
    facts: FromClause
    zone: str
    today: ColumnElement[date] | None = None
    zones: tuple[str, ...] | None = None
    event_data: ColumnElement[Any] | None = None
    event_at: ColumnElement[Any] | None = None
    product: FromClause | None = None


@dataclass(frozen=True)
class Statement:
    """Compiles nodes to SQL within one scope."""

    scope: Scope

    def value(self, node: Node) -> Column:
        """The SQL of a node; unknown is NULL."""
        match node:
            case nodes.AllOf() | nodes.AnyOf() | nodes.Not() | nodes.IsNone() | nodes.Choose():
                return self._logic(node)
            case nodes.Compare() | nodes.Member() | nodes.Holds() | nodes.TextTest():
                return self._test(node)
            case nodes.Arithmetic() | nodes.Negate() | nodes.DaysSince():
                return self._number(node)
            case nodes.Bought() | nodes.History():
                return self._history(node)
            case nodes.Lines():
                return self._sum_of_lines(node)
            case nodes.Upcoming():
                return upcoming_sql.upcoming(node, self.scope.customers, self.scope.now)
            case nodes.InSegment() | nodes.LeftSegment():
                return self._segment(node)
        return self._plain(node)

    def _plain(self, node: Node) -> Column:
        match node:
            case nodes.Literal(value=None):
                return cast(null(), _TYPES[node.type])
            case nodes.Literal(value=datetime() as value):
                return literal(to_micros(value), BigInteger)
            case nodes.Literal():
                return literal(node.value, _TYPES[node.type])
            case nodes.Now():
                return self.scope.now
            case nodes.Today():
                return self._today
            case nodes.EventField(name="at"):
                return type_coerce(_given(self.scope.event_at, "event_at"), BigInteger)
            case nodes.EventField() | nodes.CustomerField(custom=True):
                return self._from_json(node)
            case nodes.CustomerField() | nodes.ProductField():
                return self._built_in(node.name) if isinstance(node, nodes.CustomerField) else self._of_product(node)
        raise TypeError(f"no SQL for {node!r}")

    @property
    def _today(self) -> Column:
        return _given(self.scope.today, "today")

    def _json(self, node: Node) -> tuple[Column, str]:
        if isinstance(node, nodes.EventField):
            return _given(self.scope.event_data, "event_data"), node.name
        assert isinstance(node, nodes.CustomerField)
        return self.scope.customers.c.attrs, node.name

    def _from_json(self, node: Node) -> Column:
        data, key = self._json(node)
        return BY_TYPE[node.type](data, literal(key, Text))

    def _built_in(self, name: str) -> Column:
        field, clients, facts = CLIENT_FIELDS[name], self.scope.customers, self.scope.facts
        match field.origin:
            case Origin.COLUMN:
                return _asked(clients.c[name], tables.customers.c[name].type, field)
            case Origin.FACT:
                return _asked(facts.c[name], tables.facts.c[name].type, field)
            case Origin.MANAGER:
                them = tables.managers.alias()
                return self._one(select(them.c.external_id).where(them.c.id == clients.c.manager_id))
            case Origin.PRODUCT:
                things = tables.products.alias()
                return self._one(select(things.c.sku).where(things.c.id == facts.c[f"{name}_id"]))
            case Origin.LEARNED:
                worth = tables.worth
                return self._one(select(worth.c[name]).where(worth.c.customer_id == clients.c.id))
            case Origin.COMPUTED:
                return COMPUTED[name].in_sql(clients, facts, self.scope.now)
        assert_never(field.origin)

    def _of_product(self, node: nodes.ProductField) -> Column:
        if self.scope.product is None:
            raise ValueError("the condition needs `product` in its scope")
        found = self.scope.product.c[node.name]
        if node.name == "price":
            return _money(type_coerce(found, BigInteger))
        return type_coerce(found, BigInteger) if node.type is FieldType.INSTANT else found

    def _logic(self, node: Node) -> Column:
        match node:
            case nodes.Not():
                return regulars_not(self.value(node.operand))
            case nodes.AllOf():
                return and_(*(self.value(part) for part in node.operands))
            case nodes.AnyOf():
                return or_(*(self.value(part) for part in node.operands))
            case nodes.IsNone():
                return regulars_is_null(self.value(node.operand))
            case nodes.Choose():
                return case((self.value(node.condition), self.value(node.yes)), else_=self.value(node.no))
        raise TypeError(f"no SQL for {node!r}")

    def _test(self, node: Node) -> Column:
        match node:
            case nodes.Compare():
                return self._compare(node)
            case nodes.Member(items=()):
                return literal(False, Boolean)
            case nodes.Member():
                return self.value(node.operand).in_([self.value(item) for item in node.items])
            case nodes.Holds():
                data, key = self._json(node.field)
                return regulars_list_holds(data, literal(key, Text), self.value(node.operand))
            case nodes.TextTest():
                return _TEXT_TESTS[node.function](self.value(node.whole), self.value(node.part))
        raise TypeError(f"no SQL for {node!r}")

    def _compare(self, node: nodes.Compare) -> Column:
        op, left, right = node.op, node.left, node.right
        if isinstance(right, nodes.DaysSince):
            op, left, right = op.swapped, right, left
        if isinstance(left, nodes.DaysSince) and left.operand.type is FieldType.INSTANT:
            match right:
                case nodes.Literal(value=float() as count):
                    cheap = isinstance(left.operand, (nodes.CustomerField, nodes.EventField))
                    moment = self.value(left.operand)
                    bounds = day_spans.compare(op, count, moment, self.scope.now, until=left.until, cheap=cheap)
                    if bounds is not None:
                        return bounds
        if isinstance(left, nodes.LocalDay) or isinstance(right, nodes.LocalDay):
            days: Column = _COMPARE[op](self._day_number(left), self._day_number(right))
            return days
        one, two = self.value(left), self.value(right)
        if left.type is FieldType.TEXT and op not in (Comparison.EQ, Comparison.NE):
            one, two = regulars_ordered(one), regulars_ordered(two)
        compared: Column = _COMPARE[op](one, two)
        return compared

    def _day_number(self, node: Node) -> Column:
        """A date as the number 20260131; of an instant, the date in the client's zone."""
        if not isinstance(node, nodes.LocalDay):
            return regulars_date(self.value(node))
        zones = self.scope.zones
        if zones is None:
            raise ValueError("the condition needs `zones` in its scope")
        own, company = self.scope.customers.c.timezone, literal(self.scope.zone, Text)
        known = own.in_([literal(name, Text) for name in zones])
        zone = case((known, own), else_=company) if zones else company
        return day_spans.local_day_number(self.value(node.operand), zone)

    def _number(self, node: Node) -> Column:
        match node:
            case nodes.Negate():
                return regulars_minus(literal(0.0, Double), self.value(node.operand))
            case nodes.Arithmetic():
                return _CALCULATE[node.op](self.value(node.left), self.value(node.right))
            case nodes.DaysSince():
                since = self.value(node.operand)
                if node.operand.type is FieldType.DATE:
                    pair = (since, self._today) if node.until else (self._today, since)
                    return regulars_days(*pair)
                found = day_spans.days_since(since, self.scope.now)
                return regulars_minus(literal(0.0, Double), found) if node.until else found
        raise TypeError(f"no SQL for {node!r}")

    # ---------------------------------------------------------------- what happened

    def _history(self, node: nodes.Bought | nodes.History) -> Column:
        if isinstance(node, nodes.Bought):
            return self._bought(node)
        if node.within is None and node.event == PURCHASE and (fact := _FACT_OF.get(node.function)):
            return self._built_in(fact)
        table = (tables.purchases if node.event == PURCHASE else tables.events).alias()
        at = type_coerce(table.c.occurred_at, BigInteger)
        match node.function:
            case "did":
                return self._rows(select(literal(1)), table, node.event, node.within).exists()
            case "count":
                return cast(
                    self._one(self._rows(select(func.count(table.c.id)), table, node.event, node.within)), Double
                )
            case "spent":
                total = cast(func.sum(type_coerce(table.c.amount, BigInteger)), BigInteger)
                return _money(
                    func.coalesce(self._one(self._rows(select(total), table, node.event, node.within)), literal(0))
                )
            case "first":
                return self._one(self._rows(select(func.min(at)), table, node.event, node.within))
        return self._one(self._rows(select(func.max(at)), table, node.event, node.within))

    def _rows(self, query: Select[Any], table: FromClause, event: str, within: timedelta | None) -> Select[Any]:
        """The client's past rows of one kind, within the span `within`."""
        at, now = type_coerce(table.c.occurred_at, BigInteger), self.scope.now
        query = query.select_from(table).where(table.c.customer_id == self.scope.customers.c.id)
        if event != PURCHASE:
            query = query.where(table.c.name == literal(event, Text))
        if within is not None:
            query = query.where(at > now - literal(within // MICROSECOND, BigInteger))
        return query.where(at <= now).correlate(self.scope.customers)

    def _bought(self, node: nodes.Bought) -> Column:
        bought, lines, things = (t.alias() for t in (tables.purchases, tables.purchase_lines, tables.products))
        what = literal(node.what, Text)
        query = self._rows(select(literal(1)), bought, PURCHASE, node.within)
        return (
            query.join(lines, lines.c.purchase_id == bought.c.id)
            .join(things, things.c.id == lines.c.product_id)
            .where(or_(things.c.sku == what, things.c.category == what))
            .exists()
        )

    def _sum_of_lines(self, node: nodes.Lines) -> Column:
        bought, lines, things = (t.alias() for t in (tables.purchases, tables.purchase_lines, tables.products))
        what, money = literal(node.what, Text), node.function == "spent"
        column = type_coerce(lines.c.amount, BigInteger) if money else lines.c.quantity
        total = select(cast(func.sum(column), BigInteger))
        query = self._rows(total, bought, PURCHASE, node.within)
        query = query.join(lines, lines.c.purchase_id == bought.c.id).join(things, things.c.id == lines.c.product_id)
        found = func.coalesce(self._one(query.where(or_(things.c.sku == what, things.c.category == what))), literal(0))
        return _money(found) if money else cast(found, Double)

    def _segment(self, node: nodes.InSegment | nodes.LeftSegment) -> Column:
        inside: Column = func.coalesce(self.value(node.body), literal(False, Boolean))
        if isinstance(node, nodes.InSegment):
            return inside
        return and_(segment_members.was_in(node.name, self.scope.customers, self.scope.now), regulars_not(inside))

    def _one(self, query: Select[Any]) -> Column:
        return query.correlate(self.scope.customers, self.scope.facts).scalar_subquery()


_FACT_OF = {"count": "purchases", "spent": "spent", "first": "first_purchase_at", "last": "last_purchase_at"}
"""Values over all purchases that facts already have."""


def _given(column: ColumnElement[Any] | None, name: str) -> Column:
    if column is None:
        raise ValueError(f"the condition needs `{name}` in its scope")
    return column


def _asked(column: Column, kept: TypeEngine[Any], field: ClientField) -> Column:
    """A column as conditions use it: numbers as doubles, instants as microseconds; counts with 0 for NULL."""
    if isinstance(kept, (Instant, Money)):
        column = type_coerce(column, BigInteger)
    if field.count:
        column = func.coalesce(column, literal(0))
    if isinstance(kept, Money):
        return _money(column)
    return cast(column, Double) if isinstance(kept, Integer) else column


def _money(amount: Column) -> Column:
    return regulars_over(cast(amount, Double), literal(float(MONEY_SCALE), Double))
