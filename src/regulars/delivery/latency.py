"""How long servers took to answer for a message, counted by server until somebody collects it; for graphs and alarms.

One counter for a process, as it has one event loop for its transports. A message costs a subtraction and a search in a
short tuple.
"""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
"""Upper bounds of the histogram, in milliseconds."""
LONGER = 0
"""Stands for those above the last bound."""
Latencies = dict[tuple[str, int], tuple[int, float]]
"""By server and upper bound: how many, and the seconds that they took together."""

_counted: Latencies = {}


def observe(server: str, seconds: float) -> None:
    """Counts one message: from the end of its body, or its request, until the reply."""
    place = bisect_left(BOUNDS_MS, seconds * 1000)
    key = server, BOUNDS_MS[place] if place < len(BOUNDS_MS) else LONGER
    number, total = _counted.get(key, (0, 0.0))
    _counted[key] = number + 1, total + seconds


def collect() -> Latencies:
    """What was counted since the last time."""
    found = dict(_counted)
    _counted.clear()
    return found


def add_back(found: Latencies) -> None:
    """Counts again what was collected and could not be written."""
    for key, (number, total) in found.items():
        present, seconds = _counted.get(key, (0, 0.0))
        _counted[key] = present + number, seconds + total
