"""Where data decide where a link leads, only an address of the web, of mail or of a telephone is let through."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from regulars.core.errors import Invalid
from regulars.render.filters import web_address
from regulars.render.link_tracking import LinkRules, LinkTracking
from regulars.render.message import RenderFailed, render
from tests.render.conftest import FRAME, Desk

BAD = "javascript:alert(1)"
LINKS = [
    '<a href="{{ event.url }}">x</a>',
    "<a href='{{ event.url }}'>x</a>",
    '<a HREF="{{ event.url }}">x</a>',
    '<a\nhref\n=\n"{{ event.url }}">x</a>',
    '<a href=" {{ event.url }}">x</a>',
    '<a href="&#32;{{ event.url }}">x</a>',
    '<a href="&#x9;{{ event.url }}">x</a>',
    '<a href="{{ event.url | trim }}">x</a>',
    '<a href="{{ event.none or event.url }}">x</a>',
    '<a href="{% set u = event.url %}{{ u }}">x</a>',
    '{% set u = event.url %}<a href="{{ u }}">x</a>',
    '{% set u %}{{ event.url }}{% endset %}<a href="{{ u }}">x</a>',
    '<a href="{% if event.url %}{{ event.url }}{% else %}https://ok.example{% endif %}">x</a>',
    '<a href="{% for u in [event.url] %}{{ u }}{% endfor %}">x</a>',
    '<a href="{{ event.half }}{{ event.rest }}">x</a>',
    '<a href="java{{ event.script }}">x</a>',
    '<a href="{{ t.java }}{{ event.script }}">x</a>',
    '<a href="{{ t.all }}">x</a>',
    '<a title=">" href="{{ event.url }}">x</a>',
    '<img alt="" src="{{ event.url }}">',
    '<form action="{{ event.url }}"></form>',
    '<button formaction="{{ event.url }}">x</button>',
]
ELEMENTS = [
    '<mj-button href="{{ event.url }}">x</mj-button>',
    '<mj-button href="{{ event.half }}{{ event.rest }}">x</mj-button>',
    '<mj-image alt="" src="https://ok.example/a.png" href="{% if 1 %}{{ event.url }}{% endif %}" />',
    '<mj-navbar base-url="{{ event.url }}"><mj-navbar-link href="/x">x</mj-navbar-link></mj-navbar>',
    '<mj-raw><a href="{{ event.url }}">x</a></mj-raw>',
    '<mj-table><tr><td><a href="{{ event.half }}{{ event.rest }}">x</a></td></tr></mj-table>',
]


def context(url: str) -> dict[str, object]:
    scheme, colon, rest = url.partition(":")
    return {
        "event": {
            "url": url, "half": url[:3], "rest": url[3:], "none": None, "script": f"{scheme[4:]}{colon}{rest}"
        }
    }  # fmt: skip


def write(desk: Desk, inner: str) -> None:
    body = inner if inner.startswith("<mj-") else f"<mj-text>{inner}</mj-text>"
    desk.email(body, java="java", all="{{ event.url }}")


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("inner", [*LINKS, *ELEMENTS])
def test_no_link_leads_to_a_script(desk: Desk, inner: str, traced: bool) -> None:
    write(desk, inner)
    email = desk.templates().compiled("letter", "en", traced=traced)
    trail = LinkTracking(LinkRules("https://us.example/"), "https://us.example/c/T/") if traced else None
    with pytest.raises(RenderFailed, match=r"(body\.mjml|en\.yaml):\d+:\d+: .*may not lead to `(java)?script:"):
        render(email, context(BAD), trail)


@pytest.mark.parametrize("inner", [each for each in [*LINKS, *ELEMENTS] if "java" not in each])
def test_what_leads_to_the_web_goes_there_in_both_parts(desk: Desk, inner: str) -> None:
    write(desk, inner)
    made = desk.render("letter", "en", **context("https://ok.example/?a=1&b=2"))
    document = html.document_fromstring(made.html)
    found = [
        str(node.get(name)).strip()
        for node in document.iter()
        for name in ("href", "src", "action", "formaction")
        if isinstance(cast(object, node.tag), str) and "a=1" in str(node.get(name))
    ]
    assert found
    assert {each.removesuffix("/x") for each in found} == {"https://ok.example/?a=1&b=2"}
    if "<a" in inner:
        assert "https://ok.example/?a=1&b=2" in made.text
    assert "&amp;" not in made.text


@pytest.mark.parametrize(
    "inner", ['<a href="https://ok.example/{{ event.url }}">x</a>', '<a href="mailto:{{ event.url }}">x</a>',
              '<a href="/{{ event.url }}">x</a>', '<a href="{{ links.survey }}?x={{ event.url }}">x</a>']
)  # fmt: skip
def test_an_address_that_begins_as_its_author_wrote_it_is_not_guarded(desk: Desk, inner: str) -> None:
    write(desk, inner)
    assert BAD in desk.render("letter", "en", **context(BAD), links={"survey": "https://us.example/s"}).html


@pytest.mark.parametrize("inner", ["<a href={{ event.url }}>x</a>", "<a href=java{{ event.url }}>x</a>",
                                   "<a {{ event.url }}>x</a>", '<a title="x" {{ event.url }}>x</a>'])  # fmt: skip
def test_data_write_no_attributes(desk: Desk, inner: str) -> None:
    write(desk, inner)
    with pytest.raises(Invalid) as caught:
        desk.compiled()
    assert [fault.code for fault in caught.value.diagnostics] == ["T010"]


def test_an_address_that_came_to_be_in_another_way_is_a_mistake(desk: Desk) -> None:
    desk.write("letter/body.mjml", FRAME.format('<mj-text><a class="l">x</a></mj-text>').replace(
        "<mj-body>", '<mj-head><mj-html-attributes><mj-selector path=".l">'
        '<mj-html-attribute name="href">{{ event.url }}'
        "</mj-html-attribute></mj-selector></mj-html-attributes></mj-head><mj-body>"))  # fmt: skip
    desk.words("letter", "en", subject="s")
    with pytest.raises(Invalid) as caught:
        desk.compiled()
    assert {fault.code for fault in caught.value.diagnostics} <= {"T010", "T013"}


@given(st.text(alphabet="javscript:\t\n\r \x00\x1f\xa0\ufeffJAVHTPS/&#;", max_size=24))
def test_what_a_browser_takes_for_a_script_never_passes(value: str) -> None:
    # How a browser reads an address: https://url.spec.whatwg.org/#concept-basic-url-parser
    read = value.strip("".join(map(chr, range(0x21)))).translate({9: None, 10: None, 13: None}).lower()
    try:
        passed = web_address(value) == value
    except Exception:  # noqa: BLE001 - refused
        passed = False
    assert not (passed and read.startswith("javascript:"))
