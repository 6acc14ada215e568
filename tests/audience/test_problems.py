"""What is said of a wrong condition, and that it points at the right place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.audience.expression import parse
from regulars.audience.problems import ExpressionErrors, Problem
from regulars.audience.vocabulary import FUNCTIONS
from tests.audience.conditions import conditions
from tests.audience.populations import CATALOGUE

# The condition with the wrong place underlined by guillemets, a part of the message, a part of the hint or expectation.
CASES: list[tuple[str, str, str]] = [
    ("customer.«overdu» >= 2", "no field `overdu`", "did you mean `overdue`?"),
    ("customer.purchases > 1 and (customer.«overdu») >= 2", "no field `overdu`", "`overdue`"),
    ("customer . «overdu» >= 2", "no field `overdu`", "`overdue`"),
    ("customer.name == 'customer.nam' and customer.«nam» == 'x'", "no field `nam`", "`name`"),
    ("customer.name ==\n  customer.«nam»", "no field `nam`", "`name`"),
    ("customer.name == 'Ж🎈' and customer.«nam» == 'x'", "no field `nam`", "`name`"),
    ("«client».name == 'x'", "no `client`", "customer"),
    ("«overdue» >= 2", "no `overdue`", "`customer.overdue`"),
    ("«custmer».overdue >= 2", "no `custmer`", "did you mean `customer`?"),
    ("«customer» == 'x'", "alone is not a value", "a field"),
    ("customer.birthday == «tody»", "no `tody`", "did you mean `today`?"),
    ("customer.name == «Ana»", "no `Ana`", "quotes"),
    ("customer.name.«upper» == 'ANA'", "single value", ""),
    ("«event.score» > 5", "starts `on` an event", ""),
    ("«day_since»(customer.birthday) > 5", "no function `day_since`", "did you mean `days_since`?"),
    ("«days_since» > 5", "is a function", "days_since(date)"),
    ("«customer.name.upper»() == 'ANA'", "not a function", ""),
    ("«customer.birthday > 5»", "a date", "write `days_since(customer.birthday) > 5`"),
    ("«5 < customer.birthday»", "a date", "write `days_since(customer.birthday) > 5`"),
    ("«customer.name == 5»", "`customer.name` is a text", "write the number as a text: `'5'`"),
    ("«customer.purchases == '5'»", "they cannot be compared", "without quotes: `5`"),
    ("«customer.vip == 'yes'»", "they cannot be compared", "`true` or `false`"),
    ("«customer.vip > true»", "no order", "`==`"),
    ("in_segment(«'spender'»)", "there is no segment `spender`", "did you mean `spenders`?"),
    ("in_segment(«'vip'»)", "there is no segment `vip`", "write `customer.vip`"),
    ("in_segment(«'complaint'»)", "there is no segment `complaint`", "write `did('complaint')`"),
    ("in_segment(«'gold'»)", "there is no segment `gold`", "`gold: customer.spent > 500`"),
    ("in_segment(«named»)", "not a text in quotes", "write `'named'`, with quotes"),
    ("in_segment(«customer.name»)", "not a text in quotes", "the name of a segment"),
    ("in_segment(«'spen' 'ders'»)", "in one piece", "`'spenders'`"),
    ("«in_segment()»", "needs `name`", "in_segment('segment')"),
    ("in_segment(«segment»='named')", "no argument `segment`", "write `name='named'`"),
    ("«left_segment('named')»", "only `when` can ask", "write `not in_segment('named')`"),
    ("«in_segmnt»('named')", "no function `in_segmnt`", "did you mean `in_segment`?"),
    ("spent(«'shampoo'») > 5", "not a duration", "write `spent(on='shampoo')`"),
    ("spent(«category»='care') > 5", "no argument `category`", "write `on='care'`"),
    ("spent(on=«shampoo») > 5", "not a text in quotes", "write `'shampoo'`"),
    ("«bought_quantity('wax')»", "is a number, not a yes or no", "write `bought_quantity('wax') > 0`"),
    ("bought_quantity('wax', within=«'soon'») > 1", "not a duration", "30 days"),
    ("«bought_quantity(within='1 day')» > 1", "needs `what`", "bought_quantity('sku or category'"),
    ("has_upcoming(«'visits'»)", "no event `visits`", "did you mean `visit`?"),
    ("has_upcoming(«'visit.booked'»)", "has every booking in it", "write `'visit'`"),
    ("has_upcoming(«'complaint'»)", "no instant by which", "`complaint: {starts_at: instant}`"),
    ("has_upcoming('visit', at=«'starts_at'»)", "one beginning", "next('visit')"),
    ("has_upcoming('demo.agreed', at=«'start_at'»)", "is not a field", "did you mean `starts_at`?"),
    ("has_upcoming('visit.done', at=«'day'»)", "`day` is not an instant", "at='starts_at'"),
    ("has_upcoming('demo.agreed', «field»='starts_at')", "no argument `field`", "write `at='starts_at'`"),
    ("«next('visit')»", "a date with a time, not a yes or no", "write `next('visit') is not none`"),
    ("«next('visit') < 3»", "they cannot be compared", "write `days_since(next('visit')) < 3`"),
    ("bought('wax', within=«'3 weks'»)", "not a duration", "30 days"),
    ("«customer.birthday == 3»", "a date", "write `days_since(customer.birthday) == 3`"),
    ("«customer.name == none»", "unknown", "write `customer.name is none`"),
    ("«none != customer.name»", "unknown", "write `customer.name is not none`"),
    ("customer.birthday == «'1990-02-30'»", "not a date", "not in the calendar"),
    ("customer.birthday == «'30.01.1990'»", "not a date", "2026-05-01"),
    ("customer.birthday in ['1990-01-30', «'soon'»]", "not a date", ""),
    ("«customer.purchases»", "not a yes or no", "write `customer.purchases > 0`"),
    ("«customer.name» and customer.vip", "not a yes or no", "write `customer.name is not none`"),
    ("not «customer.created_at»", "not a yes or no", "is not none"),
    ("«'x'»", "not a yes or no", "compare"),
    ("customer.vip if «customer.purchases» else false", "not a yes or no", "> 0"),
    ("«customer.vip if customer.purchases > 1»", "no `else`", ""),
    ("(«customer.vip if customer.vip else 1») == true", "one branch is yes or no, the other a number", ""),
    ("(«none if customer.vip else none») is none", "both branches", ""),
    ("«customer.name» + 1 > 2", "not a number", ""),
    ("customer.purchases - «customer.birthday» > 2", "not a number", "days_since"),
    ("-«customer.name» > 2", "not a number", ""),
    ("days_since(«customer.name») > 2", "not a date", ""),
    ("days_since(«'soon'») > 2", "not a date", ""),
    ("contains(«customer.purchases», 'x')", "not a text", ""),
    ("did(«'visit.don'»)", "no event `visit.don`", "did you mean `visit.done`?"),
    ("did(«purchase»)", "in quotes", "write `'purchase'`"),
    ("did(«'visit.' ~ 'done'»)", "in quotes", ""),
    ("did('visit.done', within=«'14 dayz'»)", "not a duration", "30 days"),
    ("did('visit.done', within=«14»)", "in quotes", ""),
    ("did('visit.done', within=«'0 days'»)", "no stretch of time", ""),
    ("did('visit.done', within=«'101 years'»)", "no stretch of time", ""),
    ("did('visit.done', within=«'99999999999999999999 years'»)", "not a duration", ""),
    ("did('visit.done', «withn»='14 days')", "no argument `withn`", "did you mean `within`?"),
    ("did('visit.done', «event»='complaint')", "given twice", ""),
    ("did('visit.done', '1 day', «3»)", "no more than 2 arguments", ""),
    ("«did()»", "needs `event`", "did('event'"),
    ("«did(*customer.tags)»", "one by one", ""),
    ("bought(«''»)", "empty", "sku"),
    ("customer.country in «'EE'»", "not a list", "write `['EE']`"),
    ("'x' in «customer.name»", "not a list", "contains(customer.name, 'x')"),
    ("«1» in customer.tags", "lists hold texts", ""),
    ("customer.country in ['EE', «5»]", "a number", ""),
    ("customer.country in ['EE', «none»]", "cannot stand in a list", "or x is none"),
    ("customer.country in ['EE', «customer.name»]", "plain values", ""),
    ("«['EE']» == customer.tags", "after `in`", ""),
    ("customer.name in «['Ana']» == true", "after `in`", ""),
    ("«customer.tags == customer.tags»", "a list cannot be compared", ""),
    ("«customer.name|upper» == 'ANA'", "filters belong in templates", ""),
    ("«customer['name']» == 'x'", "cannot pick a part", ""),
    ("customer.name == «'a' ~ 'b'»", "cannot be joined", ""),
    ("«customer.purchases % 2» == 0", "`%`", ""),
    ("«customer.purchases // 2» == 0", "`//`", "`/`"),
    ("«customer.purchases ** 2» == 0", "`**`", ""),
    ("«{'a': 1}» == 1", "`{…}`", ""),
    ("customer.name is «defined»", "`is defined`", "write `is not none`"),
    ("customer.name is not «defined»", "`is defined`", "write `is not none`"),
    ("customer.purchases > «1e16»", "numbers reach", ""),
    ("customer.purchases > «100000000000000000000000»", "numbers reach", ""),
    ("customer.name == «'a\\x00b'»", "no database can keep", ""),
    ("customer.name == «'\\ud800'»", "no database can keep", ""),
    # What the parser itself refuses:
    ("customer.vip «&»& customer.vip", "does not belong here", "write `and`"),
    ("customer.vip |«|» customer.vip", "does not belong here", "write `or`"),
    ("«!»customer.vip", "does not belong here", "write `not`"),
    ("customer.vip «AND» customer.vip", "does not belong here", "write `and`"),
    ("customer.name «=» 'x'", "does not belong here", "write `==`"),
    ("customer.vip«}»}", "does not belong here", "without braces"),
    (" «{{» customer.vip }}", "without braces", "leave `{{` out"),
    ("customer.name == «“»x”", "does not belong here", "straight quotes"),
    ("customer.name == «'»x", "never closed", "closing"),
    ("(customer.vip«»", "too early", "`)`"),
    ("customer.vip or«»", "too early", ""),
    ("customer.vip«)»", "does not belong here", ""),
    ("customer.vip «customer».vip", "does not belong here", ""),
    ("customer.purchases > «>» 1", "does not belong here", ""),
    ("«»", "empty", "yes or no"),
    ("   «»", "empty", "yes or no"),
]  # fmt: skip


def problems(text: str, event: str | None = None) -> list[Problem]:
    """Everything that is wrong with a condition."""
    with pytest.raises(ExpressionErrors) as caught:
        parse(text, CATALOGUE, event)
    return caught.value.problems


@pytest.mark.parametrize(("marked", "message", "advice"), CASES)
def test_each_mistake_is_named_where_it_stands(marked: str, message: str, advice: str) -> None:
    text = marked.replace("«", "").replace("»", "")
    start = marked.index("«")
    length = max(marked.index("»") - start - 1, 1)
    [found] = problems(text)
    assert (found.offset, found.length) == (start if text.strip() else 0, length)
    assert message in found.message
    assert advice in f"{found.expected} {found.hint}"


def test_all_mistakes_are_named_in_the_order_of_the_text() -> None:
    text = (
        "customer.overdu > 1 and (did('visit.don', within='x') or customer.name > 5)"
        " and 1 < customer.birthday < customer.nme"
    )
    found = [(text[p.offset : p.offset + p.length], p.hint) for p in problems(text)]
    assert found == [
        ("overdu", "did you mean `overdue`?"),
        ("'visit.don'", "did you mean `visit.done`?"),
        ("'x'", None),
        ("customer.name > 5", "write the number as a text: `'5'`"),
        ("1 < customer.birthday", "write `days_since(customer.birthday) > 1`"),
        ("nme", "did you mean `name`?"),
    ]


def test_fields_of_the_event() -> None:
    [found] = problems("event.scor > 5", "visit.done")
    assert (found.offset, found.length, found.hint) == (6, 4, "did you mean `score`?")
    [undeclared] = problems("event.score > 5", "visit.dne")
    assert undeclared.hint == "did you mean `visit.done`?"
    assert parse("event.score > 5 and event.at < now", CATALOGUE, "visit.done").fields == frozenset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 2_000 + "true" + ")" * 2_000, "nested"),
        ("not " * 1_000 + "true", "nested"),
        ("1" + " + 1" * 500 + " > 2", "nested"),
        ("true or " * 1_000 + "true", "longer than"),
        (" * ".join(["customer.spent"] * 20) + " > 1", "multiplication"),
        ("1 < (" * 13 + "2" + " < 3) < 4" * 13, "a number"),
    ],
)
def test_what_would_exhaust_a_database_is_refused(text: str, message: str) -> None:
    assert any(message in p.message for p in problems(text))


def test_chains_that_double_at_each_step_are_refused() -> None:
    text = "0"
    for _ in range(12):
        text = f"(1 if 0 < {text} < 3 else 2)"
    [found] = problems(f"{text} > 1")
    assert "too many parts" in found.message


def test_a_long_run_of_the_same_word_is_one_level() -> None:
    assert parse(" or ".join(["customer.vip"] * 300), CATALOGUE).fields == {"vip"}


_WORDS = (
    "customer.name customer.vip customer.nme 1 'x' none and or not in is ( ) [ ] , == < = + if else did within today"
    " | { }} \n ' ."
).split(" ") + list(FUNCTIONS)


@st.composite
def damaged(draw: Callable[..., Any]) -> str:
    """A sound condition with a stretch cut out of it, or put elsewhere."""
    text: str = draw(conditions())
    start, end, to = sorted(draw(st.integers(0, len(text))) for _ in range(3))
    moved: str = draw(st.sampled_from(["", text[start:end], "none", "'x'", "1"]))
    return text[:start] + text[end:to] + moved + text[to:]


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join), damaged()))
def test_any_text_is_understood_or_refused_at_a_place_within_it(text: str) -> None:
    try:
        parse(text, CATALOGUE)
    except ExpressionErrors as errors:
        found = errors.problems
    else:
        return
    assert found
    assert all(0 <= p.offset <= len(text) and p.length >= 1 for p in found)
    assert all(p.offset + p.length <= max(len(text), p.offset + 1) for p in found)
