"""Links that are counted: each is found, whatever it is made of, and nothing else of the email changes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from regulars.dispatch.template_context import links as every_page
from regulars.render.compile import Templates
from regulars.render.link_tracking import LinkRules, LinkTracking
from regulars.render.message import Rendered, render
from tests.common.people import SECRET
from tests.render.conftest import Desk

BASE = "https://us.example/c/TOKEN/"
OURS = {"unsubscribe": "https://us.example/u/T", "book": "https://us.example/b/T", "survey": "https://us.example/s/T"}
TAGS = {"utm_source": "regulars", "utm_medium": "email", "utm_campaign": "win-back"}


def counted(desk: Desk, inner: str, **context: Any) -> tuple[list[str], tuple[str, ...], Rendered]:
    """The links of the HTML as printed, the last of them the one that nobody sees; where they lead; the message."""
    desk.email(f"<mj-text>{inner}</mj-text>")
    trail = LinkTracking(LinkRules("https://us.example/"), BASE)
    made = render(desk.templates().compiled("letter", "en", traced=True), {"links": OURS, **context}, trail)
    document = html.document_fromstring(made.html)
    return [str(a.get("href")) for a in document.iter("a")], trail.targets, made


@pytest.mark.parametrize(
    ("inner", "context", "targets"),
    [
        ('<a href="https://a.example/?x=1&amp;y=2#z">a</a>', {}, ["https://a.example/?x=1&y=2#z"]),
        ('<a title="&lt;b&gt;" href="https://a.example/%22">a</a>', {}, ["https://a.example/%22"]),
        ('<a href="https://a.example/ціна">a</a>', {}, ["https://a.example/ціна"]),
        ('<a href="{{ url }}">a</a>', {"url": "https://a.example/?x=1&y=2"}, ["https://a.example/?x=1&y=2"]),
        ('<a href="{{ url or other }}">a</a>', {"url": None, "other": "http://b.example"}, ["http://b.example"]),
        ('<a href="https://a.example/{{ n }}?a=1&amp;b={{ w }}">a</a>', {"n": 7, "w": "q&r"},
         ["https://a.example/7?a=1&b=q&r"]),
        ('<a href="{{ url }}?x={{ n }}">a</a>', {"url": "https://a.example", "n": 3}, ["https://a.example?x=3"]),
        ('<a href="{% if n %}https://a.example{% else %}https://b.example{% endif %}">a</a>', {"n": 0},
         ["https://b.example"]),
        ('{% for n in ns %}<a href="https://a.example/{{ n }}">a</a>{% endfor %}', {"ns": [1, 2, 1]},
         ["https://a.example/1", "https://a.example/2"]),
        ('<a href="{{ url }}">a</a>', {"url": "https://a.example/\n\x00x"}, ["https://a.example/x"]),
    ],
)  # fmt: skip
def test_each_link_is_counted(desk: Desk, inner: str, context: dict[str, Any], targets: list[str]) -> None:
    links, found, _ = counted(desk, inner, **context)
    assert list(found) == targets
    assert set(links) == {f"{BASE}{number}" for number in range(len(targets) + 1)}


@pytest.mark.parametrize(
    ("inner", "context"),
    [
        ('<a href="mailto:ana@studio.example">a</a>', {}),
        ('<a href="tel:{{ n }}">a</a>', {"n": "+373"}),
        ('<a href="#top">a</a>', {}),
        ('<a href="{{ links.book }}">a</a>', {}),
        ('<a href="{{ links.survey }}?score={{ n }}">a</a>', {"n": 9}),
        ('<a href="{{ url }}">a</a>', {"url": "https://us.example/b/T"}),
        ('<a href="{{ url }}">a</a>', {"url": "mailto:ana@studio.example"}),
        ('<!--[if mso]><a href="https://a.example">a</a><![endif]-->', {}),
        ("<a>a</a>", {}),
    ],
)
def test_what_is_no_address_of_the_web_or_our_own_page_is_left_alone(
    desk: Desk, inner: str, context: dict[str, Any]
) -> None:
    links, targets, made = counted(desk, inner, **context)
    assert targets == ()
    assert [link for link in links if link.startswith(BASE)] == [f"{BASE}0"]
    plain = render(desk.compiled(), {"links": OURS, **context})
    # Where the lines of the HTML end may differ: it is folded once its links have their final length.
    html = made.html.replace("\n", " ")
    assert re.sub(r'<div style="display:none[^>]*><a [^>]*></a></div>', "", html) == plain.html.replace("\n", " ")


def test_a_missing_value_fails_the_message_at_its_place(desk: Desk) -> None:
    desk.email('<mj-text><a href="{{ url }}">a</a></mj-text>')
    with pytest.raises(Exception, match=r"body\.mjml:1:\d+: .*url"):
        render(
            desk.templates().compiled("letter", "en", traced=True), {"url": None}, LinkTracking(LinkRules("x"), BASE)
        )


def test_the_text_part_shows_addresses_as_they_are(desk: Desk) -> None:
    *_, made = counted(desk, '<a href="https://a.example/x">Look</a>')
    assert "Look: https://a.example/x" in made.text
    assert "/c/" not in made.text


def test_no_person_and_no_screen_reader_finds_the_link_that_nobody_sees(desk: Desk) -> None:
    *_, made = counted(desk, "Hello")
    (link,) = html.document_fromstring(made.html).iter("a")
    assert (link.get("href"), link.get("tabindex"), link.text) == (f"{BASE}0", "-1", None)
    around = link.getparent()
    assert around is not None
    assert around.get("aria-hidden") == "true"
    assert "display:none" in str(around.get("style"))


def test_the_picture_is_there_only_where_it_is_asked_for(desk: Desk) -> None:
    desk.email("<mj-text>Hello</mj-text>")
    email = desk.templates().compiled("letter", "en", traced=True)
    plain = render(desk.compiled(), {}).html
    assert render(email, {}, LinkTracking(LinkRules("x"))).html == plain
    shown = html.document_fromstring(
        render(email, {}, LinkTracking(LinkRules("x"), pixel="https://us.example/o/T")).html
    )
    assert [image.get("src") for image in shown.iter("img")] == ["https://us.example/o/T"]


@pytest.mark.slow
def test_every_starter_email_is_otherwise_the_same_to_the_byte(starter: Templates) -> None:
    for email in starter.names():
        values = {**starter.sample(email), "links": every_page(1, "https://us.example", SECRET)}
        plain = render(starter.compiled(email, "uk"), values)
        traced = render(
            starter.compiled(email, "uk", traced=True), values, LinkTracking(LinkRules("https://us.example/"))
        )
        # Where the lines of the HTML end may differ: it is folded once its links have their final length.
        html = [each.html.replace("\n", " ") for each in (traced, plain)]
        assert html[0] == html[1]
        assert replace(traced, html=plain.html) == plain


@pytest.mark.parametrize(
    ("url", "tagged"),
    [
        ("https://studio.example", "https://studio.example?{}"),
        ("https://www.studio.example/a/?b=1#c", "https://www.studio.example/a/?b=1&{}#c"),
        ("http://Studio.example:8080/?b=%20+x", "http://Studio.example:8080/?b=%20+x&{}"),
        ("https://studio.example/?utm_source=own", "https://studio.example/?utm_source=own"),
        ("https://other.example/?studio.example", "https://other.example/?studio.example"),
        ("https://studio.example.evil.example/", "https://studio.example.evil.example/"),
        ("https://[bad/", "https://[bad/"),
    ],
)
def test_only_links_to_the_own_website_carry_tags(url: str, tagged: str) -> None:
    said = "utm_source=regulars&utm_medium=email&utm_campaign=win-back"
    trail = LinkTracking(LinkRules("https://us.example/", "https://www.studio.example/ro", TAGS))
    assert trail.lead(url) == tagged.format(said)


@given(query=st.text(max_size=20), fragment=st.text(max_size=10))
def test_tags_are_added_to_what_is_there_and_take_nothing_away(query: str, fragment: str) -> None:
    url = f"https://studio.example/p?{query.replace('#', '')}#{fragment}"
    led = LinkTracking(LinkRules("https://us.example/", "studio.example", TAGS)).lead(url)
    before, after = (urlsplit("".join(filter(str.isprintable, each))) for each in (url, led))
    assert after._replace(query="") == before._replace(query="")
    assert parse_qsl(after.query, keep_blank_values=True) == [
        *parse_qsl(before.query, keep_blank_values=True), *([] if "utm_" in before.query else TAGS.items())
    ]  # fmt: skip


def test_many_addresses_do_not_fill_the_memory() -> None:
    ways = LinkRules("https://us.example/")
    trail = LinkTracking(ways, BASE)
    for number in range(10_000):
        trail.lead(f"https://a.example/{number}")
    assert len(ways.known) <= 4096
    assert len(trail.targets) == 10_000
