"""Lines of an email's HTML, known to be fit for a letter before anything is filled in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from regulars.render.compile import Templates
from regulars.render.message import render
from tests.common import data
from tests.common.effort import share
from tests.render.conftest import Desk

STARTER = Path(__file__).parents[2] / "templates" / "emails"
UNFIT = re.compile(r"(?:\A|\n)(?:\.|From |--)|[\r\0]")
"""Beginnings of a line, and characters, that no letter's body may have (RFC 5321, 4.5.2; mboxrd; RFC 2046, 5.1.1)."""

values = st.one_of(
    st.lists(st.sampled_from(["\n", "\r", ".", "-", "From ", "x", " ", "<", "&", '"', "\0"]), max_size=12).map("".join),
    st.sampled_from(["\n.", "\r\n--alt_", "\nFrom me", ".", "From ", "--"]),
    st.sampled_from(data.naughty_strings()),
)
INNER = [
    "<mj-text>{{ a }}{{ b }}\n{{ c }}</mj-text>",
    "<mj-text>\n{% for x in [a, b, c] %}\n{{ x }}\n{% endfor %}\n</mj-text>",
    '<mj-text>{% if a %}\n.{% endif %}<a href="https://x.example/?{{ b }}">\n{{ c }}</a></mj-text>',
    "<mj-text>{% set d %}{{ a }}\n{{ b }}{% endset %}{{ d }}{{ c }}</mj-text>",
    "<mj-text>{{ '\\n.' }}{{ a }}</mj-text><mj-text>{{ [a, b, c] | join('\\n') }}</mj-text>",
    "<mj-text><pre>{{ a }}\n{{ b }}</pre>{{ a ~ '\\n' ~ b }}</mj-text>",
]


@pytest.mark.parametrize("inner", INNER)
def test_no_value_brings_in_a_line_that_is_unfit(desk: Desk, inner: str) -> None:
    desk.email(inner)
    email = desk.templates().compiled("letter", "en")
    assert email.html.lined is not any(breaks in inner for breaks in ("<pre>", "'\\n.'"))

    @settings(max_examples=share(1))
    @given(values, values, values)
    def check(a: str, b: str, c: str) -> None:
        made = render(email, {"a": a, "b": b, "c": c})
        if made.lined:
            assert not UNFIT.search(made.html)

    check()


@pytest.mark.slow
def test_every_starter_email_is_known_to_be_fit() -> None:
    templates = Templates([STARTER])
    assert [name for name in templates.names() if not templates.compiled(name, "en").html.lined] == []


@pytest.mark.parametrize(
    ("inner", "fit"),
    [
        ("<mj-text>Hello {{ a }}</mj-text>", True),
        ("<mj-text>Hello\n{{ a }}</mj-text>", True),
        ("<mj-text>{{ '\\n.' }}</mj-text>", False),
        ("<mj-text><pre>x\n{{ a }}</pre></mj-text>", False),
    ],
)
def test_what_may_begin_a_line_is_found(desk: Desk, inner: str, fit: bool) -> None:
    desk.email(inner)
    assert desk.templates().compiled("letter", "en").html.lined is fit


@pytest.mark.parametrize("text", ["one\ntwo", "one\r\ntwo", "one\rtwo", "\n", "one\n\n.two"])
def test_a_break_in_a_value_is_read_as_one(desk: Desk, text: str) -> None:
    desk.email('<mj-text><a href="https://x.example/" title="{{ a }}">{{ a }}</a></mj-text>')
    made = render(desk.templates().compiled("letter", "en"), {"a": text}).html
    link = html.fromstring(made).find(".//a")
    assert link is not None
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert (link.text, link.get("title")) == (plain, plain)


@pytest.mark.parametrize(
    ("inner", "viewed"),
    [
        ('<a href="{{ links.unsubscribe }}">leave</a>', False),
        ('<a href="{{ links.view }}">see</a>', True),
        ("<a href=\"{{ links['view'] }}\">see</a>", True),
        ("{% set all = links %}<a href=\"{{ all['vi' ~ 'ew'] }}\">see</a>", True),
        ("{% for name in links %}{{ name }}{% endfor %}", True),
    ],
)
def test_whether_it_may_lead_to_its_own_page_is_known(desk: Desk, inner: str, viewed: bool) -> None:
    desk.email(f"<mj-text>{inner}</mj-text>")
    assert desk.templates().compiled("letter", "en").viewed is viewed
