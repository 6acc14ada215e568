"""Emails that people reported as broken, with the very lines and values of the reports."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from lxml import html

from regulars.core.diagnostics import Severity, Span
from regulars.render.email_check import Usage
from tests.common.email_checks import check
from tests.render.conftest import Desk

CLIENT = {"email": "bo+shop@client.example", "first_name": "Tom & Anna #1"}
SAMPLE = "customer: {email: bo@client.example, first_name: Bo}\n"
USAGE = Usage("letter", "news", Span("campaigns/a.yaml", 3, 12, 6), frozenset({"email", "first_name"}), marketing=False)
LOGIN = "https://studio.example/login?email={{ %s }}&amp;name={{ %s }}&amp;ok=1"
UNTREATED = LOGIN % ("customer.email", "customer.first_name or ''")
ENCODED = LOGIN % ("(customer.email or '') | urlencode", "(customer.first_name or '') | urlencode")
QUERY = "email=bo%2Bshop%40client.example&name=Tom%20%26%20Anna%20%231&ok=1"


def _codes(desk: Desk) -> dict[str, Severity]:
    desk.write("letter/sample.yaml", SAMPLE)
    return {fault.code: fault.severity for fault in check(desk.templates(), [USAGE], ["studio.example"])}


def test_values_in_a_query_are_told_where_they_are_not_encoded(desk: Desk) -> None:
    desk.email(f'<mj-button href="{UNTREATED}">Open</mj-button>')
    assert _codes(desk) == {"T019": Severity.WARNING}


def test_a_filter_for_a_part_of_a_value_is_not_enough_and_the_advice_is_right(desk: Desk) -> None:
    """`a or b | urlencode` encodes `b` only."""
    partly = LOGIN % ("customer.email | urlencode", "customer.first_name or '' | urlencode")
    desk.email(f'<mj-button href="{partly}">Open</mj-button>')
    desk.write("letter/sample.yaml", SAMPLE)
    (found,) = [one for one in check(desk.templates(), [USAGE], ["studio.example"]) if one.code == "T019"]
    assert found.hint == "`{{ (customer.first_name or '' | urlencode) | urlencode }}`"


@pytest.mark.parametrize(
    ("value", "advised"),
    [
        ("customer.first_name or ''", "`{{ (customer.first_name or '') | urlencode }}`"),
        ("customer.email", "`{{ customer.email | urlencode }}`"),
        ("'a b' if event.n else event.m", "`{{ ('a b' if event.n else event.m) | urlencode }}`"),
        ("event.a ~ event.b", "`{{ (event.a ~ event.b) | urlencode }}`"),
    ],
)
def test_the_advice_encodes_the_whole_value(desk: Desk, value: str, advised: str) -> None:
    desk.email(f'<mj-text><a href="https://x.example/?a={{{{ {value} }}}}">x</a></mj-text>')
    found = [one.hint for one in check(desk.templates(), [USAGE], ["x.example"]) if one.code == "T019"]
    assert found == [advised]
    desk.email(f'<mj-text><a href="https://x.example/?a={advised[1:-1]}">x</a></mj-text>')
    assert [one for one in check(desk.templates(), [USAGE], ["x.example"]) if one.code == "T019"] == []


def test_values_in_a_query_arrive_whole_in_both_parts(desk: Desk) -> None:
    desk.email(f'<mj-button href="{ENCODED}">Open</mj-button>')
    assert _codes(desk) == {}
    made = desk.render(customer=CLIENT)
    [link] = html.document_fromstring(made.html).iter("a")
    for address in (str(link.get("href")), made.text.removeprefix("Open: ").strip()):
        assert urlsplit(address).query == QUERY
        assert urlsplit(address).fragment == ""


def test_a_number_to_call_stands_in_the_text_part(desk: Desk) -> None:
    desk.email('<mj-text>Call <a href="tel:+37255500">us</a></mj-text>')
    assert desk.render().text == "Call us: +37255500\n"


def test_a_blank_in_an_address_is_warned_of_and_breaks_nothing(desk: Desk) -> None:
    desk.email('<mj-button href="https://studio.example/a b">Look</mj-button>')
    assert _codes(desk) == {"T013": Severity.WARNING}
    assert desk.render().text == "Look: https://studio.example/a%20b\n"


@pytest.mark.parametrize("name", ["facebook", "x", "linkedin"])
def test_a_social_link_with_pictures_from_elsewhere_and_an_address_of_its_own_is_a_mistake(
    desk: Desk, name: str
) -> None:
    element = f'<mj-social-element name="{name}" href="https://studio.example/fb">F</mj-social-element>'
    desk.email(f"<mj-social>{element}</mj-social>")
    assert Severity.ERROR in _codes(desk).values()


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("https://studio.example/a.png", {}),
        ("http://studio.example/a.png", {"T020": Severity.WARNING}),
        ("/a.png", {"T020": Severity.WARNING}),
        ("a.png", {"T020": Severity.WARNING}),
        ("https://cdn.example/a.png", {"T020": Severity.WARNING}),
    ],
)
def test_pictures_that_mail_programs_may_not_show_are_told(desk: Desk, source: str, codes: dict[str, Severity]) -> None:
    desk.email(f'<mj-image alt="" src="{source}" />')
    assert _codes(desk) == codes


def test_elements_nested_too_deep_are_told_as_that_and_nothing_else(desk: Desk) -> None:
    deep = "<mj-wrapper>" * 3000 + "</mj-wrapper>" * 3000
    desk.email("x")
    desk.write("letter/body.mjml", f"<mjml><mj-body>{deep}</mj-body></mjml>\n")
    told = [one.message for one in check(desk.templates(), [USAGE], []) if one.code == "T010"]
    assert told == ["elements are nested more than 100 deep"]
