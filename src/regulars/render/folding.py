"""Line breaks in the HTML of an email, where they mean nothing: the MJML compiler writes one line of many kilobytes.

Mail may hold no line of more than 998 characters unless it is coded (RFC 5322, 2.1.1). Folded once, when an email is
compiled, a message of ASCII goes out as it stands. A space becomes a line break inside of an opening tag or between the
words of a style sheet, nowhere else, and a break becomes a space before what may not begin a line, or whose beginning
is not known; the length stays the same.
"""

from __future__ import annotations

import re
from itertools import pairwise

from regulars.render.html_positions import PlacedReader
from regulars.render.marks import MARK

WANTED = 400
"""Characters that a line has at most, where there are places to end it: what data bring into it still fits."""
_NOT_AT_FIRST = (".", "From ")
"""No line that begins so is let through as it is by SMTP and by mailbox files."""
_BEFORE_A_TAG = re.compile(rf"\n(?={MARK.pattern})")
_BREAKS_COUNT = re.compile(r"<pre\b|white-space: *pre")
_BETWEEN_WORDS = re.compile(r"[{};] (?!\.)")


class _Reader(PlacedReader):
    """Finds the spaces that may be line breaks."""

    def __init__(self, text: str) -> None:
        self._style, self.places = False, list[int]()
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The spaces of an opening tag."""
        self._between(self.here, self.get_starttag_text() or "")
        self._style = tag == "style"

    def handle_comment(self, data: str) -> None:
        """What Outlook reads consists of tags, behind the condition."""
        if data.startswith("[if ") and data.endswith("<![endif]") and "<style" not in data:
            begin = data.find(">")
            self._between(self.here + len("<!--") + begin, data[begin:])

    def _between(self, start: int, text: str) -> None:
        """The spaces that are not inside of quotes."""
        quote = ""
        for at, letter in enumerate(text):
            if quote:
                quote = "" if letter == quote else quote
            elif letter in "\"'":
                quote = letter
            elif letter == " " and text[at + 1 : at + 2] != "/":
                self.places.append(start + at)

    def handle_data(self, data: str) -> None:
        """The spaces behind the rules of a style sheet that has no texts in it."""
        if self._style and '"' not in data and "'" not in data:
            start = self.here
            self.places += [start + found.start() + 1 for found in _BETWEEN_WORDS.finditer(data)]
        self._style = False


def fold(text: str) -> str:
    """The HTML in lines of up to `WANTED` characters, as far as there are places to end them."""
    for begin in _NOT_AT_FIRST:
        text = text.replace(f"\n{begin}", f" {begin}")
    if not _BREAKS_COUNT.search(text):  # what a tag prints may begin as no line may
        text = _BEFORE_A_TAG.sub(" ", text)
    out, line, last = [], 0, -1
    # A tag of Jinja's may stand in a comment for Outlook, and its mark is a comment itself: read as that many letters.
    for place in [*_Reader(MARK.sub(lambda found: "x" * len(found[0]), text)).places, len(text)]:
        if place - line > WANTED and last >= line:
            out.append(last)
            line = last + 1
        line = max(line, text.rfind("\n", line, place) + 1)
        last = place
    edges = [-1, *out, len(text)]
    return "\n".join(text[a + 1 : b] for a, b in pairwise(edges))
