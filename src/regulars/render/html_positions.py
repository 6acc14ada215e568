"""Reading HTML with an eye on where each thing stands, for changes that leave the rest as it is to the byte."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import accumulate


class PlacedReader(HTMLParser):
    """Reads a text at once, when it is made; `here` is the offset of what is being handled.

    A subclass sets up what it collects before it calls `super().__init__`.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
        self.feed(text)
        self.close()

    @property
    def here(self) -> int:
        """Characters before what is being handled."""
        line, column = self.getpos()
        return self._lines[line - 1] + column
