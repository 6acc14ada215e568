from __future__ import annotations

from pathlib import Path

import pytest

from regulars.core.errors import Invalid, NotFound
from regulars.render.compile import Templates
from regulars.render.message import render
from tests.render.conftest import Desk


def faults(desk: Desk, locale: str = "en") -> list[tuple[str, int, int]]:
    with pytest.raises(Invalid) as caught:
        desk.compiled(locale=locale)
    return [(d.code, d.span.line, d.span.column) for d in caught.value.diagnostics if d.span]


def test_the_language_falls_back_exact_then_language_then_company(desk: Desk) -> None:
    desk.email("<mj-text>{{ t.hi }}</mj-text>", locale="en", hi="Hi")
    for locale, word in (("pt", "Olá"), ("pt-BR", "Oi"), ("ro", "Bună")):
        desk.words("letter", locale, subject="s", hi=word)
    templates = desk.templates("ro")
    spoken = {asked: templates.compiled("letter", asked).language for asked in ("pt-BR", "pt-PT", "pt_br", "ja", None)}
    assert spoken == {"pt-BR": "pt-BR", "pt-PT": "pt", "pt_br": "pt-BR", "ja": "ro", None: "ro"}


def test_dates_follow_the_readers_region_only_within_the_words_language(desk: Desk) -> None:
    desk.email("<mj-text>x</mj-text>", subject="{{ today | date }}")
    from datetime import date

    day = date(2026, 3, 5)
    subjects = {
        locale: render(desk.compiled(locale=locale), {"today": day}).subject
        for locale in ("en-GB", "en-US", "uk", "en-XX")
    }
    assert subjects == {
        "en-GB": "5 March 2026",
        "en-US": "March 5, 2026",
        "uk": "March 5, 2026",
        "en-XX": "March 5, 2026",
    }


def test_an_email_without_the_companys_language_is_refused(desk: Desk) -> None:
    desk.email("<mj-text>x</mj-text>", locale="uk")
    assert faults(desk) == [("T009", 1, 1)]


def test_an_unknown_email_names_the_nearest(desk: Desk) -> None:
    desk.email("<mj-text>x</mj-text>", email="birthday")
    with pytest.raises(NotFound, match="did you mean `birthday`"):
        desk.compiled("birthdy")


@pytest.mark.parametrize("name", ["../letter", "a/../letter", ".", "", "letter/..", "/etc"])
def test_an_email_name_never_leaves_the_folder(desk: Desk, name: str) -> None:
    desk.email("<mj-text>x</mj-text>")
    with pytest.raises(NotFound):
        desk.compiled(name)


def test_an_include_never_leaves_base(desk: Desk) -> None:
    desk.write("secret.mjml", "<mj-text>secret</mj-text>")
    desk.email('<mj-include path="_base/../secret.mjml" />')
    assert [code for code, _, _ in faults(desk)] == ["T010"]


def test_a_workspace_changes_words_and_keeps_the_starters_body(tmp_path: Path) -> None:
    starter, workspace = Desk(tmp_path / "starter"), Desk(tmp_path / "workspace")
    starter.email("<mj-text>{{ t.hi }}</mj-text>", hi="Starter")
    starter.words("letter", "uk", subject="s", hi="Стартер")
    workspace.words("letter", "en", subject="Ours", hi="Workspace")
    both = Templates([workspace.folder, starter.folder], "en")
    assert "Workspace" in render(both.compiled("letter", "en"), {}).text
    assert "Стартер" in render(both.compiled("letter", "uk"), {}).text


def test_a_workspace_with_its_own_body_takes_no_words_from_the_starter(tmp_path: Path) -> None:
    starter, workspace = Desk(tmp_path / "starter"), Desk(tmp_path / "workspace")
    starter.email("<mj-text>x</mj-text>", locale="uk")
    workspace.email("<mj-text>y</mj-text>", locale="en")
    both = Templates([workspace.folder, starter.folder], "en")
    assert both.languages("letter") == ["en"]


def test_base_is_found_file_by_file(tmp_path: Path) -> None:
    starter, workspace = Desk(tmp_path / "starter"), Desk(tmp_path / "workspace")
    starter.write("_base/a.mjml", "<mj-text>A of the starter</mj-text>")
    starter.write("_base/b.mjml", "<mj-text>B of the starter</mj-text>")
    starter.email('<mj-include path="_base/a.mjml" /><mj-include path="_base/b.mjml" />')
    workspace.write("_base/b.mjml", "<mj-text>B of ours</mj-text>")
    text = render(Templates([workspace.folder, starter.folder], "en").compiled("letter", "en"), {}).text
    assert "A of the starter" in text
    assert "B of ours" in text


def test_blocks_stand_between_mjml_elements_and_table_rows(desk: Desk) -> None:
    desk.email(
        "{% for n in event.all %}<mj-text>P{{ n }}</mj-text>{% endfor %}"
        "<mj-table>{% for n in event.all %}<tr><td>R{{ n }}</td></tr>{% endfor %}</mj-table>"
    )
    html = desk.render(event={"all": [1, 2]}).html
    assert [html.count(x) for x in ("P1", "P2", "R1", "R2")] == [1, 1, 1, 1]
    assert html.index("R1") < html.index("R2") < html.index("</table>", html.index("R2"))
    assert "zqj" not in html


def test_inlined_styles_do_not_move_blocks(desk: Desk) -> None:
    rows = "<mj-table>{% for n in event.all %}<tr><td class='c'>R{{ n }}</td></tr>{% endfor %}</mj-table>"
    desk.write(
        "letter/body.mjml",
        '<mjml><mj-head><mj-style inline="inline">.c { color: red; }</mj-style></mj-head>'
        f"<mj-body><mj-section><mj-column>{rows}</mj-column></mj-section></mj-body></mjml>",
    )
    desk.words("letter", "en", subject="s")
    html = desk.render(event={"all": [1, 2]}).html
    assert html.count("<tr><td class") == 2


def test_tags_in_attributes_keep_their_quotes_and_signs(desk: Desk) -> None:
    desk.email(
        """<mj-button href="{{ links['book'] }}?a=1&amp;b={{ 'x>y' if event.n > 1 and event.n < 9 else "&" }}">"""
        "Go</mj-button>"
    )
    html = desk.render(links={"book": "https://x.example/?q=1&z=2"}, event={"n": 3}).html
    assert 'href="https://x.example/?q=1&amp;z=2?a=1&amp;b=x&gt;y"' in html


def test_conditions_work_inside_attributes(desk: Desk) -> None:
    desk.email(
        '<mj-button href="{% if event.a %}https://a.example{% else %}https://b.example{% endif %}">Go</mj-button>'
    )
    assert 'href="https://b.example"' in desk.render(event={"a": False}).html


def test_attributes_may_hold_any_script(desk: Desk) -> None:
    desk.email('<mj-image src="https://x.example/a.png" alt="Зображення\u00a0№ 1 — é\u0301" />')
    assert 'alt="Зображення\u00a0№ 1 — é\u0301"' in desk.render().html


def test_words_are_plain_text_in_both_parts(desk: Desk) -> None:
    desk.email("<mj-text>{{ t.a }}</mj-text>", a='Tom & "Ann" <3\nnext\n\nparagraph')
    rendered = desk.render()
    assert "Tom &amp; &quot;Ann&quot; &lt;3<br/>next<br/><br/>paragraph" in rendered.html.replace("<br />", "<br/>")
    assert 'Tom & "Ann" <3\nnext\n\nparagraph' in rendered.text


def test_words_may_use_words_but_not_themselves(desk: Desk) -> None:
    desk.email("<mj-text>{{ t.a }}</mj-text>", a="A {{ t.b }}", b="B")
    assert "A B" in desk.render().text
    desk.words("letter", "en", subject="s", a="A {{ t.b }}", b="{{ t.a }}")
    assert [code for code, _, _ in faults(desk)] == ["T005"]


def test_words_see_the_loop_they_stand_in(desk: Desk) -> None:
    desk.email("<mj-text>{% for p in event.all %}{{ t.line }}{% endfor %}</mj-text>", line="{{ p.name }};")
    assert "A;B;" in desk.render(event={"all": [{"name": "A"}, {"name": "B"}]}).text


def test_base_words_serve_every_email_and_can_be_replaced(desk: Desk) -> None:
    desk.words("_base", "en", bye="Regards", hi="Hello")
    desk.email("<mj-text>{{ t.hi }} {{ t.bye }}</mj-text>", bye="Yours")
    assert "Hello Yours" in desk.render().text


def test_the_document_says_its_language(desk: Desk) -> None:
    desk.email("<mj-text>x</mj-text>", locale="uk")
    assert '<html lang="uk"' in desk.render(locale="uk").html


def test_the_digest_changes_with_every_source(desk: Desk) -> None:
    desk.words("_base", "en", bye="Regards")
    desk.email("<mj-text>{{ t.bye }}</mj-text>")
    digests = [desk.compiled().digest]
    desk.words("_base", "en", bye="Yours")
    digests.append(desk.compiled().digest)
    desk.words("letter", "en", subject="Other")
    digests.append(desk.compiled().digest)
    desk.write("letter/body.txt", "own text")
    digests.append(desk.compiled().digest)
    assert len(set(digests)) == 4
    assert desk.compiled().digest == digests[-1]


@pytest.mark.parametrize(
    ("inner", "code", "line", "column"),
    [
        ("<mj-text>\n{{ customer.name </mj-text>", "T002", 2, 1),
        ("\n  <mj-txt>x</mj-txt>", "T010", 2, 3),
        ("\nstray", "T010", 2, 1),
        ("<mj-text>a\n & b</mj-text>", "T010", 2, 2),
        ("<mj-text>\n{% if customer.name %}x</mj-text>", "T002", 2, 1),
        ("<mj-text>\n x {{ customer.name | uper }}</mj-text>", "T007", 2, 23),
        ("<mj-text>\n x {{ t.nothing }}</mj-text>", "T005", 2, 4),
        ("<mj-text>\n{% include 'x' %}</mj-text>", "T002", 2, 1),
        ('\n<mj-include path="_base/no.mjml" />', "T010", 2, 19),
        ("<mj-text>\n<b>x</mj-text>", "T010", 2, 1),
        ("<mj-text>\n<a href={{ links.book }}>x</a></mj-text>", "T010", 2, 1),
        ('<mj-image alt="" src="x" colour="{{\n today }}" />', "T010", 1, 73),
    ],
)
def test_a_fault_is_found_where_it_is(desk: Desk, inner: str, code: str, line: int, column: int) -> None:
    desk.email(inner)
    shift = len("<mjml><mj-body><mj-section><mj-column>") if line == 1 else 0
    assert (code, line, column if not shift else shift + inner.index("{{") + 1) in faults(desk)


def test_a_fault_in_a_word_is_found_in_the_words_file(desk: Desk) -> None:
    desk.email("<mj-text>{{ t.body }}</mj-text>")
    path = desk.write("letter/words/en.yaml", "subject: s\nbody: |\n  first\n  second {{ customer.name | uper }}\n")
    with pytest.raises(Invalid) as caught:
        desk.compiled()
    span = caught.value.diagnostics[0].span
    assert span is not None
    assert (span.path, span.line, span.column) == (path.as_posix(), 4, 29)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("subject: s\nsubject: t\n", 2),
        ("subject: s\nok: yes\n", 2),
        ("subject: s\na: [1]\n", 2),
        ("subject: s\na: {{ customer.name }}\n", 2),
        ("subject: s\n\ta: b\n", 2),
        ("- a\n", 1),
        ("subject: 'a\n", 2),
    ],
)
def test_a_faulty_words_file_names_the_line(desk: Desk, text: str, line: int) -> None:
    desk.email("<mj-text>x</mj-text>")
    desk.write("letter/words/en.yaml", text)
    assert [(code, at) for code, at, _ in faults(desk)] == [("T015", line)]


@pytest.mark.slow
def test_every_email_of_the_starter_compiles_in_every_language(starter: Templates) -> None:
    assert len(starter.names()) >= 7
    for email in starter.names():
        for language in starter.languages(email):
            assert starter.compiled(email, language).language == language
