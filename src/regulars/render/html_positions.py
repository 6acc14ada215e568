"""An HTML parser with source positions, for changes that leave all other bytes unchanged."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import accumulate


class PlacedReader(HTMLParser):
    """Parses a text in its constructor; `here` is the offset of the current token.

    A subclass initialises its attributes before it calls `super().__init__`.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
        self.feed(text)
        self.close()

    @property
    def here(self) -> int:
        """The offset of the current token in characters."""
        line, column = self.getpos()
        return self._lines[line - 1] + column
