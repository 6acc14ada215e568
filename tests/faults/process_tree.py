"""Which processes were started by which, by /proc: without a further package."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from pathlib import Path


def _by_parent() -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            if state != "Z":
                found[int(parent)].append(int(entry.name))
    return found


def children(parent: int, *, deep: bool = False) -> list[int]:
    """The processes that `parent` has started and that still run; with `deep` theirs too."""
    tree = _by_parent()
    found = sorted(tree.get(parent, ()))
    if deep:
        for one in found:
            found.extend(sorted(tree.get(one, ())))  # the list grows while it is read
    return found
