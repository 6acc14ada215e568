"""Charts of emails by day, as numbers for an SVG: no drawing, only where each bar stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from regulars.core.calendar import days

COLOURS = 8
"""Colours of campaigns; the last is for all others."""
_MOST_DAYS = 200
"""More days than that are shown as weeks."""
_DATES = 5
ByDay = Mapping[str, Mapping[date, int]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bar: left edge and width in slots, top and height in hundredths of the chart."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A stacked chart; `top` is the number at its upper edge."""

    words: str
    unit: str
    width: int
    top: str
    middle: str
    bars: Sequence[Bar]
    dates: Sequence[str]


@dataclass(frozen=True, slots=True)
class Line:
    """A small filled line for a table."""

    width: int
    path: str


def slots(since: date, until: date) -> list[list[date]]:
    """The days that each bar stands for: one, or the seven of a week where there are many."""
    every = list(days(since, until))
    size = 1 if len(every) <= _MOST_DAYS else 7
    return [every[start : start + size] for start in range(0, len(every), size)]


def colours_of(runs: Sequence[ByDay]) -> dict[str, int]:
    """A colour for each of the largest campaigns, the same in every chart; the others share the last."""
    sums: dict[str, int] = {}
    for run in runs:
        for name, numbers in run.items():
            sums[name] = sums.get(name, 0) + sum(numbers.values())
    ordered = sorted(sums, key=lambda name: (-sums[name], name))
    return {name: min(place, COLOURS - 1) for place, name in enumerate(ordered)}


def highest(run: ByDay, parts: Sequence[Sequence[date]]) -> int:
    """The largest number of emails in one slot."""
    return max((sum(_in_slot(numbers, part) for numbers in run.values()) for part in parts), default=0)


def chart(
    words: str, run: ByDay, parts: Sequence[Sequence[date]], colours: Mapping[str, int], most: int
) -> Chart:  # fmt: skip
    """The run as stacked bars; `most` emails reach the top, so that charts beside each other compare."""
    top = round_up(most)
    bars = [bar for place, part in enumerate(parts) for bar in _stack(place, part, run, colours, top)]
    weekly = any(len(part) > 1 for part in parts)
    step = max(1, (len(parts) - 1) // (_DATES - 1)) if len(parts) > 1 else 1
    dates = [f"{parts[place][0]:%-d %b %Y}" for place in range(0, len(parts), step)][:_DATES]
    unit = "by week" if weekly else "by day"
    return Chart(words, unit, len(parts), f"{top:,}", f"{top // 2:,}", bars, dates)


def line(numbers: Mapping[date, int], parts: Sequence[Sequence[date]]) -> Line:
    """One campaign, filled; its own highest number reaches the top."""
    heights = [_in_slot(numbers, part) for part in parts]
    most = max([*heights, 1])
    tops = [round(100 - 96 * number / most, 1) for number in heights]
    points = " ".join(f"L{place} {top} L{place + 1} {top}" for place, top in enumerate(tops))
    return Line(len(parts), f"M0 100 {points} L{len(parts)} 100 Z")


def round_up(number: int) -> int:
    """The next even number with one or two leading digits, for the edge of a chart."""
    if number <= 10:
        return max(2, number + number % 2)
    unit = 10 ** (len(str(number)) - 2)
    return int(-(-number // (2 * unit)) * 2 * unit)


def _stack(
    place: int, part: Sequence[date], run: ByDay, colours: Mapping[str, int], top: int
) -> Iterator[Bar]:  # fmt: skip
    below = 0.0
    sums: dict[int, int] = {}
    names: dict[int, list[str]] = {}
    for name in sorted(run, key=lambda name: colours[name]):
        number = _in_slot(run[name], part)
        if number:
            sums[colours[name]] = sums.get(colours[name], 0) + number
            names.setdefault(colours[name], []).append(f"{name} {number:,}")
    for colour, number in sums.items():
        height = 100 * number / top
        days_shown = f"{part[0]:%-d %b %Y}" if len(part) == 1 else f"week of {part[0]:%-d %b %Y}"
        words = f"{days_shown}: {', '.join(names[colour])}"
        yield Bar(place, round(100 - below - height, 3), 1.0, round(height, 3), colour, words)
        below += height


def _in_slot(numbers: Mapping[date, int], part: Sequence[date]) -> int:
    return sum(numbers.get(day, 0) for day in part)
