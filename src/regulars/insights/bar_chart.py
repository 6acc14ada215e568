"""Horizontal bars, as text for a terminal and as SVG for a page: the same numbers, each with its words beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from rich.cells import cell_len

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEAST_BAR = 8
"""Columns below which bars say nothing: then only the words are printed."""
_WIDTH, _ROW, _BAR, _TOP = 760, 30, 18, 74
_GAP = 12
_CHARACTER = 7.4
"""Estimated width of a character of the SVG's text, which has no fonts to measure; on the safe side."""
_MOST_LABEL = 34
_ATTRIBUTES = 'role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13"'


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its label and its words, such as `1,200.00 EUR`; `faint` is a part that does not count in full."""

    label: str
    value: float
    words: str
    faint: float = 0.0


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars of one unit. `description` says for who cannot see it what the picture shows."""

    title: str
    description: str
    bars: Sequence[Bar]

    def text(self, width: int) -> Iterator[str]:
        """Lines of at most that many columns. Negative values have their bar to the left of the axis."""
        yield self.title
        labels = [_shortened(bar.label, max(12, width // 3)) for bar in self.bars]
        label = max(map(cell_len, labels), default=0)
        words = max((cell_len(bar.words) for bar in self.bars), default=0)
        room = width - label - words - 4
        low, high = self._ends()
        left = round(room * -low / (high - low)) if high > low else 0
        for name, bar in zip(labels, self.bars, strict=True):
            head = name + " " * (label - cell_len(name))
            drawn = _blocks(bar.value, low, high, left, room - left) if room >= _LEAST_BAR else ""
            yield f"{head}  {drawn}  {' ' * (words - cell_len(bar.words))}{bar.words}".rstrip()

    def svg(self) -> str:
        """A picture without scripts, styles from elsewhere, or fonts; it scales with the page that shows it."""
        labels = [_shortened(bar.label, _MOST_LABEL) for bar in self.bars]
        left = 24 + max((len(label) for label in labels), default=0) * _CHARACTER + _GAP
        right = 24 + max((len(bar.words) for bar in self.bars), default=0) * _CHARACTER + _GAP
        room = max(80.0, _WIDTH - left - right)
        low, high = self._ends()
        scale = room / (high - low) if high > low else 0.0
        axis, height = left - low * scale, _TOP + _ROW * len(self.bars) + 20
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_ATTRIBUTES}>',
            f'<title id="title">{escape(self.title)}</title>',
            f'<desc id="desc">{escape(self.description)}</desc>',
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="24" y="32" font-size="17" font-weight="600" fill="#1c2a24">{escape(self.title)}</text>',
            *(
                f'<text x="24" y="{52 + 14 * line}" font-size="11" fill="#5b6a63">{escape(text)}</text>'
                for line, text in enumerate(_lines(self.description, 118)[:1])
            ),
        ]
        for place, (label, bar) in enumerate(zip(labels, self.bars, strict=True)):
            parts += _row(label, bar, _TOP + _ROW * place, left, axis, scale)
        bottom = _TOP + _ROW * len(self.bars)
        parts.append(f'<line x1="{axis:.1f}" y1="{_TOP - 6}" x2="{axis:.1f}" y2="{bottom}" stroke="#9aa8a1"/>')
        return "\n".join([*parts, "</svg>"]) + "\n"

    def _ends(self) -> tuple[float, float]:
        """The lowest and highest value, 0 among them."""
        every = [0.0, *(bar.value for bar in self.bars), *(bar.faint for bar in self.bars)]
        return min(every), max(every)


def _row(label: str, bar: Bar, top: int, left: float, axis: float, scale: float) -> list[str]:
    middle = top + _BAR - 4
    found = [
        f'<text x="{left - _GAP:.1f}" y="{middle}" text-anchor="end" fill="#1c2a24">{escape(label)}</text>',
    ]
    for value, colour in ((bar.faint, "#cfe0d7"), (bar.value, "#2f5d50" if bar.value >= 0 else "#a33b2e")):
        if value:
            x, width = min(axis, axis + value * scale), abs(value * scale)
            found.append(
                f'<rect x="{x:.1f}" y="{top}" width="{max(width, 1):.1f}" height="{_BAR}" rx="2" fill="{colour}"/>'
            )
    words = f'<text x="{_WIDTH - 24}" y="{middle}" text-anchor="end" fill="#1c2a24">{escape(bar.words)}</text>'
    return [*found, words]


def _blocks(value: float, low: float, high: float, left: int, right: int) -> str:
    """The bar, padded to the whole room; to an eighth of a column on the right of the axis."""
    if value < 0:
        full = round(left * value / low)
        return " " * (left - full) + "░" * full + " " * right
    eighths = round(right * 8 * value / high) if high > 0 else 0
    full, rest = divmod(eighths, 8)
    drawn = "█" * full + (_EIGHTHS[rest] if rest else "")
    return " " * left + drawn + " " * (right - len(drawn))


def _shortened(text: str, most: int) -> str:
    return text if cell_len(text) <= most else text[: most - 1] + "…"


def _lines(text: str, most: int) -> list[str]:
    found = [""]
    for word in text.split():
        longer = f"{found[-1]} {word}".strip()
        if len(longer) <= most:
            found[-1] = longer
        else:
            found.append(word)
    return found
