"""Faults of the surroundings in turn, on real processes with the real scheduler: when each is seen and is over.

A faulty rule file, a mail server that is away, a worker's clock 90 s ahead (a module that Python reads at its start
shifts it), a database that is not upgraded: on PostgreSQL. Then a full disk: on SQLite, in a tmpfs that is filled.
A supervisor starts processes again when they end, as systemd does.

    python -m benchmarks.faults [--minutes N]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.common import servers
from tests.common.faults import DISK_FULL, FAULTS, WITHIN, Seen, play
from tests.common.workplaces import small_disk, workplace


def run(root: Path, hold: float) -> list[Seen]:
    """Every fault, each for at least so many seconds."""
    print(f"{'fault':24} {'log':>7} {'/readyz':>8} {'report':>7} {'over':>7} {'mail':>7}   seconds", flush=True)
    found = []
    with (
        servers.postgres() as server,
        servers.scratch_database(server, "regulars_faults") as database,
        workplace(root / "postgresql", database, beat=True) as place,
    ):
        for fault in FAULTS:
            found.extend(play(place, fault, hold=hold))
            _show(found[-1])
    with (
        small_disk(root / "disk") as disk,
        workplace(root / "sqlite", f"sqlite:///{disk}/regulars.sqlite", disk=disk, beat=True) as place,
    ):
        found.extend(play(place, DISK_FULL, hold=hold))
        _show(found[-1])
    return found


def _show(seen: Seen) -> None:
    times = (seen.log, seen.readyz, seen.report, seen.over, seen.mail)
    cells = ["-" if one is None else f"{one:.1f}" for one in times]
    print(f"{seen.fault:24} {cells[0]:>7} {cells[1]:>8} {cells[2]:>7} {cells[3]:>7} {cells[4]:>7}", flush=True)


def main() -> None:
    """Runs them and prints the table; exit code 1 when something was not seen or not over in time."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description="Faults in turn, seen and over.")
    parser.add_argument("--minutes", type=float, default=12.0, help="How long all of it takes about.")
    options = parser.parse_args()
    hold = options.minutes * 60 / (len(FAULTS) + 1) - WITHIN
    with tempfile.TemporaryDirectory(prefix="regulars-faults-", ignore_cleanup_errors=True) as folder:
        found = run(Path(folder), max(hold, 0.0))
    late = [f"{seen.fault}: {', '.join(seen.missed())}" for seen in found if seen.missed()]
    print("each was seen within a minute, and over within two" if not late else f"not in time: {late}")
    raise SystemExit(1 if late else 0)


if __name__ == "__main__":
    main()
