"""Plain words for why an email is held or was skipped."""

from __future__ import annotations

from regulars.db.states import Reason, reason_in_words


def because(reason: str | None, detail: str | None) -> str:
    """A reason in words, with the winner's name or the server's words."""
    words = reason_in_words(reason)
    if not detail:
        return words
    return f"{words}: `{detail}` takes the place" if reason == Reason.CAP else f"{words} ({detail})"
