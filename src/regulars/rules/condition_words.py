"""Common conditions in words, for `describe`. Any other condition is quoted as it stands, never guessed at."""

from __future__ import annotations

import re
from collections.abc import Callable

_N = r"(\d+(?:\.\d+)?)"
_TIMES = {"1": "once", "2": "twice"}
_WITHIN = r"(?:\s*,\s*within\s*=\s*(?:'([^']+)'|\"([^\"]+)\"))?"
_NAME = r"(?:'([^']+)'|\"([^\"]+)\")"


def _times(number: str) -> str:
    return _TIMES.get(number, f"{number} times")


def _in_time(found: re.Match[str], first: int) -> str:
    within = found[first] or found[first + 1]
    return f" in the last {within}" if within else ""


def _either(found: re.Match[str], first: int) -> str:
    return found[first] or found[first + 1]


_PATTERNS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"customer\.purchases >= (\d+)", lambda m: f"has bought at least {_times(m[1])}" if m[1] != "0" else ""),
    (r"customer\.purchases > 0", lambda _: "has bought at least once"),
    (r"customer\.purchases == 0", lambda _: "has bought nothing yet"),
    (r"customer\.purchases == (\d+)", lambda m: f"has bought exactly {_times(m[1])}"),
    (
        rf"days_since\(customer\.last_purchase_at\) (>=|>) {_N}",
        lambda m: f"last bought {'more than' if m[1] == '>' else 'at least'} {m[2]} days ago",
    ),
    (
        rf"customer\.overdue (>=|>) {_N}",
        lambda m: f"has stayed away {'more than' if m[1] == '>' else 'at least'} {m[2]} times as long as usual",
    ),
    (r"customer\.next_product is not none", lambda _: "has a next product in a sequence"),
    (r"days_since\(customer\.next_product_at\) >= 0", lambda _: "has come to the day when it is usually bought"),
    (rf"bought\({_NAME}{_WITHIN}\)", lambda m: f"has bought `{_either(m, 1)}`{_in_time(m, 3)}"),
    (rf"not bought\({_NAME}{_WITHIN}\)", lambda m: f"has not bought `{_either(m, 1)}`{_in_time(m, 3)}"),
    (rf"did\({_NAME}{_WITHIN}\)", lambda m: f"had `{_either(m, 1)}`{_in_time(m, 3)}"),
    (rf"not did\({_NAME}{_WITHIN}\)", lambda m: f"had no `{_either(m, 1)}`{_in_time(m, 3)}"),
)


def condition_in_words(condition: str) -> str | None:
    """What the condition says of a client, to follow "the client …"; None where no words are sure to be right."""
    text = " ".join(condition.split())
    for pattern, words in _PATTERNS:
        found = re.fullmatch(pattern, text)
        if found:
            return words(found) or None
    parts = re.split(r" (and|or) ", text)
    joints = set(parts[1::2])
    if len(joints) != 1 or "(" in _outside_calls(text):
        return None
    said = [condition_in_words(part) for part in parts[::2]]
    joint = f" {joints.pop()} "
    return joint.join(each for each in said if each) if all(said) else None


def _outside_calls(text: str) -> str:
    """The text without its calls: a parenthesis that is left groups something."""
    return re.sub(r"\b\w+\([^()]*\)", "", text)


def quoted(condition: str | None) -> str:
    """A condition as it stands in the file, on one line."""
    return f"`{' '.join((condition or '').split())}`"
