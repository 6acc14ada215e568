"""Why a client got an email, in a few words: `last bought 91 days ago`, `born on 10 June 1974`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import assert_never

from sqlalchemy import Engine

from regulars.audience.clauses import Clause
from regulars.audience.person import Person, load_people
from regulars.core.calendar import local_date
from regulars.db.engine import read
from regulars.explain.queries import find
from regulars.rules.model import Campaign, TriggerKind
from regulars.workspace.folder import Workspace

_DATES = {"birthday": "born on", "first_purchase_at": "first bought on", "created_at": "known since"}


class Reasons:
    """Reads each client once for each instant."""

    def __init__(self, engine: Engine, rules: Workspace) -> None:
        self.engine, self.rules = engine, rules
        self._known: dict[tuple[str, datetime], Person] = {}

    def why(self, campaign: str, customer: str, at: datetime) -> str:
        """What triggered the campaign for the client (external id) by then."""
        rule = self.rules.rulebook.campaigns.get(campaign)
        if rule is None:
            return "the campaign is no longer in the files"
        person = self._person(customer, at)
        zone = str(person.fields.get("timezone") or person.zone)
        if rule.waves and rule.trigger_kind is not TriggerKind.CALENDAR_DAY:
            return self._wave(rule, person, at)
        return self._occasion(rule, person, at, zone) or _about(rule)

    def _occasion(self, rule: Campaign, person: Person, at: datetime, zone: str) -> str | None:
        """The client's event or state; None where the rule's own words are best."""
        match rule.trigger_kind:
            case TriggerKind.CALENDAR_DAY:
                return self._calendar_day(rule, person, at, zone)
            case TriggerKind.DATE:
                return _date(person, rule.every.field, zone) if rule.every is not None else None
            case TriggerKind.EVENT:
                return _event(person, rule.on, at, zone) if rule.on is not None else None
            case TriggerKind.VALUE:
                value = self.rules.conditions["campaigns", rule.name, "each"].explain(person, at).value
                return f"{(rule.each or '').removeprefix('customer.')} is now {value}"
            case TriggerKind.STATE:
                return _state(self.rules.conditions["campaigns", rule.name, "when"].explain(person, at))
            case TriggerKind.PRODUCT | TriggerKind.FIXED_TIME:
                return None
            case kind:
                assert_never(kind)

    def _calendar_day(self, rule: Campaign, person: Person, at: datetime, zone: str) -> str | None:
        book = self.rules.rulebook
        kept = book.calendar_day(rule)
        day = kept and kept.on(kept.country(_country(person)), local_date(at, zone).year, book.policy.leap_day)
        return f"keeps {_day(day)[:-5]} in {_country(person) or 'their country'}" if day else None

    def _wave(self, rule: Campaign, person: Person, at: datetime) -> str:
        """What puts the client into their wave."""
        for index, _ in enumerate(rule.waves):
            condition = self.rules.conditions.get(("campaigns", rule.name, "waves", index, "to"))
            clause = None if condition is None else condition.explain(person, at)
            if clause is not None and clause.value is True:
                return _state(clause)
        return _about(rule)

    def _person(self, customer: str, at: datetime) -> Person:
        if (customer, at) not in self._known:
            with read(self.engine) as connection:
                key = find(connection, customer)
                found = load_people(connection, [key], at, self.rules.rulebook.company.timezone)
            self._known[customer, at] = found[key]
        return self._known[customer, at]


def _about(rule: Campaign) -> str:
    return rule.about or rule.name


def _country(person: Person) -> str:
    return str(person.fields.get("country") or "")


def _day(moment: date) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _date(person: Person, field: str, zone: str) -> str:
    value = person.fields.get(field)
    if value is None:
        return f"`{field}` is not known"
    day = local_date(value, zone) if isinstance(value, datetime) else value
    return f"{_DATES.get(field, field.replace('_', ' '))} {_day(day)}"


def _event(person: Person, name: str, at: datetime, zone: str) -> str:
    if name == "purchase":
        days = [purchase.at for purchase in person.purchases if purchase.at <= at]
        many = "the first time" if len(days) == 1 else f"{len(days)} times"
        return f"bought on {_day(local_date(days[-1], zone))}, {many} so far" if days else "bought"
    found = [event for event in person.events if event.name == name and event.at <= at]
    words = name.replace(".", " ").replace("_", " ")
    if not found:
        return words
    topic = next((value for value in found[-1].data.values() if isinstance(value, str) and " " in value), None)
    return f"{words}: {topic}" if topic else f"{words} on {_day(local_date(found[-1].at, zone))}"


def _state(clause: Clause) -> str:
    return ", ".join(dict.fromkeys(words for part in _true(clause) for words in _values_in_words(part)))


def _true(clause: Clause) -> Iterator[Clause]:
    """The smallest parts that make a condition true."""
    if clause.reading is None and clause.parts and all(isinstance(p.value, bool | None) for p in clause.parts):
        for part in clause.parts:
            if part.value is True:
                yield from _true(part)
    else:
        yield clause


def _values_in_words(clause: Clause) -> list[str]:
    """The values of a comparison in words; without such words, the comparison with its values."""
    known = [words for part in clause.parts for words in _value(part)]
    return known or [clause.reading or clause.text]


def _value(part: Clause) -> Iterator[str]:
    match part.text, part.value:
        case "days_since(customer.last_purchase_at)", float() as days:
            yield f"last bought {days:.0f} days ago"
        case "customer.overdue", float() as times:
            yield f"away {times:.1f} times as long as usual"
        case "customer.motivation", str() as motive:
            yield f"moved by {motive}"
        case "customer.spent", float() | int() | Decimal() as amount:
            yield f"spent {amount:,.0f} in all"
        case "customer.sci", float() as index:
            yield f"contented to {index:.2f} of 1"
        case "customer.next_product", str() as sku:
            yield f"has no {sku} yet"
        case "days_since(customer.next_product_at)", float() as days:
            yield f"which is usual since {days:.0f} days" if days >= 1 else "which is usual from today on"
