"""The events by which a goal is reached, with the value of each, as SQL.

Values are integers in ten-thousandths, like money. A value has a currency where it is an amount of a purchase, or where
its event has a text field `currency`; else it is a plain number.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Subquery, Text, case, cast, func, literal, null, select, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.audience.expression import Expression, parse
from regulars.audience.rule_catalogue import catalogue_of
from regulars.audience.sql import Scope, instant
from regulars.db.event_source import PURCHASE, event_source
from regulars.db.json_fields import regulars_field_number, regulars_field_text, regulars_purchase
from regulars.db.tables import customers, events, facts, purchases
from regulars.db.types import EPOCH, MONEY_SCALE
from regulars.rules.fields import FieldType
from regulars.rules.goal_rules import CURRENCY, Goal
from regulars.rules.model import Rulebook

LARGEST = 1_000_000_000
"""The largest value of a declared field that is added up; one beyond it counts as none, so that no sum overflows."""
_MONEY = ("amount", "discount")
_PURCHASE_DATA = ("data", "amount", "currency", "quantity", "discount")


def goal_events(goal: Goal, rulebook: Rulebook) -> Subquery:
    """Columns: `source` (table), `id`, `external_id`, `customer_id`, `at`, `received_at`, `value`, `currency`.

    Instants are in microseconds; `value` is NULL where there is none to add up, `currency` where it is a plain number.
    """
    bought = goal.event == PURCHASE
    table = purchases if bought else events
    value, currency = _purchase_value(goal, rulebook) if bought else _event_value(goal, rulebook)
    query = select(
        literal("purchase" if bought else "event", Text).label("source"),
        table.c.id,
        table.c.external_id,
        table.c.customer_id,
        type_coerce(table.c.occurred_at, BigInteger).label("at"),
        type_coerce(table.c.received_at, BigInteger).label("received_at"),
        value.label("value"),
        currency.label("currency"),
    )
    if not bought:
        query = query.where(events.c.name == goal.event)
    condition = goal_condition(goal, rulebook)
    if condition is not None:
        query = query.where(condition.sql(_scope(goal, rulebook)))
    return query.subquery("reached")


def happened_events(goal: Goal, rulebook: Rulebook) -> Subquery:
    """The same events without values: `customer_id` and `at`; cheaper where only whether it happened is asked."""
    if goal.condition is not None:
        reached = goal_events(goal, rulebook)
        return select(reached.c.customer_id, reached.c.at).subquery("happened")
    happened = event_source(goal.event)
    return select(happened.c.customer_id, type_coerce(happened.c.occurred_at, BigInteger).label("at")).subquery("goal")


def _purchase_value(goal: Goal, rulebook: Rulebook) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    field = goal.counted
    if field in _MONEY:
        own = func.coalesce(purchases.c.currency, literal(rulebook.company.currency, Text))
        return type_coerce(purchases.c[field], BigInteger), own
    if field == "quantity":
        return purchases.c.quantity * MONEY_SCALE, null()
    return _number(purchases.c.data, field), null()


def _event_value(goal: Goal, rulebook: Rulebook) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    if goal.counted is None:
        return cast(null(), BigInteger), cast(null(), Text)
    value = _number(events.c.data, goal.counted)
    declared = rulebook.events.get(goal.event, {})
    if declared.get(CURRENCY) is not FieldType.TEXT:
        return value, cast(null(), Text)
    own = regulars_field_text(events.c.data, literal(CURRENCY))
    return value, func.coalesce(own, literal(rulebook.company.currency, Text))


def _number(data: ColumnElement[Any], field: str | None) -> ColumnElement[Any]:
    number = regulars_field_number(data, literal(field))
    return case((func.abs(number) <= LARGEST, cast(func.round(number * MONEY_SCALE), BigInteger)))


def goal_condition(goal: Goal, rulebook: Rulebook) -> Expression | None:
    """The goal's condition over its event, which is all that it asks about."""
    return parse(goal.condition, catalogue_of(rulebook), goal.event) if goal.condition is not None else None


def _scope(goal: Goal, rulebook: Rulebook) -> Scope:
    bought = goal.event == PURCHASE
    table = purchases if bought else events
    data = regulars_purchase(*(purchases.c[name] for name in _PURCHASE_DATA)) if bought else events.c.data
    return Scope(
        now=instant(EPOCH), customers=customers, facts=facts, zone=rulebook.company.timezone, event_data=data,
        event_at=type_coerce(table.c.occurred_at, BigInteger),
    )  # fmt: skip
