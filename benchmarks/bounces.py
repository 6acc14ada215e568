"""How well returned mail is understood, on a folder of real messages.

The folder has `expected.csv` (columns file, index, status, replycode, reason, hardbounce, other) and `eml/` with the
files it names; other files of `eml/` only must not raise. Prints how many rows have the expected hard or soft, group of
causes, and cause, and the time for a message.

    python -m benchmarks.bounces --data DIR [--only FILE] [--wrong]
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

from regulars.feedback.bounce_reasons import group_of
from regulars.feedback.message_reader import parse
from regulars.feedback.notification import Kind, Notification

SUPPRESSING = {Kind.HARD_BOUNCE, Kind.COMPLAINT}


def expected_rows(data: Path, only: frozenset[str] | None) -> dict[str, list[dict[str, str]]]:
    """The rows by file, in the order of their index."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (data / "expected.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if only is None or row["file"] in only:
                rows[row["file"]].append(row)
    return rows


def best_match(row: dict[str, str], found: list[Notification]) -> Notification | None:
    """The notification with the row's cause, else with its group, else the first; it is taken out of `found`."""
    if not found:
        return None
    keys = (
        lambda one: one.reason == row["reason"],
        lambda one: group_of(one.reason) == group_of(row["reason"]),
        lambda one: True,
    )
    chosen = next(one for key in keys for one in found if key(one))
    found.remove(chosen)
    return chosen


def measure(data: Path, only: frozenset[str] | None, *, show: bool) -> dict[str, int]:
    """The counts, by name."""
    counts: dict[str, int] = defaultdict(int)
    for name, rows in sorted(expected_rows(data, only).items()):
        found = parse((data / "eml" / name).read_bytes())
        everything = list(found)
        automatic = {row["reason"] for row in rows} == {"vacation"}
        counts["auto-replies suppressed"] += sum(automatic and one.kind in SUPPRESSING for one in found)
        counts["extra notifications"] += max(0, len(found) - len(rows))
        for row in rows:
            one = best_match(row, found or list(everything))  # some rows stand twice
            reason = one.reason if one else ""
            hard = one is not None and one.kind is Kind.HARD_BOUNCE
            same_hard = hard == (row["hardbounce"] == "true")
            counts["rows"] += 1
            counts["hard or soft"] += same_hard
            counts["hard or soft, and group"] += same_hard and group_of(reason) == group_of(row["reason"])
            counts["hard or soft, and cause"] += same_hard and reason == row["reason"]
            if show and not (same_hard and group_of(reason) == group_of(row["reason"])):
                got = f"{one.kind} {reason} {one.status} {one.words[:150]!r}" if one else "nothing"
                print(f"{name}: expected {row['reason']} {row['hardbounce']} {row['status']}; got {got}")
    return counts


def main(arguments: list[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", type=Path, help="a file that lists the names to read, one a line")
    parser.add_argument("--wrong", action="store_true", help="print each row whose group differs")
    given = parser.parse_args(arguments)
    only = frozenset(given.only.read_text().split()) if given.only else None
    counts = measure(given.data, only, show=given.wrong)
    messages = [path.read_bytes() for path in sorted((given.data / "eml").iterdir())]
    started = time.perf_counter()
    for message in messages:
        parse(message)
    spent = time.perf_counter() - started
    rows = counts.pop("rows")
    print(f"{rows} rows")
    for name, count in counts.items():
        print(f"{name:28} {count:5}  {count / rows:7.1%}")
    print(f"{len(messages)} messages, {spent / len(messages) * 1000:.2f} ms each, 0 exceptions")


if __name__ == "__main__":
    main()
