"""Marks: words and comments that stand for Jinja tags while MJML becomes HTML, and the texts that they stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from regulars.core.diagnostics import Span
from regulars.render.template_pieces import Kind, Piece

MARK = re.compile(r"<!--\s*zqj(?P<comment>\d+)jqz\s*-->|zqj(?P<word>\d+)jqz(?:=\"\")?")


@dataclass
class Woven:
    """MJML in which every Jinja tag is a mark, and the texts the marks stand for."""

    text: str = ""
    kept: list[str] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    statements: dict[int, str] = field(default_factory=dict)
    defaults: set[int] = field(default_factory=set)
    """Marks inside `<mj-attributes>`, which show only where an element takes the default."""

    def keep(self, text: str, piece: Piece) -> int:
        """Sets a text aside and gives the number of its mark."""
        number = len(self.kept)
        self.kept.append(text)
        self.pieces.append(piece)
        if piece.kind is Kind.BLOCK:
            self.statements[number] = piece.statement
        return number

    def numbers(self, text: str) -> list[int]:
        """The marks in a text, in order."""
        return [int(found["comment"] or found["word"]) for found in MARK.finditer(text)]

    def dynamic(self, number: int) -> bool:
        """Whether a mark stands for a Jinja tag, not for text of the author's."""
        return self.pieces[number].kind in (Kind.PRINT, Kind.BLOCK)

    @property
    def tags(self) -> tuple[Piece, ...]:
        """The Jinja tags in the order of their marks' places, as they will run."""
        there = self.numbers(self.text)
        order = there + sorted(set(range(len(self.kept))) - set(there))
        return tuple(replace(self.pieces[n], text=self.kept[n]) for n in order if self.dynamic(n))

    def restore(self, text: str) -> str:
        """The text with every mark replaced by what it stands for."""
        return MARK.sub(lambda m: self.kept[int(m["comment"] or m["word"])], text)

    def vanished(self, text: str) -> list[Span]:
        """Where the tags were written that are no longer in the text."""
        there = set(self.numbers(text))
        return [p.span for number, p in enumerate(self.pieces) if number not in there | self.defaults]
