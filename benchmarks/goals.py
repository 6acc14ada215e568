"""The report of goals over 200,000 sent emails and 1,000,000 purchases of 100,000 clients, in ten campaigns.

    python -m benchmarks.goals [--only sqlite|postgresql] [--scale 1.0]

Wanted: each figure in less than 5 seconds.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, insert

from regulars.core import ids
from regulars.db.engine import analyze, open_engine, read, write
from regulars.db.tables import assignments, campaigns, customers, promises, purchases
from regulars.db.upgrade import migrate
from regulars.insights.attribution import Period
from regulars.insights.goal_report import goal_report
from tests.common import servers
from tests.common.rules import Rules, rules

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
FIRST = datetime(2024, 12, 1, tzinfo=UTC)
EMAILS, PURCHASES, CLIENTS = 200_000, 1_000_000, 100_000
NAMES = [f"campaign-{n}" for n in range(10)]
CHUNK = 50_000


def rules_of_ten() -> Rules:
    """Half of the campaigns name a goal of 14 days, the others none; one has a control group."""
    stated = {"on": "visit.done", "email": "a", "goal": "purchase within 14 days"}
    made = {name: dict(stated) if n % 2 else {"on": "visit.done", "email": "a"} for n, name in enumerate(NAMES)}
    made["campaign-1"]["holdout"] = "20%"
    return rules(made)


def fill(engine: Engine, scale: float) -> None:
    """Clients, of whom one in a hundred shares an address, their purchases and emails, at random over two years."""
    dice = random.Random(16)
    people, span = int(CLIENTS * scale), int((NOW - FIRST).total_seconds())

    def some_time() -> datetime:
        return FIRST + timedelta(seconds=dice.randrange(span))

    def clients() -> Iterator[dict[str, object]]:
        for n in range(1, people + 1):
            yield {
                "id": n, "external_id": f"c{n}", "uid": f"c{n}", "bucket": ids.bucket(f"c{n}"),
                "email": f"c{n}@client.example", "email_hash": f"h{n - n % 2 if n % 100 < 2 else n}", "attrs": {},
                "created_at": FIRST, "updated_at": FIRST,
            }  # fmt: skip

    def bought() -> Iterator[dict[str, object]]:
        for n in range(int(PURCHASES * scale)):
            at = some_time()
            yield {
                "external_id": f"p{n}", "customer_id": dice.randint(1, people), "occurred_at": at, "received_at": at,
                "amount": Decimal(dice.randint(-500, 9_900)) / 100, "currency": "EUR" if n % 20 else "USD", "data": {},
            }  # fmt: skip

    def sent() -> Iterator[dict[str, object]]:
        for n in range(int(EMAILS * scale)):
            at = some_time()
            yield {
                "campaign": NAMES[n % 10], "step": "ab"[n % 2], "customer_id": dice.randint(1, people),
                "occurrence": f"o{n}", "state": "sent", "kind": "marketing", "rule": "r",
                **dict.fromkeys(("due_at", "expires_at", "next_at", "created_at", "settled_at"), at),
            }  # fmt: skip

    def drawn() -> Iterator[dict[str, object]]:
        for n in range(1, people + 1, 5):
            arm = "control" if dice.random() < 0.2 else "written"
            yield {
                "experiment": "campaign-1", "mailbox": f"h{n}", "arm": arm, "at": some_time(), "customer_id": n,
            }  # fmt: skip

    for table, rows in ((customers, clients()), (purchases, bought()), (promises, sent()), (assignments, drawn())):
        while chunk := list(islice(rows, CHUNK)):
            with write(engine) as connection:
                connection.execute(insert(table), chunk)
    with write(engine) as connection:
        connection.execute(
            insert(campaigns),
            [{"key": n, "name": n, "rule": "r", "trigger": "t", "since": FIRST, "applied_at": FIRST} for n in NAMES],
        )
    analyze(engine)


@contextmanager
def database(kind: str) -> Iterator[Engine]:
    """An empty database of that kind."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="regulars-goals-") as folder:
            engine = open_engine(f"sqlite:///{Path(folder) / 'regulars.sqlite'}")
            migrate(engine)
            yield engine
            engine.dispose()
        return
    with servers.postgres() as server, servers.scratch_database(server, "regulars_goals") as url:
        engine = open_engine(url)
        migrate(engine)
        yield engine
        engine.dispose()


def main() -> None:
    """Fills each database and measures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.goals", description=__doc__)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    made = rules_of_ten()
    year = datetime(2026, 1, 1, tzinfo=UTC)
    for kind in ("sqlite", "postgresql") if given.only is None else (given.only,):
        with database(kind) as engine:
            fill(engine, given.scale)
            for name, period in (("two years", Period(NOW)), ("from January", Period(NOW, year))):
                for turn in ("first", "again"):
                    begun = time.monotonic()
                    with read(engine) as connection:
                        found = goal_report(connection, made.rulebook, period)
                    seconds = time.monotonic() - begun
                    print(f"{kind}: goals, {name}, {turn}: {seconds:.2f} s, {found.total.events:,} events", flush=True)


if __name__ == "__main__":
    main()
