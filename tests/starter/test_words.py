"""Kinds of faults in the words of the starter's emails, each with what is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regulars.workspace.starter import starter

EMAILS = starter() / "templates" / "emails"
FAULTS = {
    "words joined by commas alone: use `listed`": (r"join\(\s*['\"], ", "en uk ru ro et"),
    "a product in the nominative after a verb: put a colon before it": (
        r"(?:придбали в нас|купили у нас) \{\{", "uk ru"
    ),
    "an en dash where the others have an em dash": (r"\w – \w", "uk ru"),
    "a name in Cyrillic without quotation marks": (r"(?:клієнт|клиент|в|нас,) \{\{ company\.name", "uk ru"),
    "a narrow no-break space": ("\u202f", "en uk ru ro et"),
    "`you` and `my` in one button": (r"Deschideți pagina cu datele mele|Ava leht minu", "ro et"),
    "translated by the word: a touch does not open a page": (
        r"Дотик відкриє|Нажатие откроет|Atingerea deschide|Puudutus avab", "uk ru ro et"
    ),
    "a piece of news for a new product": (r"\bUudis\b", "et"),
}  # fmt: skip


def _files(language: str) -> list[Path]:
    found = sorted(EMAILS.glob(f"*/words/{language}.yaml"))
    assert len(found) > 30
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_no_words_have_a_fault_of_a_known_kind(fault: str) -> None:
    pattern, languages = FAULTS[fault]
    for language in languages.split():
        for path in _files(language):
            found = re.search(pattern, path.read_text("utf-8"))
            assert found is None, f"{path.parent.parent.name}/{language}: {found[0]}"


def test_an_apology_is_not_signed_with_warm_regards() -> None:
    for email in ("complaint-followup", "complaint-resolved", "service-slip"):
        for language in ("en", "uk", "ru", "ro", "et"):
            assert "\nregards: " in (EMAILS / email / "words" / f"{language}.yaml").read_text("utf-8")
