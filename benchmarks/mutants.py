"""How much the rule tests notice: each campaign changed in one thing at a time, and its tests run on it.

`python -m benchmarks.mutants [WORKSPACE] [--only CAMPAIGN …] [--processes 2]`: prints a table, and every change that no
test noticed, by file and line. WORKSPACE is the starter unless it is given.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from regulars.workspace.folder import open_workspace
from tests.starter.mutants import Verdict, judge

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Prints what was noticed and what was not; ends with 1 if less than 95 % was."""
    parser = argparse.ArgumentParser(description="Mutants of the rules, and the tests that notice them.")
    parser.add_argument("workspace", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--only", nargs="+", help="campaigns; default: all")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    names = options.only or sorted(open_workspace(options.workspace).rulebook.campaigns)
    begin = time.perf_counter()
    found: dict[str, list[Verdict]] = {}
    with ProcessPoolExecutor(options.processes) as pool:
        waiting = {pool.submit(_judged, options.workspace, name): name for name in names}
        for ready in as_completed(waiting):
            found[waiting[ready]] = ready.result()
            noticed = sum(each.noticed_by is not None for each in ready.result())
            print(f"{len(found)}/{len(names)} {waiting[ready]}: {noticed} of {len(ready.result())}",
                  file=sys.stderr, flush=True)  # fmt: skip
    sys.exit(0 if _table(found, time.perf_counter() - begin) >= 0.95 else 1)


def _judged(workspace: Path, name: str) -> list[Verdict]:
    return judge(open_workspace(workspace), workspace, name)


def _table(found: dict[str, list[Verdict]], seconds: float) -> float:
    print("| campaign | changes | noticed |\n|---|---|---|")
    for name in sorted(found):
        noticed = sum(each.noticed_by is not None for each in found[name])
        print(f"| `{name}` | {len(found[name])} | {noticed} |")
    verdicts = [each for name in sorted(found) for each in found[name]]
    noticed = sum(each.noticed_by is not None for each in verdicts)
    share = noticed / len(verdicts) if verdicts else 1.0
    print(f"| **all** | {len(verdicts)} | {noticed} ({share:.1%}) |\n\n{seconds:.0f} s; not noticed:")
    for each in verdicts:
        if each.noticed_by is None:
            print(f"- {each.mutant.place}: {each.mutant.campaign.name}, {each.mutant.change}")
    return share


if __name__ == "__main__":
    main()
