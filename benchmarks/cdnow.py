"""Real input, end to end: 23,570 clients of a CD shop and their 69,659 purchases, over SMTP, counted from outside.

`client-anniversary` day by day from 28 February 1998, when the rule comes into force, to 31 March, and `win-back`
(nothing bought for more than 180 days) on 1 July 1998: planned and delivered by real Celery workers to a real SMTP
server; then all of it a second time, which must add nothing. Who should have been written to is counted in plain
Python from the CSV files alone. The policy has neither cap nor quiet hours: they would hold mail back, and the counts
would no longer be those of the two conditions.

    python -m benchmarks.cdnow [--data FOLDER] [--only sqlite|redis|rabbitmq]
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.imports import Imported, import_in_own_process
from tests.common import data, servers
from tests.common.recorder import Recorder
from tests.common.site import Crew, Site, crew
from tests.common.workspace import write_campaigns, write_workspace

NOON = timedelta(hours=12)
DAYS = [date(1998, 2, 28) + timedelta(days=n) for n in range(32)]
"""The day on which the rule of anniversaries comes into force, which counts as a whole, and all of March."""
JULY = date(1998, 7, 1)
ANNIVERSARY = {"every": "year since customer.first_purchase_at", "email": "client-anniversary"}
WIN_BACK = {"when": "days_since(customer.last_purchase_at) > 180", "backfill": "all", "email": "win-back"}
LINES = {
    "client-anniversary": "A client for {{ years_since(customer.first_purchase_at) }} year, since"
    " {{ customer.first_purchase_at | date }}.",
    "win-back": "Your last visit was on {{ customer.last_purchase_at | date }}.",
}

Mail = tuple[str, str]
"""Campaign and client."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one set of servers came to."""

    imported: tuple[Imported, Imported]
    seconds: float
    again_seconds: float
    accepted: Counter[str]
    added: int
    ledger: frozenset[tuple[str, ...]]


def expected(folder: Path) -> Counter[Mail]:
    """Who is to be written to, from the files alone, with nothing of ours and no SQL."""
    dates: dict[str, list[date]] = {}
    with (folder / "purchases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            dates.setdefault(row["customer"], []).append(date.fromisoformat(row["occurred_at"]))
    found: Counter[Mail] = Counter()
    for customer, days in dates.items():
        first = min(days)
        found["client-anniversary", customer] += sum(
            (day.month, day.day) == (first.month, first.day) and day.year > first.year for day in DAYS
        )
        # What was bought after the day is not known on it; on 1 July the files have ended.
        found["win-back", customer] += (JULY - max(day for day in days if day <= JULY)).days > 180
    return +found


@contextmanager
def servers_of(kind: str, root: Path) -> Iterator[tuple[str, str, int]]:
    """Database URL, broker URL and number of workers."""
    if kind == "sqlite":
        var = root / "var"
        yield f"sqlite:///{var}/regulars.sqlite", f"sqla+sqlite:///{var}/broker.sqlite", 1
        return
    broker = servers.redis_server if kind == "redis" else servers.rabbitmq
    with (
        servers.postgres() as server,
        servers.scratch_database(server, "regulars_cdnow") as database,
        broker(root / "broker") as url,
    ):
        yield database, url, 2


def play(running: Crew, site: Site) -> float:
    """The whole story: the anniversaries of March, then the new rule in July. Seconds it took."""
    (site.root / "campaigns" / "win-back.yaml").unlink(missing_ok=True)
    begun = time.monotonic()
    for day in DAYS:
        running.play(datetime.combine(day, datetime.min.time(), UTC) + NOON, 300)
    write_campaigns(site.root, {"win-back": WIN_BACK}, "win-back")
    running.play(datetime.combine(JULY, datetime.min.time(), UTC) + NOON, 300)
    return time.monotonic() - begun


def run(kind: str, files: Path) -> Run:
    """Import, story, and the story once more, with one set of servers."""
    with tempfile.TemporaryDirectory(prefix="regulars-cdnow-") as folder:
        root = Path(folder)
        (root / "broker").mkdir()
        write_workspace(root, {"client-anniversary": ANNIVERSARY}, lines=LINES)
        write_workspace(root, {"client-anniversary": ANNIVERSARY, "win-back": WIN_BACK}, lines=LINES)
        with Recorder(root / "accepted") as recorder, servers_of(kind, root) as (database, broker, workers):
            site = Site(root, database, broker, recorder.url)
            site.prepare()
            imported = (
                import_in_own_process(site, "customers", files / "customers.csv"),
                import_in_own_process(site, "purchases", files / "purchases.csv"),
            )
            write_campaigns(root, {"client-anniversary": ANNIVERSARY})
            with crew(site, workers) as running:
                first = play(running, site)
                accepted = Counter(number for number, _ in recorder.accepted())
                second = play(running, site)
            ledger = frozenset(tuple(map(str, row)) for row in site.ledger())
            added = recorder.count() - accepted.total()
            site.engine.dispose()
    return Run(imported, first, second, accepted, added, ledger)


def report(kind: str, result: Run, wanted: Counter[Mail]) -> bool:
    """Prints one run beside what was wanted; whether they are the same to the client."""
    rows = [row for row in result.ledger if row[4] == "sent"]
    got = Counter((row[0], row[2]) for row in rows)
    missing, extra = wanted - got, got - wanted
    twice = sum(times - 1 for times in result.accepted.values())
    customers, purchases = result.imported
    print(f"\n{kind}")
    for name, one in (("customers", customers), ("purchases", purchases)):
        print(f"  import of {one.rows:,} {name}: {one.seconds:.1f} s, peak memory {one.peak / 2**20:.0f} MiB")
    for name in ("client-anniversary", "win-back"):
        here, there = (sum(n for (campaign, _), n in some.items() if campaign == name) for some in (got, wanted))
        print(f"  {name}: {here:,} sent, {there:,} counted independently")
    print(f"  missing {missing.total()}, extra {extra.total()}, accepted twice {twice}")
    print(f"  accepted over SMTP {result.accepted.total():,} in {result.seconds:.0f} s for 33 plans")
    print(f"  a second run: {result.added} more, {result.again_seconds:.0f} s")
    return not (missing or extra or twice or result.added or result.accepted.total() != wanted.total())


def main() -> None:
    """Runs all three and compares their ledgers; exit code 1 when a client or a row differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cdnow", description="Real input, end to end.")
    parser.add_argument("--data", type=Path, help="folder with customers.csv and purchases.csv")
    parser.add_argument("--only", choices=("sqlite", "redis", "rabbitmq"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regulars-cdnow-files-") as folder:
        files = options.data or Path(folder)
        if options.data is None:
            data.cdnow(files)
        elif not all((files / name).is_file() for name in ("customers.csv", "purchases.csv")):
            raise SystemExit(f"{files} has no customers.csv and purchases.csv")
        wanted = expected(files)
        kinds = [options.only] if options.only else ["sqlite", "redis", "rabbitmq"]
        results = {kind: run(kind, files) for kind in kinds}
    sound = [report(kind, result, wanted) for kind, result in results.items()]
    same = len({result.ledger for result in results.values()}) == 1
    print(f"\nthe {len(results)} ledgers are {'the same' if same else 'NOT the same'}")
    raise SystemExit(0 if same and all(sound) else 1)


if __name__ == "__main__":
    main()
