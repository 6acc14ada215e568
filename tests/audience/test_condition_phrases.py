"""Conditions as clauses of plain English: every kind of node has words, and none shows the code."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.audience import nodes
from regulars.audience.condition_phrases import condition_phrase, with_a_client
from regulars.audience.expression import Expression, parse
from regulars.audience.field_labels import client_label, number_words
from regulars.audience.problems import ExpressionErrors
from regulars.audience.value_phrases import value_phrase
from regulars.rules.fields import CLIENT_FIELDS
from tests.audience.conditions import conditions
from tests.audience.populations import CATALOGUE, TEXTS
from tests.common.effort import share

few = settings(max_examples=share(2), suppress_health_check=[HealthCheck.too_slow])
CODE = re.compile(
    r"customer\.|event\.|product\.|\w\(|==|!=|<|>|[`\[\]{}_]|'(?!s\b)|\bnone\b(?! of)|\band and\b|  |\( | \)|^ | $"
)
"""What a sentence must not have: names with a dot, calls, operators, quotes of code, blanks out of place."""
LITERALS = "|".join(re.escape(f"“{text}”") for text in TEXTS)

PHRASES = {
    "customer.purchases >= 1": "the client has bought at least once",
    "customer.purchases > 0": "the client has bought at least once",
    "customer.purchases == 0": "the client has bought nothing yet",
    "customer.purchases  >=  2": "the client has bought at least twice",
    "customer.purchases == 4": "the client has bought exactly 4 times",
    "3 > customer.purchases": "the client has bought less than 3 times",
    "not customer.purchases >= 3": "the client has bought less than 3 times",
    "count('purchase', within='365 days') >= 3": "the client has bought at least 3 times in the last 365 days",
    "count('purchase', within='1 day') == 0": "the client has bought nothing in the last day",
    "count('visit.done') == 2": "the client has had “visit done” exactly twice",
    "days_since(customer.last_purchase_at) > 90": "the client last bought more than 90 days ago",
    "days_since(customer.next_product_at) >= 0": "the client's usual day for the next product has come",
    "days_until(customer.next_product_at) <= 7":
        "the client's usual day for the next product is at most 7 days ahead or is past",
    "days_since(customer.next_product_at) < 7":
        "the client's usual day for the next product was less than 7 days ago or is still to come",
    "customer.overdue > 1.5": "the client has stayed away more than 1.5 times as long as usual",
    "bought('mower', within='60 days')": "the client has bought “mower” in the last 60 days",
    'not bought("mower")': "the client has not bought “mower”",
    "did('visit.done') and not did('complaint')": "the client has had “visit done” and has had no “complaint”",
    "spent(on='mower', within='365 days') > 500": "the client has spent more than 500 on “mower” in the last 365 days",
    "bought_quantity('wax') >= 2": "the client has bought at least 2 of “wax”",
    "bought_quantity('wax') == 2": "the number of “wax” that the client bought is 2",
    "bought('wax', within='3 weeks')": "the client has bought “wax” in the last 21 days",
    "has_upcoming('visit')": "the client has a visit still to come",
    "not has_upcoming('visit') and customer.vip": "the client has no visit still to come and the client's “vip” is yes",
    "next('visit') is none": "the client has no visit still to come",
    "has_upcoming('demo.agreed')": "the client has a “demo agreed” still to come",
    "days_until(next('visit')) <= 2": "the client's next visit is at most 2 days ahead or is past",
    "customer.created_at == today": "the day of the client's first day with us is today",
    "customer.renewal <= next('visit')": "the client's “renewal” is no later than the day of the client's next visit",
    "not in_segment('named')":
        "the client is not in the segment “named” (the client's name is known and is not “ab” or the client's"
        " “vip” is yes)",
    "spent(within='365 days') > 500": "the client has spent more than 500 in the last 365 days",
    "customer.spent + 1000000 > 0": "the client's total of purchases plus 1,000,000 is above 0",
    "customer.country == 'EE'": "the client's country is “EE”",
    "customer.country != 'EE'": "the client's country is known and is not “EE”",
    "customer.country is none or customer.country != 'EE'": "the client's country is not “EE”",
    "customer.country not in ['EE', 'LV']": "the client's country is known and is none of “EE” or “LV”",
    "customer.country in ['EE', 'LV']": "the client's country is one of “EE” or “LV”",
    "customer.spent != 5": "the client's total of purchases is not 5",
    "customer.birthday == '1980-02-29'": "the client's birthday is 29 February 1980",
    "customer.birthday is none": "the client's birthday is not known",
    "customer.last_purchase_at is none": "the client has bought nothing yet",
    "last('visit.done') is none": "the client has never had “visit done”",
    "first('visit.done') is not none": "the client has had “visit done”",
    "contains(customer.email, '@')": "the client's email address contains “@”",
    "not ends_with(customer.email, '.test')": "the client's email address does not end with “.test”",
    "customer.vip": "the client's “vip” is yes",
    "not customer.vip": "the client's “vip” is no",
    "did('visit.done') == did('complaint')":
        "(both or neither of these: the client has had “visit done”; the client has had “complaint”)",
    "customer.spent >= (100 if customer.vip else 300)":
        "the client's total of purchases is at least (100 where the client's “vip” is yes, else 300)",
}  # fmt: skip
JOINED = {
    "customer.purchases >= 1 and did('visit.done') or did('complaint')":
        "both the client has bought at least once and has had “visit done”, or the client has had “complaint”",
    "(did('visit.done') or did('complaint')) and customer.purchases >= 1 and customer.country == 'EE'":
        "either the client has had “visit done” or has had “complaint”, the client has bought at least once, and the"
        " client's country is “EE”",
    "not (did('visit.done') and did('complaint'))": "the client has had no “visit done” or has had no “complaint”",
    "not (did('visit.done') or customer.purchases >= 1)":
        "the client has had no “visit done” and has bought nothing yet",
    "did('visit.done') and (did('complaint') and customer.vip)":
        "the client has had “visit done”, has had “complaint”, and the client's “vip” is yes",
    "(did('visit.done') or did('complaint') or customer.vip) and bought('wax')":
        "(the client has had “visit done”, has had “complaint”, or the client's “vip” is yes), and the client has"
        " bought “wax”",
    "did('visit.done') if customer.vip else bought('wax')":
        "(where the client's “vip” is yes: the client has had “visit done”; else: the client has bought “wax”)",
}  # fmt: skip


def _understood(text: str, event: str | None = None) -> Expression | None:
    try:
        return parse(text, CATALOGUE, event)
    except ExpressionErrors:
        return None  # too deep, or random arithmetic out of range


@pytest.mark.parametrize(("condition", "phrase"), {**PHRASES, **JOINED}.items())
def test_a_condition_in_words(condition: str, phrase: str) -> None:
    assert condition_phrase(parse(condition, CATALOGUE).node) == phrase


@pytest.mark.parametrize(
    ("condition", "phrase"),
    {
        "event.score <= 6": "the event's “score” is at most 6",
        "last('complaint') < event.at": "the client's latest “complaint” is before this “visit done”",
        "'hair' in event.topics": "the event's “topics” has “hair” in it",
        "event.late": "the event's “late” is yes",
    }.items(),
)
def test_what_set_the_campaign_off_in_words(condition: str, phrase: str) -> None:
    assert condition_phrase(parse(condition, CATALOGUE, "visit.done").node) == phrase


@pytest.mark.slow
@few
@given(event=st.sampled_from([None, "visit.done", "purchase"]), data=st.data())
def test_no_condition_shows_code(event: str | None, data: st.DataObject) -> None:
    expression = _understood(data.draw(conditions(event)), event)
    if expression is not None:
        phrase = condition_phrase(expression.node)
        assert not CODE.search(re.sub(LITERALS, "“a”", phrase)), phrase


@pytest.mark.slow
@few
@given(data=st.data())
def test_no_value_shows_code(data: st.DataObject) -> None:
    expression = _understood(data.draw(conditions()))
    for node in _walk(expression.node) if expression else ():
        phrase = value_phrase(node, condition_phrase)
        assert not CODE.search(re.sub(LITERALS, "“a”", phrase)), phrase


def _walk(node: nodes.Node) -> list[nodes.Node]:
    return [node, *(each for part in node.parts() for each in _walk(part))]


def test_the_list_of_nodes_is_whole() -> None:
    """`assert_never` guards the phrases against kinds that this union names."""
    assert {kind.__name__ for kind in nodes.AnyNode.__args__} == {kind.__name__ for kind in nodes.Node.__subclasses__()}


@pytest.mark.parametrize("name", CLIENT_FIELDS)
def test_every_field_is_called_as_people_call_it(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z]+( [A-Za-z]+)*", client_label(name))


def test_the_client_is_named_for_the_first_time_once() -> None:
    phrase = "the client has bought at least once and the client's country is “EE”"
    assert with_a_client(phrase) == "a client has bought at least once and the client's country is “EE”"


@pytest.mark.parametrize(
    ("number", "words"),
    [(0.0, "0"), (-1.5, "-1.5"), (1e15, "1,000,000,000,000,000"), (1e-15, "0.000000000000001"), (1e6, "1,000,000")],
)
def test_numbers_have_no_exponent(number: float, words: str) -> None:
    assert number_words(number) == words
