"""Addresses and numbers in the text part."""

from __future__ import annotations

import pytest

from tests.render.conftest import Desk


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ('Call <a href="tel:+37255500">us</a>', "Call us: +37255500"),
        ('Call <a href="tel:+37255500">+372 555-00</a>', "Call +372 555-00"),
        ("Call <a href=\"tel:{{ event.n | replace(' ', '') }}\">{{ event.n }}</a>", "Call +372 555 00"),
        ("Call <a href=\"tel:{{ event.n | replace(' ', '') }}\">us</a>", "Call us: +37255500"),
        ('<a href="https://x.example/a b">Look</a>', "Look: https://x.example/a%20b"),
        ('<a href="https://x.example/"><img src="https://x.example/a.png" alt=""></a>', "https://x.example/"),
        ('<a href="https://x.example/"><img src="https://x.example/a.png" alt="Shop"></a>', "Shop: https://x.example/"),
        ("<a href=\"https://x.example/\">{{ event.none or '' }}</a>", "https://x.example/"),
        ('<a href="{% if event.n %}https://x.example/{% endif %}">Look</a>', "Look: https://x.example/"),
        ('<a href="{{ event.url }}">{{ event.url }}</a>', "https://x.example/?a=1&b=2"),
        ('<a href="mailto:a@x.example?subject=Hi">a@x.example</a>', "a@x.example"),
        ('<a href="#top">Up</a>', "Up"),
    ],
)
def test_an_address_stands_behind_its_label_once(desk: Desk, inner: str, text: str) -> None:
    desk.email(f"<mj-text>{inner}</mj-text>")
    made = desk.render(event={"n": "+372 555 00", "none": None, "url": "https://x.example/?a=1&b=2"})
    assert made.text == text + "\n"


def test_pictures_without_words_leave_neither_colons_nor_empty_lines(desk: Desk) -> None:
    picture = '<mj-image src="https://x.example/{}.png" alt="" href="https://x.example/{}" />'
    desk.email("".join(picture.format(n, n) for n in range(3)) + "<mj-text>End</mj-text>")
    assert desk.render().text.split("\n\n") == [*(f"https://x.example/{n}" for n in range(3)), "End\n"]
