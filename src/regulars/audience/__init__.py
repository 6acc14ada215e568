"""Conditions: who matches, as SQL for sets and one by one in Python, and why."""

from regulars.audience.catalogue import BUILT_IN, FACTS, FUNCTIONS, Catalogue, Field, Function
from regulars.audience.explain import Clause, show
from regulars.audience.expression import Expression, parse
from regulars.audience.people import EventFact, Person, PurchaseFact, load_people
from regulars.audience.problems import ExpressionErrors, Problem
from regulars.audience.python import known_fields
from regulars.audience.sql import Scope, instant
from regulars.audience.today import elsewhere, today, today_by_zone

__all__ = [
    "BUILT_IN",
    "FACTS",
    "FUNCTIONS",
    "Catalogue",
    "Clause",
    "EventFact",
    "Expression",
    "ExpressionErrors",
    "Field",
    "Function",
    "Person",
    "Problem",
    "PurchaseFact",
    "Scope",
    "elsewhere",
    "instant",
    "known_fields",
    "load_people",
    "parse",
    "show",
    "today",
    "today_by_zone",
]
