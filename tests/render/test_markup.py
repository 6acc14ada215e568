"""What `{% set %}` made in HTML looks the same for everybody, whatever was printed before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from regulars.render.environment import HTML
from regulars.render.filters import read_forms, vocative
from regulars.render.limits import CURRENT, Budget
from regulars.render.message import render
from tests.render.conftest import Desk


def test_one_clients_name_changes_no_other_clients_email(desk: Desk) -> None:
    desk.email("<mj-text>{% set n %}{{ company.name }}{% endset %}Yours, {{ n }}. {{ customer.name }}</mj-text>")
    email = desk.compiled()
    names = ["Ann", "Ana &amp; Co", "Eve", "Ana & Co", "Ana &amp; Co"]
    made = [render(email, {"company": {"name": "Ana & Co"}, "customer": {"name": name}}) for name in names]
    assert ["Yours, Ana &amp; Co." in each.html for each in made] == [True] * 5
    assert [f"Yours, Ana & Co. {name}" in each.text for each, name in zip(made, names, strict=True)] == [True] * 5


@given(st.lists(st.text(alphabet="a&<>\"'\n;mpl#3", max_size=6), max_size=8), st.lists(st.booleans(), min_size=8))
def test_plain_text_and_markup_never_meet_in_what_is_kept(texts: list[str], markup: list[bool]) -> None:
    CURRENT.set(Budget())
    for text, is_markup in zip([*texts, *texts], [*markup, *(not each for each in markup)], strict=False):
        value = Markup(text) if is_markup else text
        assert HTML.shown[value] == str(escape(value)).replace("\n", "&#10;")


@pytest.mark.parametrize("first", [str, Markup])
def test_plural_forms_are_plain_text(desk: Desk, first: type[str]) -> None:
    read_forms.cache_clear()
    desk.email("<mj-text>{{ 1 | plural(event.f) }}{{ 1 | plural(event.g) }}</mj-text>")
    forms = "one=<b>|other=x"
    given_ = [first(forms), forms] if first is str else [escape(forms), forms]
    assert desk.render(event={"f": given_[0], "g": given_[1]}).html.count("&lt;b&gt;&lt;b&gt;") == 1


def test_a_name_made_by_set_is_escaped_once(desk: Desk) -> None:
    desk.email("<mj-text>{% set n %}{{ event.n }}\n{% endset %}{{ n }}{{ n | vocative }}{{ n | urlencode }}</mj-text>")
    html = desk.render(event={"n": "O'Neil & Co"}).html
    assert html.count("O&#39;Neil &amp; Co") == 2
    assert "O%27Neil%20%26%20Co" in html
    assert vocative is not None
