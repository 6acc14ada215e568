"""Line breaks in the HTML of emails: lines short enough to be sent as they are, and nothing else changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from regulars.render.compile import Templates
from regulars.render.folding import WANTED, fold
from regulars.render.message import render
from regulars.render.mime import LONGEST

STARTER = Path(__file__).parents[2] / "templates" / "emails"


@pytest.mark.slow
def test_every_starter_email_in_english_goes_out_in_lines_that_may_be_sent() -> None:
    templates = Templates([STARTER])
    for email in templates.names():
        page = render(templates.compiled(email, "en"), templates.sample(email)).html
        assert max(map(len, page.split("\n"))) <= LONGEST, email
        assert "\n." not in page, email


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ('<a b="1 2" c="3">', '<a\nb="1 2"\nc="3">'),
        ("<a b='1 2' c>", "<a\nb='1 2'\nc>"),
        ("<br /><hr a />", "<br /><hr\na />"),
        ("<p>one two three four</p>", "<p>one two three four</p>"),
        ("<style>a { b:c} d {e:f; g:h}</style>", "<style>a {\nb:c}\nd {e:f;\ng:h}</style>"),
        ("<style>a {b:c} .d {e:f}</style>", "<style>a {b:c} .d {e:f}</style>"),
        ("<style>\n.a {b:c}</style>\nFrom here", "<style> .a {b:c}</style> From here"),
        ("<style>a {b:'} '} d {e:f}</style>", "<style>a {b:'} '} d {e:f}</style>"),
        ("<!-- a comment stays -->", "<!-- a comment stays -->"),
        ('<!--[if mso | IE]><td a="1 2" b="3"><![endif]-->', '<!--[if mso | IE]><td\na="1 2"\nb="3"><![endif]-->'),
        (
            '<!--[if mso]><i a="b c"><!-- zqj7jqz --><td d="e"><![endif]--><b f>',
            '<!--[if mso]><i\na="b c"><!-- zqj7jqz --><td\nd="e"><![endif]--><b\nf>',
        ),
    ],
)
def test_only_spaces_between_things_become_breaks(text: str, folded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.render.folding.WANTED", 0)
    assert fold(text) == folded


tags = st.builds(
    lambda name, attributes, text: f"<{name}{attributes}>{text}</{name}>",
    st.sampled_from(["p", "td", "a", "strong", "h1"]),
    st.lists(st.sampled_from([' a="b c"', " title='d \" e'", ' style="f: g h; i"', " hidden"])).map("".join),
    st.text(st.sampled_from("ab <>&\n\"'"), max_size=300).map(lambda t: t.replace("&", "&amp;").replace("<", "&lt;")),
)


@given(st.lists(tags, max_size=40).map("".join))
def test_the_document_stays_the_same(text: str) -> None:
    found = fold(text)
    assert len(found) == len(text)
    if text.strip():
        assert html.tostring(html.fromstring(f"<div>{found}</div>")) == html.tostring(
            html.fromstring(f"<div>{text}</div>")
        )


def test_no_line_is_longer_than_wanted_where_there_are_places() -> None:
    text = '<td a="b" c="d">' * 200
    assert max(map(len, fold(text).split("\n"))) <= WANTED
