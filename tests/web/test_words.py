"""The pages' words: all of them in every language, with the same places for values."""

from __future__ import annotations

import string

import pytest

from regulars.web.recipient.page_words import LANGUAGES, accepted_languages, choose_words, text_in, words_of


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language: str) -> None:
    english, own = words_of("en").texts, words_of(language).texts
    assert own.keys() == english.keys()
    assert {name for name in own if places(own[name]) != places(english[name])} == set()
    if language != "en":
        assert [name for name in own if own[name] == english[name]] == []


def test_the_nearest_language_is_chosen() -> None:
    assert choose_words("pt-BR", "uk_UA").language == "uk"
    assert choose_words(None, "xx").language == "en"
    assert list(accepted_languages("de;q=0.5, ro, et;q=0.9, x;q=y")) == ["ro", "et", "de"]
    assert text_in({"uk": "так"}, "ro") == "так"
    assert text_in({"": "yes"}, "ro") == "yes"
