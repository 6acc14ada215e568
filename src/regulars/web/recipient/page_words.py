"""The texts of pages: one YAML file of plain texts per language, with `{name}` for values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

LANGUAGES = ("en", "uk", "ru", "ro", "et")


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language."""

    language: str
    texts: Mapping[str, str]

    def __call__(self, name: str, /, **values: object) -> str:
        """The text with its values; plain, so templates escape it."""
        return self.texts[name].format(**values)


@cache
def words_of(language: str) -> Words:
    """The words of one of LANGUAGES."""
    text = (files("regulars.web.recipient") / "words" / f"{language}.yaml").read_text("utf-8")
    return Words(language, yaml.safe_load(text))


def choose_words(*locales: str | None) -> Words:
    """The words of the first supported locale, such as `pt-BR` or `ro_MD`; English by default."""
    for locale in locales:
        language = (locale or "").replace("_", "-").split("-")[0].lower()
        if language in LANGUAGES:
            return words_of(language)
    return words_of("en")


def accepted_languages(header: str) -> Iterable[str]:
    """The languages of an Accept-Language header by weight; invalid ones are ignored."""
    found = []
    for place, part in enumerate(header[:200].split(",")):
        name, _, quality = part.partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        found.append((-weight, place, name.strip()))
    return [name for _, _, name in sorted(found)]


def text_in(texts: str | Mapping[str, str], language: str) -> str:
    """A text that a rule file gives once or by language: in this one, else English, else the first."""
    if isinstance(texts, str):
        return texts
    return texts.get(language) or texts.get("en") or next(iter(texts.values()))
