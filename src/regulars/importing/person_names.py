"""A first name out of a whole name, where its place is certain; a list of first names never is.

Certain are: a comma, a last name beside it, the order that the column's name states (`ФИО`, `Name and surname`), a
patronymic, which follows the first name, and endings that only surnames have (`-escu`, `-енко`, `-ова`).
"""

from __future__ import annotations

import re

from regulars.importing.columns import plain_name

_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*")
_NO_NAME = frozenset(
    "inc llc ltd srl sa ag gmbh oü as jr sr ii iii md phd dr mr mrs ms esq co corp limited ao tov sc pfa and & si și ja"
    " salon studio shop hotel cabinet firma group restaurant family familia familie"
    " ооо тов зао оао ип фоп и та і салон студия студія магазин семья родина".split()
)
"""Words of companies, titles and couples: a text with one of them is no name of one person."""
_PATRONYMIC = re.compile(r".{2,}(?:ович|евич|ёвич|[оеё]вна|ична|инична|ійович|їович|івна|ївна|йович)", re.IGNORECASE)
_SURNAME = re.compile(
    r".{2,}(?:escu|eanu|енко|ов|ев|єв|ова|ева|єва|ский|ская|ський|ська|цький|цька|швили|швілі|дзе)", re.IGNORECASE
)
_GIVEN = frozenset("любов яков лев".split())
"""First names with the ending of a surname."""
_SURNAME_FIRST = (
    "фио", "ф.и.о.", "фамилия имя", "фамилия и имя", "фамилия имя отчество", "піб", "прізвище ім'я", "прізвище та ім'я",
    "прізвище, ім'я, по батькові", "nume prenume", "nume și prenume", "numele și prenumele", "perekonnanimi eesnimi",
    "perekonna- ja eesnimi", "last name first name", "surname and name", "surname name",
)  # fmt: skip
_GIVEN_FIRST = (
    "имя фамилия", "имя и фамилия", "ім'я прізвище", "ім'я та прізвище", "prenume nume", "prenume și nume",
    "eesnimi perekonnanimi", "ees- ja perekonnanimi", "first and last name", "first name last name", "first last",
    "name and surname", "name surname",
)  # fmt: skip
_ORDERS = {plain_name(name): 1 for name in _SURNAME_FIRST} | {plain_name(name): 0 for name in _GIVEN_FIRST}


def names_of(full: str, column: str, last: str | None = None) -> tuple[str, str | None] | None:
    """The first and, if certain, the last name in a whole name of this column; None where the first is not certain."""
    before, comma, after = full.partition(", ")
    if comma:
        words = _words(after)
        return (after.strip(), before.strip()) if words and len(words) < 3 else None
    if last is not None:
        parts = [full.removesuffix(f" {last}"), full.removeprefix(f"{last} ")]
        first = next((part for part in parts if part not in ("", full)), None)
        return None if first is None else (first, last)
    words = _words(full)
    if words is None or not 2 <= len(words) <= 3:
        return None
    place = _place(words, _ORDERS.get(plain_name(column)))
    if place is None:
        return None
    others = [word for word in words if word != words[place] and not _PATRONYMIC.fullmatch(word)]
    return words[place], others[0] if len(others) == 1 else None


def _words(text: str) -> list[str] | None:
    """The words of a name; None where something in it is none."""
    words = text.split()
    fitting = all(_WORD.fullmatch(word) and len(word) > 1 and word.casefold() not in _NO_NAME for word in words)
    return words if fitting else None


def _place(words: list[str], stated: int | None) -> int | None:
    """Where the first name stands by all that tells; None where nothing does, or two things differ."""
    tells = {place - 1 for place in range(1, len(words)) if _PATRONYMIC.fullmatch(words[place])}
    if len(words) == 3 and not tells:
        return None
    surnames = [_is_surname(word) for word in words]
    if len(words) == 2 and surnames[0] != surnames[1]:
        tells.add(1 if surnames[0] else 0)
    if stated is not None:
        tells.add(stated)
    return tells.pop() if len(tells) == 1 else None


def _is_surname(word: str) -> bool:
    return word.casefold() not in _GIVEN and _SURNAME.fullmatch(word) is not None
