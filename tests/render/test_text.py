"""The two parts of a message say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from lxml import html as lxml_html

from regulars.render.compile import Templates
from regulars.render.message import Rendered, render
from tests.render.conftest import Desk

_WORD = re.compile(r"\w+")
_URL = re.compile(r"(?:https?://|mailto:)\S+")


def words_of_html(document: str) -> list[str]:
    """What a reader of the HTML sees, by a reading of its own: no head, nothing hidden, pictures by their alt."""
    tree = lxml_html.document_fromstring(document)
    return _WORD.findall(_URL.sub("", " ".join(_seen(tree))))


def _seen(node: lxml_html.HtmlElement) -> Iterator[str]:
    shown = isinstance(node.tag, str) and node.tag not in ("head", "style", "script")
    if shown and "display:none" not in (node.get("style") or ""):
        yield node.get("alt") or "" if node.tag == "img" else node.text or ""
        for child in node:
            yield from _seen(child)
    yield node.tail or ""


def hrefs(document: str) -> list[str]:
    return [str(a.get("href")) for a in lxml_html.document_fromstring(document).iter("a")]


def words_of_text(rendered: Rendered) -> list[str]:
    text = rendered.text
    found = {part.removeprefix("mailto:") for href in hrefs(rendered.html) for part in (href, href.split("?")[0])}
    for href in sorted(found, key=len, reverse=True):
        text = text.replace(f": {href}", "")
    return _WORD.findall(_URL.sub("", text))


def emails(starter: Templates) -> list[tuple[str, str]]:
    return [(email, language) for email in starter.names() for language in starter.languages(email)]


@pytest.mark.slow
def test_both_parts_of_every_starter_email_have_the_same_words(starter: Templates) -> None:
    for email, language in emails(starter):
        rendered = render(starter.compiled(email, language), starter.sample(email))
        assert words_of_text(rendered) == words_of_html(rendered.html), (email, language)


@pytest.mark.slow
def test_every_link_of_the_html_is_in_the_text(starter: Templates) -> None:
    for email, language in emails(starter):
        rendered = render(starter.compiled(email, language), starter.sample(email))
        for href in hrefs(rendered.html):
            if not href.startswith("tel:"):
                assert href.removeprefix("mailto:").split("?")[0] in rendered.text, (email, language, href)


def test_the_words_test_sees_a_missing_word() -> None:
    rendered = Rendered("s", "<p>one two three</p>", "one three\n", "en", "d")
    assert words_of_text(rendered) != words_of_html(rendered.html)


def test_what_is_hidden_is_not_in_the_text(desk: Desk) -> None:
    desk.write(
        "letter/body.mjml",
        "<mjml><mj-head><mj-preview>peek</mj-preview><mj-style>.a { color: red }</mj-style></mj-head>"
        "<mj-body><mj-section><mj-column><mj-text>seen<span style='display:none'>unseen</span></mj-text>"
        "</mj-column></mj-section></mj-body></mjml>",
    )
    desk.words("letter", "en", subject="s")
    assert desk.render().text == "seen\n"


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("<mj-text><h1>Title</h1><p>One</p><p>Two</p></mj-text>", "Title\n\nOne\n\nTwo\n"),
        ("<mj-text>A<br/>B<br/><br/>C</mj-text>", "A\nB\n\nC\n"),
        ("<mj-text><ul><li>a</li><li><p>b</p></li></ul></mj-text>", "- a\n- b\n"),
        ('<mj-button href="https://x.example/b">Book</mj-button>', "Book: https://x.example/b\n"),
        ('<mj-text>See <a href="https://x.example">https://x.example</a> now</mj-text>', "See https://x.example now\n"),
        ('<mj-text><a href="mailto:a@x.example">Write</a></mj-text>', "Write: a@x.example\n"),
        ('<mj-text><a href="tel:+1">+1</a></mj-text>', "+1\n"),
        ('<mj-image src="https://x.example/i.png" alt="A cat" />', "A cat\n"),
        (
            "<mj-table><tr><th>Sum</th><td>5 €</td></tr><tr><th>Day:</th><td>Monday</td></tr></mj-table>",
            "Sum: 5 €\nDay: Monday\n",
        ),
        ("<mj-table><tr><td>a</td><td>b</td><td>c</td></tr></mj-table>", "a | b | c\n"),
        ("<mj-text>a &lt; b &amp; c &#123;&#123; x &#125;&#125;</mj-text>", "a < b & c {{ x }}\n"),
        ("<mj-text>a</mj-text><mj-divider /><mj-text>b</mj-text>", "a\n\nb\n"),
    ],
)
def test_html_becomes_text(desk: Desk, inner: str, text: str) -> None:
    desk.email(inner)
    assert desk.render().text == text


def test_conditions_leave_no_gap_and_no_join(desk: Desk) -> None:
    desk.email(
        "<mj-text>A</mj-text>{% if event.x %}<mj-text>X</mj-text>{% elif event.y %}<mj-text>Y</mj-text>{% else %}"
        "<mj-text>Z</mj-text>{% endif %}<mj-text>B{% if event.x %} and more{% endif %}, C</mj-text>"
    )
    texts = [desk.render(event=event).text for event in ({"x": 1, "y": 0}, {"x": 0, "y": 1}, {"x": 0, "y": 0})]
    assert texts == ["A\n\nX\n\nB and more, C\n", "A\n\nY\n\nB, C\n", "A\n\nZ\n\nB, C\n"]


def test_a_section_that_is_left_out_of_the_html_is_left_out_of_the_text(desk: Desk) -> None:
    """Between two sections of a wrapper a statement stands in a comment for Outlook."""
    sections = (
        "{% if event.x %}<mj-section><mj-column><mj-text>{{ event.x }}</mj-text></mj-column></mj-section>{% endif %}"
        "{% for n in event.all %}<mj-section><mj-column><mj-text>{{ n }}</mj-text></mj-column></mj-section>{% endfor %}"
        "<mj-section><mj-column><mj-text>Z</mj-text></mj-column></mj-section>"
    )
    desk.write("letter/body.mjml", f"<mjml><mj-body><mj-wrapper>{sections}</mj-wrapper></mj-body></mjml>")
    desk.words("letter", "en", subject="Hello")
    assert desk.render(event={"x": "A", "all": ["B", "C"]}).text == "A\n\nB\n\nC\n\nZ\n"
    assert desk.render(event={"x": None, "all": []}).text == "Z\n"


def test_a_link_that_is_its_own_label_is_said_once(desk: Desk) -> None:
    desk.email('<mj-text><a href="{{ company.website }}">{{ company.website }}</a></mj-text>')
    made = desk.render(company={"website": "https://studio.example"})
    assert made.text == "https://studio.example\n"


def test_the_preheader_is_not_hidden_as_white_on_white_or_too_small_to_read(starter: Templates) -> None:
    html = render(starter.compiled("win-back", "en"), starter.sample("win-back")).html
    hidden = html[html.index("display:none") :].split(">", 1)[0]
    assert "color" not in hidden
    assert "font-size" not in hidden
    assert "max-height:0" in hidden


def test_the_answers_of_a_survey_share_one_address(desk: Desk) -> None:
    rows = "".join(
        f"<mj-button href='{{{{ links.survey }}}}?score={number}'>{label}</mj-button>"
        for number, label in enumerate(("Yes", "Not quite", "No"))
    )
    links = {"survey": "https://x.example/s/t", "book": "https://x.example/b/t"}
    desk.email(f"<mj-text>Well?</mj-text>{rows}<mj-text>Thank you</mj-text>")
    assert desk.render(links=links).text == "Well?\n\nYes | Not quite | No: https://x.example/s/t\n\nThank you\n"
    desk.email(rows)
    assert desk.render(links=links).text == "Yes | Not quite | No: https://x.example/s/t\n"


def test_other_links_and_a_single_answer_keep_their_own_address(desk: Desk) -> None:
    desk.email(
        "<mj-button href='{{ links.survey }}?score=9'>Nine</mj-button>"
        "<mj-button href='https://x.example/p?id=1'>One</mj-button>"
        "<mj-button href='https://x.example/p?id=2'>Two</mj-button>"
    )
    made = desk.render(links={"survey": "https://x.example/s/t"})
    assert made.text.split("\n\n") == [
        "Nine: https://x.example/s/t?score=9", "One: https://x.example/p?id=1", "Two: https://x.example/p?id=2\n",
    ]  # fmt: skip


def test_links_side_by_side_stay_apart(desk: Desk) -> None:
    link = '<a href="https://x.example/?n={{ n }}">{{ n }}</a>'
    desk.email("<mj-text>{% for n in event.all %}" + link + "{% endfor %}</mj-text>")
    lines = ["1: https://x.example/?n=1", "2: https://x.example/?n=2"]
    assert desk.render(event={"all": [1, 2]}).text.split("\n") == [*lines, ""]
    desk.email("<mj-text>" + "".join(link.replace("{{ n }}", n) for n in "12") + ", ok</mj-text>")
    assert desk.render().text == "\n".join(lines) + ", ok\n"


def test_a_condition_at_the_start_of_a_line_does_not_break_it(desk: Desk) -> None:
    desk.email(
        "<mj-text>{% if event.x %}Dear {{ event.x }}{% else %}Hello{% endif %}, welcome<br/>"
        "{% if event.x %}a<br/>{% endif %}b</mj-text>"
    )
    assert [desk.render(event={"x": x}).text for x in ("Ana", "")] == [
        "Dear Ana, welcome\na\nb\n",
        "Hello, welcome\nb\n",
    ]


def test_a_round_that_ends_in_running_text_does_not_join_the_next(desk: Desk) -> None:
    desk.email("<mj-text>{% for x in event.all %}<p>{{ x }}</p>end{% endfor %}!</mj-text>")
    assert desk.render(event={"all": ["a", "b"]}).text.split() == ["a", "end", "b", "end!"]


def test_loops_make_lines(desk: Desk) -> None:
    desk.email("<mj-text>Things:<ul>{% for x in event.all %}<li>{{ x }}</li>{% endfor %}</ul>End</mj-text>")
    assert desk.render(event={"all": ["a", "b"]}).text == "Things:\n\n- a\n- b\n\nEnd\n"
    assert desk.render(event={"all": []}).text == "Things:\n\nEnd\n"


def test_an_own_text_takes_the_place_of_the_derived(desk: Desk) -> None:
    desk.email("<mj-text>html</mj-text>", hi="Hi & <bye>")
    desk.write("letter/body.txt", "{{ t.hi }} {{ customer.name }}\n")
    assert desk.render(customer={"name": "A<B"}).text == "Hi & <bye> A<B\n"
