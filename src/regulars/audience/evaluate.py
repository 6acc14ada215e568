"""Evaluates a condition for one person in Python, with the same semantics as the SQL.

Values: texts, floats, bools, dates, instants as microseconds since 1970, and None for unknown.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from regulars.audience import nodes
from regulars.audience.computed_fields import COMPUTED
from regulars.audience.day_spans import DATED
from regulars.audience.nodes import PURCHASE, Comparison, Node
from regulars.audience.person import EventFact, Person
from regulars.audience.upcoming_sql import VISIT_ID
from regulars.core import calendar
from regulars.db.json_fields import readable
from regulars.db.types import DAY, MICROSECOND, MONEY_SCALE, from_micros, to_micros
from regulars.profile.visits import BOOKED, CANCELLED
from regulars.rules.fields import CLIENT_FIELDS, DERIVED, FieldType, Origin

COMPARE: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQ: operator.eq, Comparison.NE: operator.ne, Comparison.LT: operator.lt,
    Comparison.LE: operator.le, Comparison.GT: operator.gt, Comparison.GE: operator.ge,
}  # fmt: skip
"""The operator of each comparison for two known values."""
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains, "starts_with": str.startswith, "ends_with": str.endswith,
}  # fmt: skip


def local_day(now: datetime, zone: str | None, default: str) -> date:
    """The date of `now` in the zone; an unknown zone means the default one."""
    try:
        return calendar.local_date(now, zone or default)
    except ValueError:
        return calendar.local_date(now, default)


@dataclass(slots=True)
class Evaluation:
    """One person at one instant."""

    person: Person
    now: datetime
    moment: int = field(init=False)
    today: date = field(init=False)

    def __post_init__(self) -> None:
        self.moment = to_micros(self.now)
        self.today = local_day(self.now, self.person.fields.get("timezone"), self.person.zone)

    def value(self, node: Node) -> Any:
        """The value of a node; None is unknown."""
        match node:
            case nodes.AllOf() | nodes.AnyOf() | nodes.Not() | nodes.IsNone() | nodes.Choose():
                return self._logic(node)
            case nodes.Compare() | nodes.Member() | nodes.Holds() | nodes.TextTest():
                return self._test(node)
            case nodes.Arithmetic() | nodes.Negate() | nodes.DaysSince():
                return self._number(node)
            case nodes.Bought() | nodes.History():
                return self._history(node)
            case nodes.Lines() | nodes.Upcoming():
                return self._sum_of_lines(node) if isinstance(node, nodes.Lines) else self._upcoming(node)
            case nodes.InSegment() | nodes.LeftSegment():
                inside = self.value(node.body) is True
                return inside if isinstance(node, nodes.InSegment) else node.name in self.person.was_in and not inside
        return self._local_day(node) if isinstance(node, nodes.LocalDay) else self._plain(node)

    def _plain(self, node: Node) -> Any:
        match node:
            case nodes.Literal(value=datetime() as value):
                return to_micros(value)
            case nodes.Literal():
                return node.value
            case nodes.Now():
                return self.moment
            case nodes.Today():
                return self.today
            case nodes.EventField(name="at"):
                at = (self.person.event or {}).get("at")
                return None if at is None else to_micros(at)
            case nodes.EventField():
                return readable(node.type, (self.person.event or {}).get(node.name))
            case nodes.CustomerField():
                return self._of_client(node)
            case nodes.ProductField():
                return _plain((self.person.product or {}).get(node.name))
        raise TypeError(f"no value for {node!r}")

    def _of_client(self, node: nodes.CustomerField) -> Any:
        return readable(node.type, self.person.fields.get(node.name)) if node.custom else self.built_in(node.name)

    def built_in(self, name: str) -> Any:
        """The value of a built-in field."""
        field, person = CLIENT_FIELDS[name], self.person
        if field.origin is Origin.COMPUTED:
            return COMPUTED[name].of_client(person.fields, person.model, self.moment)
        value = person.fields.get(name)
        if value is None:
            return 0.0 if field.count else None
        if field.type is FieldType.NUMBER:
            return _money(value) if isinstance(value, Decimal) else float(value)
        return to_micros(value) if isinstance(value, datetime) else value

    def _logic(self, node: Node) -> Any:
        match node:
            case nodes.Not():
                value = self.value(node.operand)
                return None if value is None else not value
            case nodes.AllOf():
                values = [self.value(part) for part in node.operands]
                return False if False in values else None if None in values else True
            case nodes.AnyOf():
                values = [self.value(part) for part in node.operands]
                return True if True in values else None if None in values else False
            case nodes.IsNone():
                return self.value(node.operand) is None
            case nodes.Choose():
                return self.value(node.yes if self.value(node.condition) else node.no)
        raise TypeError(f"no logic for {node!r}")

    def _test(self, node: Node) -> bool | None:
        match node:
            case nodes.Compare():
                left, right = self.value(node.left), self.value(node.right)
                return None if left is None or right is None else COMPARE[node.op](left, right)
            case nodes.Member(items=()):
                return False
            case nodes.Member():
                value = self.value(node.operand)
                return None if value is None else any(value == self.value(item) for item in node.items)
            case nodes.Holds():
                text, held = self.value(node.operand), self.value(node.field)
                return None if text is None or held is None else text in held
            case nodes.TextTest():
                whole, part = self.value(node.whole), self.value(node.part)
                return None if whole is None or part is None else _TEXT_TESTS[node.function](whole, part)
        raise TypeError(f"no test for {node!r}")

    def _number(self, node: Node) -> float | None:
        match node:
            case nodes.Negate():
                value = self.value(node.operand)
                return None if value is None else -value
            case nodes.Arithmetic():
                return _calculate(node.op, self.value(node.left), self.value(node.right))
            case nodes.DaysSince():
                since = self.value(node.operand)
                if since is None:
                    return None
                days = (self.today - since).days if isinstance(since, date) else (self.moment - since) // DAY
                return float(-days if node.until else days)
        raise TypeError(f"no number for {node!r}")

    # ---------------------------------------------------------------- what happened

    def _history(self, node: nodes.Bought | nodes.History) -> Any:
        if isinstance(node, nodes.Bought):
            return any(node.what in p.bought for p in self.person.purchases if self._recent(p.at, node.within))
        if node.function == "spent":
            if node.within is None:
                return self.built_in("spent")
            recent = [p.amount for p in self.person.purchases if self._recent(p.at, node.within)]
            return _money(sum((amount for amount in recent if amount is not None), Decimal(0)))
        moments = [to_micros(at) for at in self._moments(node.event) if self._recent(at, node.within)]
        match node.function:
            case "did":
                return bool(moments)
            case "count":
                return float(len(moments))
            case "first":
                return min(moments, default=None)
        return max(moments, default=None)

    def _sum_of_lines(self, node: nodes.Lines) -> float:
        recent = (line for p in self.person.purchases if self._recent(p.at, node.within) for line in p.lines)
        chosen = [line for line in recent if node.what in (line.sku, line.category)]
        if node.function == "spent":
            return _money(sum((line.amount for line in chosen if line.amount is not None), Decimal(0)))
        return float(sum(line.quantity for line in chosen))

    def _upcoming(self, node: nodes.Upcoming) -> int | bool | None:
        past = [each for each in self.person.events if self._recent(each.at, None)]
        if node.event == nodes.VISIT:
            standing: dict[str, EventFact] = {}
            for each in past:
                name = readable(FieldType.TEXT, each.data.get(VISIT_ID)) or each.external_id
                if each.name == BOOKED:
                    standing[name] = each
                elif each.name == CANCELLED:
                    standing.pop(name, None)
            past = list(standing.values())
        else:
            past = [each for each in past if each.name == node.event]
        begins = (readable(FieldType.INSTANT, each.data.get(node.field)) for each in past)
        earliest = min((at for at in begins if at is not None and at > self.moment), default=None)
        return earliest if node.function == "next" else earliest is not None

    def _local_day(self, node: nodes.LocalDay) -> date | None:
        """The date of an instant in the client's zone; None within two days of either end of the calendar."""
        moment = self.value(node.operand)
        if moment is None or not DATED[0] <= moment <= DATED[1]:
            return None
        return local_day(from_micros(moment), self.person.fields.get("timezone"), self.person.zone)

    def _moments(self, event: str) -> Iterator[datetime]:
        if event == PURCHASE:
            return (p.at for p in self.person.purchases)
        return (e.at for e in self.person.events if e.name == event)

    def _recent(self, at: datetime, within: timedelta | None) -> bool:
        """Whether it is in the past, and within that span."""
        age = self.moment - to_micros(at)
        return age >= 0 and (within is None or age < within // MICROSECOND)


def known_fields(person: Person, now: datetime) -> dict[str, Any]:
    """Every derived field of the client by name, as in conditions; instants as aware datetimes."""
    at = Evaluation(person, now)
    values = {name: at.built_in(name) for name in DERIVED}
    instants = [name for name, kind in DERIVED.items() if kind is FieldType.INSTANT and values[name] is not None]
    return values | {name: from_micros(values[name]) for name in instants}


def _plain(value: Any) -> Any:
    """A value of a product's row, as in conditions."""
    if isinstance(value, Decimal):
        return _money(value)
    return to_micros(value) if isinstance(value, datetime) else value


def _money(value: Decimal) -> float:
    return float(int(Decimal(value) * MONEY_SCALE)) / MONEY_SCALE


def _calculate(op: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    return left / right if right else None
