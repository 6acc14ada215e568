"""Nothing is loaded from others that the author did not write, and what he did write is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regulars.core.diagnostics import Severity, Span
from regulars.core.errors import Invalid
from regulars.render.compile import Templates
from regulars.render.email_check import Usage
from regulars.render.message import render
from tests.common.email_checks import check
from tests.render.conftest import STARTER, Desk

ADDRESS = re.compile(r"""(?:https?:)?//[^\s"'<>)]+""")
USAGE = Usage("letter", "campaign", Span("campaigns/a.yaml", 3, 12, 6), frozenset(["name"]), marketing=False)


def warned(desk: Desk, *own: str) -> list[tuple[str, int, int]]:
    desk.write(
        "letter/sample.yaml", "customer: {name: A}\nevent: {url: 'https://x.example/', n: 1}\nlinks: {survey: u}\n"
    )
    return [(d.code, d.span.line, d.span.column) for d in check(desk.templates(), [USAGE], own) if d.span]


@pytest.mark.slow
def test_no_email_of_the_starter_loads_anything() -> None:
    templates = Templates([STARTER], "en")
    for name in templates.names():
        source = templates.compiled(name, "en").html.source
        found = {each for each in ADDRESS.findall(source) if "w3.org" not in each}
        assert found == set(), name


@pytest.mark.parametrize("family", ["Ubuntu", "Roboto, Arial", "'Open Sans'", "Lato"])
def test_no_font_is_loaded_by_itself(desk: Desk, family: str) -> None:
    desk.email(f'<mj-text font-family="{family}">x</mj-text>')
    assert "googleapis" not in desk.render().html


def test_a_font_that_the_author_wrote_is_loaded_and_told(desk: Desk) -> None:
    desk.write(
        "letter/body.mjml",
        '<mjml><mj-head>\n<mj-font name="Own" href="https://fonts.example/own.css" /></mj-head><mj-body><mj-section>'
        '<mj-column><mj-text font-family="Own">x</mj-text></mj-column></mj-section></mj-body></mjml>',
    )
    desk.words("letter", "en", subject="s")
    assert "https://fonts.example/own.css" in desk.render().html
    assert warned(desk) == [("T020", 2, 1)]
    assert warned(desk, "fonts.example") == warned(desk, "example") == []


@pytest.mark.parametrize(
    ("inner", "host"),
    [
        ('<mj-social><mj-social-element name="facebook" href="https://x.example">F</mj-social-element></mj-social>',
         "www.mailjet.com"),
        (('<mj-social><mj-social-element name="facebook" src="https://x.example/f.png" href="https://x.example">F'
         "</mj-social-element></mj-social>"), "www.facebook.com"),
        ('<mj-carousel><mj-carousel-image src="https://x.example/1.png" alt="" /></mj-carousel>', "i.imgur.com"),
        (("<mj-accordion><mj-accordion-element><mj-accordion-title>t</mj-accordion-title><mj-accordion-text>x"
         "</mj-accordion-text></mj-accordion-element></mj-accordion>"), "i.imgur.com"),
    ],
)  # fmt: skip
def test_what_mjml_brings_along_is_a_mistake(desk: Desk, inner: str, host: str) -> None:
    desk.email(f"\n{inner}")
    with pytest.raises(Invalid) as caught:
        desk.compiled()
    [fault] = caught.value.diagnostics
    assert (fault.code, fault.span and fault.span.line, host in fault.message) == ("T018", 2, True)
    assert fault.hint


def test_icons_that_the_author_wrote_are_none(desk: Desk) -> None:
    desk.email(
        '<mj-social><mj-social-element name="facebook-noshare" src="https://x.example/f.png" alt="Facebook"'
        ' href="https://x.example/us">F</mj-social-element></mj-social>'
    )
    assert "https://x.example/us" in desk.render().html
    assert warned(desk, "x.example") == []


@pytest.mark.parametrize(
    ("inner", "own", "codes"),
    [
        ('<mj-image alt="" src="https://x.example/a.png" />', ["x.example"], []),
        ('<mj-image alt="" src="https://img.x.example/a.png" />', ["x.example"], []),
        ('<mj-image alt="" src="https://notx.example/a.png" />', ["x.example"], ["T020"]),
        ('<mj-image alt="" src="https://x.example/a.png" />', [], []),
        ('<mj-image alt="" src="http://x.example/a.png" />', ["x.example"], ["T020"]),
        ('<mj-image alt="" src="a.png" />', ["x.example"], ["T020"]),
        ('<mj-image alt="" src="{{ event.url }}a.png" />', ["x.example"], []),
        ('<mj-image alt="" src="https://cdn.example/{{ event.n }}.png" />', ["x.example"], ["T020"]),
        ('<mj-text><img alt="" src="//cdn.example/a.png"></mj-text>', ["x.example"], ["T020", "T020"]),
        ("<mj-raw><style>@import url('https://cdn.example/a.css');</style></mj-raw>", ["x.example"], ["T020"]),
        ('<mj-raw><link rel="stylesheet" href="https://cdn.example/a.css"></mj-raw>', ["x.example"], ["T020"]),
        ('<mj-text><a href="https://elsewhere.example">x</a></mj-text>', ["x.example"], []),
        ('<mj-text><a href="https://x.example/a b">x</a></mj-text>', [], ["T013"]),
        ('<mj-text><a href="https://x.example/a%20b">x</a></mj-text>', [], []),
        ('<mj-text><a href="tel:+372 555">x</a></mj-text>', [], []),
        ('<mj-text><a href="https://x.example/?a={{ customer.name or \'\' }}">x</a></mj-text>', [], ["T019"]),
        ('<mj-text><a href="https://x.example/?a={{ customer.name | urlencode }}">x</a></mj-text>', [], ["T017"]),
        ('<mj-text><a href="https://x.example/?a={{ (customer.name or \'\') | urlencode }}">x</a></mj-text>', [], []),
        ('<mj-text><a href="{{ event.url }}?a={{ event.n }}">x</a></mj-text>', [], ["T019"]),
        ('<mj-text><a href="{{ event.url }}?a={{ event.n | int }}">x</a></mj-text>', [], []),
        ('<mj-text><a href="https://x.example/?a={{ 1 if event.n else \'some-2\' }}">x</a></mj-text>', [], []),
        ('<mj-text><a href="mailto:a@x.example?subject={{ event.n }}">x</a></mj-text>', [], ["T019"]),
        ('<mj-text>{% for n in [1] %}<a href="{{ links.survey }}?s={{ n }}">x</a>{% endfor %}</mj-text>', [], []),
        ('<mj-text>{% for n in event.ns %}<a href="https://x.example/?n={{ n }}">x</a>{% endfor %}</mj-text>', [],
         ["T019"]),
    ],
)  # fmt: skip
def test_addresses_are_looked_at(desk: Desk, inner: str, own: list[str], codes: list[str]) -> None:
    desk.email(inner)
    faults = [code for code, _, _ in warned(desk, *own) if code not in ("T004", "T016")]
    assert faults == codes
    diagnostics = check(desk.templates(), [USAGE], own)
    assert {d.severity for d in diagnostics if d.code in ("T013", "T019", "T020")} <= {Severity.WARNING}


@pytest.mark.parametrize("value", ["bo+shop@x.example", "Tom & Anna #1", "a/b?c=d", "Ціна 1", "100%", "a b"])
def test_a_value_in_a_query_arrives(desk: Desk, value: str) -> None:
    from urllib.parse import parse_qs, urlsplit

    from lxml import html

    desk.email('<mj-text><a href="https://x.example/?v={{ event.v | urlencode }}&amp;ok=1">x</a></mj-text>')
    made = render(desk.compiled(), {"event": {"v": value}})
    [link] = html.document_fromstring(made.html).iter("a")
    for address in (str(link.get("href")), made.text.split(": ", 1)[1].strip()):
        assert parse_qs(urlsplit(address).query) == {"v": [value], "ok": ["1"]}


def test_no_file_of_the_package_names_a_font_service() -> None:
    for path in Path(STARTER).rglob("*.mjml"):
        assert "fonts." not in path.read_text("utf-8")
