"""Lists of tags in one cell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.importing.refused import Refused
from regulars.importing.tags import tags


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("vip, swim", ["vip", "swim"]),
        ("vip; swim, dive;", ["vip", "swim, dive"]),
        ("a|b", ["a", "b"]),
        ('"VIP","Spring, 2024"', ["VIP", "Spring, 2024"]),
        ('["vip", "swim", 7]', ["vip", "swim", "7"]),
        ("[draft]", ["[draft]"]),
        (["vip", "vip", 5], ["vip", "5"]),
        ("vip", ["vip"]),
        ("-", []),
        ("[]", []),
        (" ", None),
    ],
)
def test_tags_of_a_cell(raw: Any, expected: list[str] | None) -> None:
    assert tags(raw) == expected


@pytest.mark.parametrize("raw", [[{"name": "vip"}], [True], "x" * 300, ",".join(map(str, range(501))), "a\nb"])
def test_what_is_no_list_of_tags(raw: Any) -> None:
    with pytest.raises(Refused):
        tags(raw)


_TAG = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x17F, exclude_characters=',;|"[\x7f'), min_size=1)


@given(st.lists(_TAG.filter(lambda tag: tag.isprintable() and tag != "-"), min_size=1, max_size=5, unique=True))
def test_the_separator_makes_no_difference(wanted: list[str]) -> None:
    for mark in (", ", ";", " | "):
        assert tags(mark.join(wanted)) == wanted
