"""Marks: words and comments that replace Jinja tags while MJML is compiled, and the replaced texts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from regulars.core.diagnostics import Span
from regulars.render.template_pieces import Kind, Piece

MARK = re.compile(r"<!--\s*zqj(?P<comment>\d+)jqz\s*-->|zqj(?P<word>\d+)jqz(?:=\"\")?")


@dataclass
class Woven:
    """MJML in which every Jinja tag is a mark, and the replaced texts."""

    text: str = ""
    kept: list[str] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    statements: dict[int, str] = field(default_factory=dict)
    defaults: set[int] = field(default_factory=set)
    """Marks inside `<mj-attributes>`, which appear only where an element uses the default."""

    def keep(self, text: str, piece: Piece) -> int:
        """Stores a text and returns the number of its mark."""
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
        """Whether a mark replaces a Jinja tag, not literal text."""
        return self.pieces[number].kind in (Kind.PRINT, Kind.BLOCK)

    @property
    def tags(self) -> tuple[Piece, ...]:
        """The Jinja tags in the order of their marks, which is the order of execution."""
        there = self.numbers(self.text)
        order = there + sorted(set(range(len(self.kept))) - set(there))
        return tuple(replace(self.pieces[n], text=self.kept[n]) for n in order if self.dynamic(n))

    def restore(self, text: str) -> str:
        """The text with every mark replaced by its original text."""
        return MARK.sub(lambda m: self.kept[int(m["comment"] or m["word"])], text)

    def lost_tags(self, text: str) -> list[Span]:
        """The source places of tags whose marks are no longer in the text."""
        there = set(self.numbers(text))
        return [p.span for number, p in enumerate(self.pieces) if number not in there | self.defaults]
