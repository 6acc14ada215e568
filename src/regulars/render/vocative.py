"""The vocative of Ukrainian first names: `Олена` is greeted as `Олено`, `Андрій` as `Андрію`.

The rules are those of the second and first declension in the Ukrainian orthography of 2019. A name in another
script, or one that does not decline, stays unchanged, so a greeting is at worst plain and never wrong.
"""

from __future__ import annotations

import re
from functools import lru_cache

_LETTERS = re.compile(r"[абвгґдеєжзиіїйклмнопрстуфхцчшщьюя'’ʼ]+")
_IRREGULAR = {
    "ілля": "ілле", "олег": "олеже", "ян": "яне", "рая": "раю", "тая": "таю", "адель": "аделе",
    # і in a closed syllable alternates with о or и
    "федір": "федоре", "сидір": "сидоре", "яків": "якове", "антін": "антоне", "прокіп": "прокопе", "тиміш": "тимоше",
    "лаврін": "лаврине",
    "ігор": "ігорю", "лазар": "лазарю",  # a soft stem
    "петро": "петре", "дмитро": "дмитре", "павло": "павле", "данило": "даниле", "михайло": "михайле",
    "кирило": "кириле", "гаврило": "гавриле", "самійло": "самійле",
}  # fmt: skip
_UNCHANGED = frozenset(
    "аліс айгуль гвен гузель джейн джоан елізабет еллен еліс енн есфір ізабель інес ірен карін кармен катрін кейт"
    " кетрін маргарет мішель ніколь нінель рашель рут рахіль сьюзен хелен".split()
)
_ENDINGS = (
    (re.compile(r"(?<=[ьрвй])ко$"), "ку"),  # Марко, Василько; not Франческо
    (re.compile(r"(?<=[аеєиіїоуюя'’ʼй])я$"), "є"),  # Марія, Дар’я
    (re.compile(r"я$"), "ю"),  # Наталя
    (re.compile(r"а$"), "о"),  # Олена, Микола
    (re.compile(r"[йь]$"), "ю"),  # Андрій, Василь
    (re.compile(r"(?<=[гґкх])$|(?<=ич)$"), "у"),  # Марек, Іванович
    (re.compile(r"(?<=[бвджзлмнпрстфцчшщ])$"), "е"),  # Тарас
)  # fmt: skip


@lru_cache(maxsize=8192)
def vocative(name: str) -> str:
    """The vocative of a Ukrainian first name, or of first name and patronymic; each part keeps its capitals."""
    return "".join(_part(part) if part.strip(" -") else part for part in re.split(r"([ -]+)", name))


def _part(name: str) -> str:
    plain = name.lower()
    if plain in _UNCHANGED or not _LETTERS.fullmatch(plain) or (len(plain) < 3 and plain not in _IRREGULAR):
        return name
    if plain in _IRREGULAR:
        called = _IRREGULAR[plain]
    else:
        called = next((end.sub(new, plain) for end, new in _ENDINGS if end.search(plain)), plain)
    if name.isupper():
        return called.upper()
    return called[0].upper() + called[1:] if name[0].isupper() else called
