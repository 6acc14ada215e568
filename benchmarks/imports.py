"""Imports as a person does them, by the command line in a process of its own: seconds and peak memory.

Clients and one purchase for each, made up; in each thousand rows one is faulty, and all of them must be named.

    python -m benchmarks.imports [--rows 1000000] [--only sqlite|postgresql] [--once]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tests.common import servers
from tests.common.site import Site
from tests.common.workspace import write_workspace

CLI = Path(__file__).parents[1] / "cli.py"


@dataclass(frozen=True, slots=True)
class Imported:
    """One file: rows read and added, seconds from start to end of the process, its peak memory in bytes."""

    rows: int
    added: int
    seconds: float
    peak: int


def import_in_own_process(site: Site, kind: str, file: Path, *, bad_rows: Path | None = None) -> Imported:
    """`regulars import KIND FILE`; SystemExit when a row was refused, unless `bad_rows` is where they are written."""
    command = [sys.executable, str(CLI), "--workspace", str(site.root), "--json", "import", kind, str(file)]
    command += [] if bad_rows is None else ["--bad-rows", str(bad_rows)]
    begun = time.monotonic()
    with subprocess.Popen(command, env=site.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != (0 if bad_rows is None else 1):
        raise SystemExit(f"the import of {file.name} ended with {process.returncode}: {said.decode()[:500]}")
    report = json.loads(said)
    return Imported(int(report["rows"]), int(report["added"]), time.monotonic() - begun, usage.ru_maxrss * 1024)


EACH = 1_000
"""Of so many rows one is faulty."""
_SKUS = ("mower", "oil", "chain", "gloves")


def write_customers(file: Path, count: int) -> None:
    """Clients; each thousandth row has no valid address."""
    with file.open("w", encoding="utf-8") as out:
        out.write("Customer ID,Email,First name,Last name,Birthday,Language,Registered\n")
        for n in range(1, count + 1):
            address = f"c{n}@client.example" if n % EACH else f"c{n}.client.example"
            born = date(1950, 1, 1) + timedelta(days=n % 18_000)
            out.write(f"c-{n},{address},Ana{n % 97},Pop{n % 89},{born},ro,2025-0{n % 9 + 1}-11\n")


def write_purchases(file: Path, count: int) -> None:
    """A purchase of each client; each thousandth row has no valid date."""
    with file.open("w", encoding="utf-8") as out:
        out.write("Order ID,Customer ID,Date,Total,Currency,SKU,Qty\n")
        for n in range(1, count + 1):
            day = str(date(2024, 1, 1) + timedelta(days=n % 700)) if n % EACH else "soon"
            # the clients of faulty rows are not known
            client = n if n % EACH else 1
            out.write(f"o-{n},c-{client},{day},{n % 500}.50,EUR,{_SKUS[n % 4]},{n % 3 + 1}\n")


@contextmanager
def _database(kind: str, root: Path) -> Iterator[str]:
    if kind == "sqlite":
        (root / "var").mkdir(exist_ok=True)
        yield f"sqlite:///{root / 'var' / 'import.sqlite'}"
    else:
        with servers.postgres() as server, servers.scratch_database(server, "regulars_imports") as url:
            yield url


def measure(kind: str, rows: int, *, once: bool) -> None:
    """Imports both files, and unless `once` both again; prints rows, seconds and peak memory of each run."""
    with tempfile.TemporaryDirectory(prefix="regulars-imports-") as name:
        root = Path(name)
        write_workspace(root / "shop", {})
        with _database(kind, root) as url:
            site = Site(root / "shop", url, "memory://", "smtp://127.0.0.1:1")
            site.prepare()
            for what, write in (("customers", write_customers), ("purchases", write_purchases)):
                write(root / f"{what}.csv", rows)
                for again in ("",) if once else ("", " again"):
                    _import_and_print(site, what, root, f"{kind}{again}")
            site.engine.dispose()


def _import_and_print(site: Site, what: str, root: Path, title: str) -> None:
    bad = root / f"{what}.bad.jsonl"
    file = root / f"{what}.csv"
    done = import_in_own_process(site, what, file, bad_rows=bad)
    named = [json.loads(line)["_line"] for line in bad.open("rb")]
    if named != list(range(EACH + 1, done.rows + 2, EACH)):
        raise SystemExit(f"not every faulty row of {what} was named: {len(named):,}")
    speed = f"{done.seconds:.1f} s, {done.rows / done.seconds:,.0f} rows/s"
    print(
        f"{title}: {done.rows:,} {what}: {speed}, {done.peak / 1e6:.0f} MB, {len(named):,} faulty rows named",
        flush=True,
    )


def main() -> None:
    """Measures the databases asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--once", action="store_true", help="do not import the files a second time")
    asked = parser.parse_args()
    for kind in [asked.only] if asked.only else ["sqlite", "postgresql"]:
        measure(kind, asked.rows, once=asked.once)


if __name__ == "__main__":
    main()
