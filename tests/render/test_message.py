from __future__ import annotations

import re
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.render.compile import Templates
from regulars.render.environment import HTML, TEXT
from regulars.render.message import RenderFailed, render
from regulars.render.question_calls import QUESTIONS
from tests.common import data
from tests.render.conftest import Desk

CODE = [
    "{{ 7*7 }}",
    "{% for x in range(9) %}x{% endfor %}",
    "{{ ''.__class__.__mro__ }}",
    "{# gone #}",
    "${7*7}",
    "zqj0jqz",
]


def test_an_unknown_name_fails_and_names_file_line_and_tag(desk: Desk) -> None:
    desk.email("<mj-text>\n  ok\n  {{ customer.nickname }}</mj-text>")
    with pytest.raises(RenderFailed) as caught:
        desk.render(customer={"name": "A"})
    error = caught.value
    assert (error.email, error.locale) == ("letter", "en")
    assert error.where.endswith("letter/body.mjml:3:3")
    assert error.message == "{{ customer.nickname }}: `nickname` is not defined"


def test_a_failure_inside_a_loop_names_the_word_it_stands_in(desk: Desk) -> None:
    desk.email(
        "<mj-text>{% for p in purchase.products %}{{ t.line }}{% endfor %}</mj-text>", line="x {{ p.day | date }}"
    )
    with pytest.raises(RenderFailed) as caught:
        desk.render(purchase={"products": [{"day": date(2026, 1, 1)}, {"day": None}]})
    assert caught.value.where.endswith("letter/words/en.yaml:2:9")


@pytest.mark.parametrize("context", [{}, {"customer": {}}, {"customer": {"name": None}}, {"customer": None}])
def test_nothing_missing_is_ever_printed(desk: Desk, context: dict[str, Any]) -> None:
    desk.email("<mj-text>Dear {{ customer.name }}</mj-text>")
    with pytest.raises(RenderFailed):
        desk.render(**context)


def test_what_may_be_missing_can_be_asked_for(desk: Desk) -> None:
    desk.email(
        "<mj-text>{{ customer.name or 'friend' }} {% if customer.name %}!{% endif %}"
        "{{ event.x | default('none given') if event.x is not defined else 'x' }}</mj-text>"
    )
    assert desk.render(customer={"name": None}, event={}).text == "friend none given\n"


def test_fields_come_before_the_methods_of_a_mapping(desk: Desk) -> None:
    desk.email("<mj-text>{{ event.items }} {{ event.keys }} {{ event['get'] }}</mj-text>")
    assert desk.render(event=MappingProxyType({"items": 1, "keys": 2, "get": 3})).text == "1 2 3\n"
    with pytest.raises(RenderFailed):
        desk.render(event={"keys": 2, "get": 3})


@pytest.mark.parametrize("code", CODE)
def test_data_never_becomes_template_source(desk: Desk, code: str) -> None:
    desk.email("<mj-text>{{ customer.name }}</mj-text>", subject="{{ customer.name }}", preheader="{{ customer.name }}")
    rendered = desk.render(customer={"name": code})
    assert rendered.subject == rendered.preheader == rendered.text.strip() == code


@pytest.mark.parametrize(
    "attack",
    [
        "customer.__class__",
        "''.__class__.__mro__",
        "today.__init__.__globals__",
        "customer['__class__']",
        "years_since.__globals__",
    ],
)
def test_the_sandbox_gives_no_way_to_python(desk: Desk, attack: str) -> None:
    desk.email("<mj-text>{{ " + attack + " }}</mj-text>")
    with pytest.raises(RenderFailed):
        desk.render(customer={"name": "A"}, today=date(2026, 1, 1))


def test_nothing_can_mark_data_as_safe() -> None:
    for environment in (HTML, TEXT):
        assert not {"safe", "tojson", "xmlattr", "urlize", "attr", "format"} & set(environment.filters)
        assert environment.loader is None
        assert set(environment.globals) == {"years_since", *QUESTIONS}


def test_a_question_gives_the_answer_that_was_found_and_shows_nothing_else(desk: Desk) -> None:
    desk.email("<mj-text>{{ 'yes' if bought('wax', within='1 day') else 'no' }}</mj-text>")
    asked = {"bought('wax', within='1 day')": True}
    assert "yes" in desk.render(answers=asked).text
    assert "no" in desk.render(answers={"bought('wax')": True}).text
    assert "no" in desk.render().text
    desk.email("<mj-text>{{ bought._answers }}</mj-text>")
    with pytest.raises(RenderFailed, match="bought"):
        desk.render(answers=asked)
    desk.email("<mj-text>{{ bought }}</mj-text>")
    with pytest.raises(RenderFailed):
        desk.render(answers=asked)


def test_html_in_data_is_text(desk: Desk) -> None:
    desk.email('<mj-button href="{{ links.book }}">{{ customer.name }}</mj-button>')
    name = "<b onload='x()'>\"A\"</b>"
    rendered = desk.render(customer={"name": name}, links={"book": 'https://x.example/"><script>'})
    assert "<script>" not in rendered.html
    assert "<b onload" not in rendered.html
    assert name in rendered.text


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:x",
        " \x01javascript:x",
        "data:text/html,x",
        "vbscript:x",
    ],
)
def test_a_link_never_leads_to_a_program(desk: Desk, url: str) -> None:
    for inner in (
        '<mj-button href="{{ event.url }}">x</mj-button>',
        "<mj-text><a href='{{ event.url }}'>x</a></mj-text>",
    ):
        desk.email(inner)
        with pytest.raises(RenderFailed, match="may not lead to") as caught:
            desk.render(event={"url": url})
        assert "letter/body.mjml:1:" in caught.value.where
    desk.email('<mj-button href="{{ event.url }}/b?x={{ event.n }}">x</mj-button>')
    assert 'href="https://x.example/a:b/b?x=1"' in desk.render(event={"url": "https://x.example/a:b", "n": 1}).html


def test_the_subject_is_one_clean_line(desk: Desk) -> None:
    desk.email("<mj-text>x</mj-text>", subject="Hi {{ customer.name }},\n  news")
    assert (
        desk.render(customer={"name": "A\r\nBcc: eve@evil.example\x00\u2028B"}).subject
        == "Hi A Bcc: eve@evil.example B, news"
    )


def test_an_empty_subject_is_refused(desk: Desk) -> None:
    desk.email("<mj-text>x</mj-text>", subject="{% if customer.name %}Hi{% endif %}")
    with pytest.raises(RenderFailed, match="subject is empty"):
        desk.render(customer={"name": ""})


def test_an_email_that_gmail_would_cut_off_is_warned_of(desk: Desk) -> None:
    desk.email("<mj-text>{{ event.long }}</mj-text>")
    assert desk.render(event={"long": "я" * 30_000}).warnings == ()
    [warning] = desk.render(event={"long": "я" * 60_000}).warnings
    assert "102 kB" in warning


def test_the_same_context_gives_the_same_message(starter: Templates) -> None:
    sample = starter.sample("win-back")
    assert render(starter.compiled("win-back", "uk"), sample) == render(starter.compiled("win-back", "uk"), sample)


def test_rendering_leaves_the_context_alone(desk: Desk) -> None:
    desk.email("<mj-text>{% set x = 1 %}{{ x }}{{ event.at | time }}</mj-text>")
    context = {"event": {"at": datetime(2026, 1, 1, tzinfo=UTC)}}
    render(desk.compiled(), context)
    assert context == {"event": {"at": datetime(2026, 1, 1, tzinfo=UTC)}}


def _visible(text: str) -> str:
    return re.sub(r"\s+", " ", "".join(c for c in text if c.isprintable() or c.isspace())).strip()


def test_naughty_names_are_shown_as_they_are(starter: Templates) -> None:
    compiled = starter.compiled("thank-you", "en")
    sample = starter.sample("thank-you")
    for name in data.naughty_strings():
        customer = {**sample["customer"], "first_name": name, "company": name}
        rendered = render(compiled, {**sample, "customer": customer})
        assert not name or _visible(name) in _visible(rendered.text), name
        assert "<script" not in rendered.html.lower()


@given(st.text(), st.text())
def test_any_text_can_be_shown(first: str, second: str) -> None:
    template = HTML.from_string('<a href="{{ a }}">{{ b }}</a>')
    shown = template.render(a=first, b=second)
    assert re.fullmatch(r'<a href="[^"<>]*">[^<>]*</a>', shown)
