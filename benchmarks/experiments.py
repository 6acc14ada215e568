"""How often the intervals of `report` hold: simulated experiments whose true effect is known.

`python -m benchmarks.experiments [--experiments 20000]`: 60 days, a tenth held out, the outcomes of each day known on
the day; three sizes, no effect and 2 points, and two situations in which a draw before the checks would be biased. The
intervals are the product's own functions; only the clients are drawn by numpy.

- half unsubscribed: half of those who are due have left, and buy less; the others are drawn.
- bought in the night: those due wait for the morning; who buys meanwhile is skipped, the others are drawn.

A second table is about variants: three equal groups, each compared with the first, all comparisons together.

Printed for each: how often the interval of a fixed size covers the effect on the last day; how often the always-valid
one covers it on all 60 days; how often each would find an effect on any day although there is none; and what a draw
before the checks would report.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from regulars.insights.intervals import ERROR, Interval, always_valid_difference, difference

Counts = NDArray[np.int64]
"""Of each experiment (rows), on each day (columns)."""

DAYS = 60
SHARE = 0.1
SIZES = (1_000, 5_000, 20_000)
EFFECTS = (0.0, 0.02)


@dataclass(frozen=True, slots=True)
class Situation:
    """Of those due the share `eligible` gets an email, or would, and reaches the goal without one by `base`.

    The others reach it by `lost`: as far as a draw before the checks would count it.
    """

    name: str
    eligible: float
    base: float
    lost: float


SITUATIONS = (Situation("half unsubscribed", 0.5, 0.27, 0.0), Situation("bought in the night", 0.9, 0.08, 1.0))


@dataclass(frozen=True, slots=True)
class Drawn:
    """Clients of both groups up to each day, and how many of them reached the goal."""

    written: Counts
    written_reached: Counts
    control: Counts
    control_reached: Counts


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="How often the intervals of experiments hold.")
    parser.add_argument("--experiments", type=int, default=20_000)
    options = parser.parse_args()
    begun = time.perf_counter()
    print(f"{options.experiments:,} experiments a row\n")
    print(
        "| situation | clients drawn | effect | fixed size, read once: covers | always-valid: covers on all 60 days"
        " | finds an effect on some day: always-valid | fixed size, looked at daily | drawn before the checks: gain |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for situation in SITUATIONS:
        for size in SIZES:
            for effect in EFFECTS:
                print(row(situation, size, effect, options.experiments), flush=True)
    print("\n| variants | clients drawn | effect of the last | all comparisons cover on all 60 days |")
    print("|---|---|---|---|")
    for groups in (2, 3):
        for size in SIZES:
            for effect in EFFECTS:
                print(variants_row(groups, size, effect, options.experiments), flush=True)
    print(f"\n{time.perf_counter() - begun:.0f} s")


def row(situation: Situation, size: int, effect: float, experiments: int) -> str:
    """One row of the table."""
    random = np.random.default_rng([size, int(effect * 100), SITUATIONS.index(situation)])
    drawn, gain_of_first_draw = simulated(random, situation, size, effect, experiments)
    once = covered(drawn, difference, effect, [DAYS - 1])
    always = covered(drawn, always_valid_difference, effect, range(DAYS))
    found = "–", "–"
    if not effect:
        daily = covered(drawn, difference, effect, range(DAYS))
        found = f"{1 - always.all(axis=1).mean():.2%}", f"{1 - daily.all(axis=1).mean():.1%}"
    cells = (
        situation.name, f"{size:,}", f"{effect * 100:+.0f}" if effect else "0", f"{once.mean():.2%}",
        f"{always.all(axis=1).mean():.2%}", *found, f"{gain_of_first_draw * 100:+.1f} points",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def simulated(
    random: np.random.Generator, situation: Situation, size: int, effect: float, experiments: int
) -> tuple[Drawn, float]:
    """Both groups as the product draws them, and the mean gain that a draw before the checks would show."""
    shape = (experiments, DAYS)
    due = random.poisson(size / situation.eligible / DAYS, shape)
    eligible = random.binomial(due, situation.eligible)
    control = random.binomial(eligible, SHARE)
    reached = random.binomial(control, situation.base)
    written = eligible - control
    written_reached = random.binomial(written, situation.base + effect)
    drawn = Drawn(*(np.cumsum(part, axis=1) for part in (written, written_reached, control, reached)))
    # Drawn first, those who turn out not to be written to stay in the control group, and there alone.
    others = random.binomial(due - eligible, SHARE)
    of_all = (reached + random.binomial(others, situation.lost)).sum() / (control + others).sum()
    return drawn, float(written_reached.sum() / written.sum() - of_all)


def variants_row(groups: int, size: int, effect: float, experiments: int) -> str:
    """One row about variants: the last has the effect, the others none; each is compared with the first."""
    random = np.random.default_rng([groups, size, int(effect * 100)])
    base = SITUATIONS[1].base
    due = random.poisson(size / DAYS, (experiments, DAYS))
    drawn = random.multinomial(due, [1 / groups] * groups)
    shares = np.array([base] * (groups - 1) + [base + effect])
    clients, reached = (np.cumsum(part, axis=1) for part in (drawn, random.binomial(drawn, shares)))
    interval = partial(always_valid_difference, error=ERROR / (groups - 1))
    holds = np.ones((experiments, DAYS), dtype=np.bool_)
    for variant in range(1, groups):
        pair = Drawn(clients[..., variant], reached[..., variant], clients[..., 0], reached[..., 0])
        holds &= covered(pair, interval, effect if variant == groups - 1 else 0.0, range(DAYS))
    return f"| {groups} | {size:,} | {effect * 100:+.0f} points | {holds.all(axis=1).mean():.2%} |"


def covered(
    drawn: Drawn, interval: Callable[[int, int, int, int], Interval], effect: float, days: range | list[int]
) -> NDArray[np.bool_]:
    """Whether the interval of each experiment covers the effect, on each of the days."""
    return np.column_stack([np.fromiter(_covers(drawn, interval, effect, day), dtype=np.bool_) for day in days])


def _covers(
    drawn: Drawn, interval: Callable[[int, int, int, int], Interval], effect: float, day: int
) -> Iterator[bool]:
    groups = (drawn.written_reached, drawn.written, drawn.control_reached, drawn.control)
    for counts in zip(*(group[:, day].tolist() for group in groups), strict=True):
        if not counts[1] or not counts[3]:
            yield True  # the report says that there is nothing to compare
            continue
        found = interval(*counts)
        yield found.low <= effect <= found.high


if __name__ == "__main__":
    main()
