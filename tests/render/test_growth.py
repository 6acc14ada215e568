"""Readers of emails take time in proportion to what they read: here are inputs on which a reader that does not would
not come to an end within hours."""

from __future__ import annotations

import pytest

from regulars.core.diagnostics import Severity
from regulars.core.errors import Invalid
from regulars.render.link_guard import guard
from regulars.render.marks import Woven
from regulars.render.message import RenderFailed, render
from regulars.render.template_pieces import Kind, Origin, Piece, cut
from regulars.render.text import derive, normalized
from regulars.render.weaver import Weaver, attributes
from tests.render.conftest import Desk

pytestmark = pytest.mark.slow

MANY = 200_000
PATTERNS = {
    "blanks": " " * MANY,
    "openings": "{{ " * (MANY // 3),
    "openings of comments": "{# " * (MANY // 3),
    "openings of raw": "{% raw %}" * (MANY // 9),
    "quotes in a tag": "{{ " + "'' " * (MANY // 3),
    "lone quotes": "{{ ' }}\\" * (MANY // 8),
    "escapes": "{{ '" + "\\'" * (MANY // 2),
    "tags": "{{ a }}" * (MANY // 7),
    "angles": "<a " * (MANY // 3),
    "a tag of blanks": "<a" + " " * MANY,
    "tags of quotes": "<a \"'" * (MANY // 5),
    "comments": "<!-- " * (MANY // 5),
    "sections": "<![CDATA[" * (MANY // 9),
    "conditions": "<!--[if mso]>" * (MANY // 13),
    "a name": "<a " + "x" * MANY + ">",
    "lines": "\n" * MANY,
    "lines of tags": "{{ a }}\n" * (MANY // 8),
}


@pytest.mark.parametrize("text", PATTERNS.values(), ids=PATTERNS)
def test_the_pieces_of_a_text_are_its_characters(text: str) -> None:
    pieces = list(cut(Origin(text, "body.mjml")))
    assert "".join(piece.text for piece in pieces) == text
    Weaver().weave(pieces)


@pytest.mark.parametrize("text", PATTERNS.values(), ids=PATTERNS)
def test_the_text_part_and_the_attributes_of_anything(text: str) -> None:
    normalized(text)
    attributes(text)
    guard(text, Woven())
    derive(f"<p>{text[:50_000]}</p>", Woven())


def test_a_tag_in_many_pieces_is_read_once() -> None:
    data = Piece(Kind.DATA, "x", Origin("x", "p").span(0))
    tag = Piece(Kind.PRINT, "{{ a }}", Origin("{{ a }}", "p").span(0))
    begin, end = (Piece(Kind.DATA, text, data.span) for text in ('<mj-text><a title="', '">x</a></mj-text>'))
    weaver = Weaver()
    weaver.weave([begin, *[tag, data] * 50_000, end])
    assert weaver.faults == []


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("{% if 1 %}" * 200 + "{% endif %}" * 200, "T002"),
        ("{% for a in [1] %}" * 21 + "{% endfor %}" * 21, "T002"),
        ("{% set a %}" * 40 + "{% endset %}" * 40, "T002"),
        ("{{ " + "(" * 500 + "1" + ")" * 500 + " }}", "T002"),
        ("{{ " + "not " * 900 + "1 }}", "T002"),
        ("{{ 1" + " + 1" * 900 + " }}", "T002"),
        ("{{ 1" + " if 1 else 1" * 300 + " }}", "T002"),
        ("{{ a" + ".a" * 2000 + " }}", "T002"),
        ("{{ a" + "|upper" * 700 + " }}", "T002"),
        ("{{ " + "[" * 300 + "]" * 300 + " }}", "T002"),
        ("<b>" * 200 + "</b>" * 200, "T010"),
        ("<mj-wrapper>" * 3000 + "</mj-wrapper>" * 3000, "T010"),
        ("{{ a" + " " * 6000 + "}}", "T002"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_nested_too_deeply_is_a_mistake_at_its_place(desk: Desk, inner: str, code: str) -> None:
    desk.email(f"<mj-text>\n{inner}</mj-text>")
    with pytest.raises(Invalid) as caught:
        desk.compiled()
    errors = [fault for fault in caught.value.diagnostics if fault.severity is Severity.ERROR]
    assert next((fault.code, fault.span and fault.span.line) for fault in errors) == (code, 2)


def test_what_is_nested_as_deeply_as_allowed_is_none(desk: Desk) -> None:
    desk.email(
        "<mj-text>" + "{% if 1 %}" * 15 + "x" + "{% endif %}" * 15 + "<b>" * 80 + "y" + "</b>" * 80 + "</mj-text>"
    )
    assert desk.render().text.split() == ["xy"]
    desk.email("<mj-text>" + "{% for a in [1] %}" * 15 + "x" + "{% endfor %}" * 15 + "</mj-text>")
    assert desk.render().text.strip() == "x"
    desk.email("<mj-text>" + "{% if event.a == 1 %}1" + "{% elif event.a == 2 %}2" * 300 + "{% endif %}</mj-text>")
    assert desk.render(event={"a": 2}).text.strip() == "2"


def test_words_that_double_end(desk: Desk) -> None:
    words = {f"w{n}": f"{{{{ t.w{n + 1} }}}}{{{{ t.w{n + 1} }}}}" for n in range(25)}
    desk.email("<mj-text>{{ t.w0 }}</mj-text>", **words, w25="hi")
    with pytest.raises(Invalid) as caught:
        desk.compiled()
    assert {fault.code for fault in caught.value.diagnostics} == {"T005"}


def test_includes_that_double_end(desk: Desk) -> None:
    for n in range(8):
        desk.write(f"_base/p{n}.mjml", f'<mj-include path="_base/p{n + 1}.mjml" />' * 12)
    desk.write("_base/p8.mjml", "<mj-spacer />")
    desk.email('<mj-include path="_base/p0.mjml" />')
    with pytest.raises(Invalid) as caught:
        desk.compiled()
    assert "T010" in {fault.code for fault in caught.value.diagnostics}


def test_a_long_value_takes_as_long_as_it_is(desk: Desk) -> None:
    desk.email('<mj-text><a href="{{ event.v }}">{{ event.v | trim }}</a></mj-text>')
    email = desk.compiled()
    assert render(email, {"event": {"v": "https://x.example/" + "a " * 50_000}}).text
    with pytest.raises(RenderFailed):
        render(email, {"event": {"v": " " * 100_000 + "javascript:x"}})
