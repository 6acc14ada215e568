"""Folds the HTML of an email at places where a line break has no meaning: the MJML compiler writes one long line.

A line of an unencoded message has at most 998 characters (RFC 5322, 2.1.1). HTML is folded once, when an email is
compiled, so that an ASCII message needs no encoding. A space becomes a line break only inside an opening tag or between
the rules of a style sheet; a break becomes a space before text that must not begin a line, or is not known. The
length stays the same.
"""

from __future__ import annotations

import re
from itertools import pairwise

from regulars.render.html_positions import PlacedReader
from regulars.render.marks import MARK

WANTED = 400
"""Target length of a line, with room for values."""
_NOT_AT_FIRST = (".", "From ")
"""Beginnings of lines that SMTP or mailbox files change."""
_BEFORE_A_TAG = re.compile(rf"\n(?={MARK.pattern})")
_BREAKS_COUNT = re.compile(r"<pre\b|white-space: *pre")
_BETWEEN_WORDS = re.compile(r"[{};] (?!\.)")


class _Reader(PlacedReader):
    """Finds the spaces that can become line breaks."""

    def __init__(self, text: str) -> None:
        self._style, self.places = False, list[int]()
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The spaces of an opening tag."""
        self._between(self.here, self.get_starttag_text() or "")
        self._style = tag == "style"

    def handle_comment(self, data: str) -> None:
        """A conditional comment for Outlook consists of tags after the condition."""
        if data.startswith("[if ") and data.endswith("<![endif]") and "<style" not in data:
            begin = data.find(">")
            self._between(self.here + len("<!--") + begin, data[begin:])

    def _between(self, start: int, text: str) -> None:
        """The spaces outside quotes."""
        quote = ""
        for at, letter in enumerate(text):
            if quote:
                quote = "" if letter == quote else quote
            elif letter in "\"'":
                quote = letter
            elif letter == " " and text[at + 1 : at + 2] != "/":
                self.places.append(start + at)

    def handle_data(self, data: str) -> None:
        """The spaces after the rules of a style sheet without string literals."""
        if self._style and '"' not in data and "'" not in data:
            start = self.here
            self.places += [start + found.start() + 1 for found in _BETWEEN_WORDS.finditer(data)]
        self._style = False


def fold(text: str) -> str:
    """The HTML in lines of up to `WANTED` characters, where it can be folded."""
    for begin in _NOT_AT_FIRST:
        text = text.replace(f"\n{begin}", f" {begin}")
    if not _BREAKS_COUNT.search(text):  # the value of a tag may be an invalid beginning of a line
        text = _BEFORE_A_TAG.sub(" ", text)
    out, line, last = [], 0, -1
    # A Jinja tag can stand in a comment for Outlook, and its mark is itself a comment: replaced by as many letters.
    for place in [*_Reader(MARK.sub(lambda found: "x" * len(found[0]), text)).places, len(text)]:
        if place - line > WANTED and last >= line:
            out.append(last)
            line = last + 1
        line = max(line, text.rfind("\n", line, place) + 1)
        last = place
    edges = [-1, *out, len(text)]
    return "\n".join(text[a + 1 : b] for a, b in pairwise(edges))
