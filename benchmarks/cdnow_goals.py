"""The report of goals on real purchases: 23,570 clients of a CD shop, two campaigns over a year, against plain Python.

Imported by the command, planned by the planner on the first of each month, settled as sent; what followed is then
counted from the CSV files alone.

    python -m benchmarks.cdnow_goals
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, update

from benchmarks.imports import CLI
from regulars.core.settings import load
from regulars.db.engine import analyze, open_engine, read, write
from regulars.db.tables import customers, promises
from regulars.insights.attribution import Period
from regulars.insights.goal_report import GoalReport, Reached, goal_report
from regulars.planner.plan import plan
from regulars.profile import facts
from regulars.workspace.folder import open_workspace
from tests.common import data
from tests.common.workspace import write_workspace

CAMPAIGNS: dict[str, dict[str, Any]] = {
    "win-back": {
        "when": "days_since(customer.last_purchase_at) > 90", "again": "always", "email": "win-back",
        "goal": {"event": "purchase", "within": "30 days", "if": "event.amount >= 10"},
    },
    "news": {"schedule": "monthly on 15 at 10:00", "audience": "customer.purchases >= 2", "email": "news"},
}  # fmt: skip
WITHIN = {"win-back": timedelta(days=30), "news": timedelta(days=7)}
LEAST = {"win-back": Decimal(10), "news": Decimal("-Infinity")}
MONTHS = [datetime(1997, month, 1, 12, tzinfo=UTC) for month in range(5, 13)]
MONTHS += [datetime(1998, month, 1, 12, tzinfo=UTC) for month in range(1, 7)]
NOW = datetime(1998, 7, 1, tzinfo=UTC)


def play(engine: Engine, root: Path) -> None:
    """Plans on the first and the fifteenth of each month; what may go counts as sent."""
    rules = open_workspace(root)
    for first in MONTHS:
        for day in (first, first.replace(day=15)):
            with write(engine) as connection:
                facts.refresh(connection)
                plan(connection, rules, day)
                connection.execute(
                    update(promises).where(promises.c.state == "planned").values(state="sent", settled_at=day)
                )
    analyze(engine)


Count = tuple[int, int, Decimal]
"""Events, clients, and their value."""


def counted(folder: Path, sent: list[tuple[str, str, datetime]]) -> tuple[dict[tuple[str, bool], Count], Count]:
    """From the files and the list of emails: by campaign, its own claims and those of the last email; and the sum."""
    emails: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for campaign, client, at in sent:
        emails[client].append((at, campaign))
    for mine in emails.values():
        mine.sort()
    own: dict[tuple[str, bool], list[tuple[str, Decimal]]] = defaultdict(list)
    with (folder / "purchases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["occurred_at"]).replace(tzinfo=UTC)
            amount, client = Decimal(row["amount"]), row["customer"]
            if at > NOW:
                continue
            before = emails[client][: bisect_right(emails[client], (at, ""))]
            fit = [
                (when, name) for when, name in before
                if when < at <= when + WITHIN[name] and amount >= LEAST[name]
            ]  # fmt: skip
            for name in {name for _, name in fit}:
                own[name, False].append((client, amount))
            if fit:
                own[max(fit)[1], True].append((client, amount))
    last = [claim for (_, is_last), claims in own.items() if is_last for claim in claims]
    return {key: _count(claims) for key, claims in own.items()}, _count(last)


def _count(claims: list[tuple[str, Decimal]]) -> Count:
    return len(claims), len({client for client, _ in claims}), sum((amount for _, amount in claims), Decimal(0))


def _of(reached: Reached) -> Count:
    (value,) = reached.values.values() or (Decimal(0),)
    return reached.events, reached.mailboxes or 0, value


def report(found: GoalReport, wanted: dict[tuple[str, bool], Count], total: Count) -> bool:
    """Prints both counts; whether they are the same."""
    pairs = [("sum, each once", _of(found.total), total)]
    for figures in found.goals:
        pairs.append((f"{figures.campaign}, own claims", _of(figures.whole.claimed), wanted[figures.campaign, False]))
        last = _of(figures.whole.by_last_email)
        pairs.append((f"{figures.campaign}, last email", last, wanted[figures.campaign, True]))
    for name, one, two in pairs:
        same = "same" if one == two else "NOT THE SAME"
        shown = f"{one[0]:,} purchases of {one[1]:,} clients, {one[2]:,.2f}"
        print(f"  {name}: {shown}; independently {two[0]:,} of {two[1]:,}, {two[2]:,.2f}: {same}")
    return all(one == two for _, one, two in pairs)


def main() -> None:
    """Exit code 1 when a figure differs."""
    with tempfile.TemporaryDirectory(prefix="regulars-cdnow-goals-") as name:
        root = write_workspace(Path(name) / "shop", CAMPAIGNS)
        files = Path(name)
        data.cdnow(files)
        for kind in ("customers", "purchases"):
            command = [sys.executable, str(CLI), "--workspace", str(root), "import", kind, str(files / f"{kind}.csv")]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        engine = open_engine(str(load(root, {}).database_url))
        play(engine, root)
        begun = time.process_time()
        with read(engine) as connection:
            found = goal_report(connection, open_workspace(root).rulebook, Period(NOW))
            rows = connection.execute(
                select(promises.c.campaign, customers.c.external_id, promises.c.settled_at)
                .join(customers, customers.c.id == promises.c.customer_id)
                .where(promises.c.state == "sent")
            ).all()
        print(f"{len(rows):,} emails; {time.process_time() - begun:.1f} s of CPU for the report")
        same = report(found, *counted(files, [(row[0], row[1], row[2]) for row in rows]))
        engine.dispose()
    raise SystemExit(0 if same else 1)


if __name__ == "__main__":
    main()
