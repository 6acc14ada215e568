"""Eighteen months of a CD shop by hour: the ledger of incremental plans beside that of full ones, row by row.

23,570 clients and 69,659 purchases; each purchase arrives at its own minute of its day. Two databases live through the
same hours: one plans as workers do, the other asks every client each time. What may go counts as sent.

    python -m benchmarks.cdnow_incremental [--data FOLDER] [--days 546] [--url-one postgresql://…] [--url-two …]
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select, update

from regulars.context.statement_cache import StatementCache
from regulars.core.ids import bucket
from regulars.db import tables, touched
from regulars.db.engine import analyze, open_engine, write
from regulars.planner.plan import plan
from regulars.profile import facts
from tests.common import data
from tests.common.rules import rules

HOUR = timedelta(hours=1)
BEGIN = datetime(1997, 1, 1, tzinfo=UTC)
RULES: dict[str, dict[str, Any]] = {
    "thanks": {
        "on": "purchase", "audience": "customer.purchases == 1", "steps": [{"email": "thanks", "wait": "1 day"}],
    },
    "win-back": {
        "when": "customer.overdue >= 2 or days_since(customer.last_purchase_at) > 90", "again": "after 180 days",
        "audience": "customer.purchases >= 1", "steps": [{"email": "one"}, {"email": "two", "wait": "7 days"}],
    },
    "anniversary": {"every": "year since customer.first_purchase_at", "email": "anniversary"},
    "count": {"each": "customer.purchases", "audience": "spent(within='60 days') > 50", "email": "count"},
    "eager": {"when": "count('purchase', within='14 days') >= 3", "email": "eager"},
}  # fmt: skip
LEDGER = ("campaign", "step", "customer_id", "occurrence", "state", "reason", "due_at", "settled_at")


@dataclass
class Shop:
    """One database that lives through the hours."""

    engine: Engine
    incremental: bool
    cache: StatementCache = field(default_factory=StatementCache)
    seconds: float = 0.0
    asked: int = 0

    def open(self, clients: list[str]) -> None:
        """Every client is known from the beginning, and has agreed to marketing."""
        names = enumerate(clients, 1)
        given = [
            {"id": key, "external_id": name, "uid": name, "bucket": bucket(name), "email": f"{name}@shop.example",
             "email_hash": name, "attrs": {}, "created_at": BEGIN - HOUR, "updated_at": BEGIN - HOUR}
            for key, name in names
        ]  # fmt: skip
        agreed = [
            {"customer_id": row["id"], "topic": "marketing", "granted": True, "at": BEGIN, "source": "form"}
            for row in given
        ]
        with write(self.engine) as connection:
            tables.metadata.create_all(connection)
            touched.install(connection)
            connection.execute(insert(tables.customers), given)
            connection.execute(insert(tables.consents), agreed)
            facts.refresh(connection)
        analyze(self.engine)

    def hour(self, now: datetime, bought: list[dict[str, Any]]) -> None:
        """What was bought arrives; a plan; what may go is sent."""
        with write(self.engine) as connection:
            if bought:
                connection.execute(insert(tables.purchases), bought)
                facts.refresh(connection, {row["customer_id"] for row in bought})
        begun = time.perf_counter()
        with write(self.engine) as connection:
            made = plan(connection, RULEBOOK, now, incremental=self.incremental, cache=self.cache)
        self.seconds += time.perf_counter() - begun
        self.asked += made.asked is not None
        with write(self.engine) as connection:
            done = update(tables.promises).where(tables.promises.c.state == "planned")
            connection.execute(done.values(state="sent", settled_at=now))

    def ledger(self) -> set[tuple[Any, ...]]:
        """Its rows, without the numbers."""
        with write(self.engine) as connection:
            return {tuple(row) for row in connection.execute(select(*(tables.promises.c[name] for name in LEDGER)))}


RULEBOOK = rules(RULES, policy={"late": "3 days", "cap": "1 per 7 days"})


def main() -> None:
    """Lives through the days, and compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder with purchases.csv; by default the package `lifetimes`")
    parser.add_argument("--days", type=int, default=546)
    parser.add_argument("--url-one", help="an empty database for the incremental plans")
    parser.add_argument("--url-two", help="an empty database for the full ones")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.data / "purchases.csv" if options.data else data.cdnow(Path(folder))[1]
        clients, arrivals = _arrivals(file)
        urls = (
            options.url_one or f"sqlite:///{folder}/one.sqlite",
            options.url_two or f"sqlite:///{folder}/two.sqlite",
        )
        shops = [Shop(open_engine(url), incremental=number == 0) for number, url in enumerate(urls)]
        for shop in shops:
            shop.open(clients)
        for number in range(options.days * 24):
            now = BEGIN + number * HOUR
            for shop in shops:
                shop.hour(now, arrivals.get(now, []))
            if number % (24 * 30) == 24 * 30 - 1 or number == options.days * 24 - 1:
                _compare(*shops, now=now, hours=number + 1)


def _compare(one: Shop, two: Shop, *, now: datetime, hours: int) -> None:
    ours, theirs = one.ledger(), two.ledger()
    print(
        f"{now:%Y-%m-%d}: {hours:,} plans in {one.seconds:.0f} s ({one.asked:,} asked only some clients),"
        f" full ones in {two.seconds:.0f} s; {len(theirs):,} rows of the ledger,"
        f" {len(theirs - ours):,} missing, {len(ours - theirs):,} too many",
        flush=True,
    )
    for row in sorted(theirs ^ ours, key=str)[:10]:
        print(row)


def _arrivals(path: Path) -> tuple[list[str], dict[datetime, list[dict[str, Any]]]]:
    """The clients, and by the hour of the next plan what arrives before it."""
    found: dict[datetime, list[dict[str, Any]]] = defaultdict(list)
    keys: dict[str, int] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            key = keys.setdefault(row["customer"], len(keys) + 1)
            day = datetime.combine(date.fromisoformat(row["occurred_at"][:10]), datetime.min.time(), UTC)
            at = day + timedelta(minutes=number * 7919 % 1440)
            until = at.replace(minute=0) + HOUR
            found[until].append(
                {"external_id": f"p{number}", "customer_id": key, "occurred_at": at, "received_at": at,
                 "amount": Decimal(row["amount"]), "data": {}}
            )  # fmt: skip
    return list(keys), found


if __name__ == "__main__":
    main()
