"""The name of an email with other words: `win-back.gift` is `win-back` with the words of `words/LANGUAGE.gift.yaml`.

Rules and templates both use it. No name of an email, and none of words, has a dot.
"""

from __future__ import annotations

_SIGN = "."


def with_words(email: str, words: str) -> str:
    """The name of the email with these words."""
    return f"{email}{_SIGN}{words}"


def split_words(name: str) -> tuple[str, str | None]:
    """The folder of an email, and the name of its other words; None for its own."""
    email, _, words = name.partition(_SIGN)
    return email, words or None


def email_folder(name: str) -> str:
    """The folder of an email."""
    return split_words(name)[0]
