"""How the cost of planning grows with the list: first plan, idle tick, tick after events, full plan.

`python -m benchmarks.growth [--clients 10000 100000 1000000] [--url postgresql://…/scratch]`: for each size an empty
database with the starter's rules, each client with five purchases and a visit of the last two years; nothing is
analysed before the first plan. A tick comes a minute after the one before. Prints seconds (median of `--ticks`), and
the slopes of the two largest sizes on log-log. The database named is emptied.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, Engine, text

from regulars.context.statement_cache import StatementCache
from regulars.db.engine import open_engine, write
from regulars.db.types import to_micros
from regulars.db.upgrade import migrate
from regulars.operation.index_upkeep import IndexUpkeep
from regulars.planner import turn_indexes
from regulars.planner.plan import Plan, plan
from regulars.profile import facts
from regulars.workspace.folder import Workspace, open_workspace
from regulars.workspace.starter import starter

BEGIN = datetime(2026, 6, 10, 9, 30, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_EVENTS = 1_000
PRODUCTS = 50
_FILL = """
INSERT INTO products (id, sku, name) SELECT n, 's-' || n, 'Thing ' || n FROM generate_series(1, 50) n;
INSERT INTO customers (id, external_id, uid, email, email_hash, first_name, birthday, timezone, attrs, bucket,
    created_at, updated_at)
SELECT n, 'c-' || n, 'c-' || n, 'c-' || n || '@client.example', 'hash-' || n, 'Ada',
    CASE WHEN n % 2 = 0 THEN DATE '1980-01-01' + CAST(n * 7919 % 10000 AS int) END,
    CASE n % 10 WHEN 0 THEN 'Europe/London' WHEN 1 THEN 'America/New_York' END, '{}', n * 7919 % 10000,
    :now - 63072000000000, :now
FROM generate_series(1, CAST(:clients AS bigint)) n;
INSERT INTO consents (customer_id, topic, granted, at, source)
SELECT n, 'marketing', true, :now - 63072000000000, 'form'
FROM generate_series(1, CAST(:clients AS bigint)) n WHERE n % 10 < 7;
INSERT INTO purchases (external_id, customer_id, occurred_at, received_at, amount)
SELECT 'p-' || n || '-' || k, n,
    :now - ((n * 7919 + k * 104729) % 730) * 86400000000 - (n * 31 + k * 17) % 86400 * CAST(1000000 AS bigint), :now,
    1000000 + n % 90 * 100000
FROM generate_series(1, CAST(:clients AS bigint)) n, generate_series(1, CAST(5 AS bigint)) k;
INSERT INTO purchase_lines (purchase_id, line, product_id) SELECT id, 1, 1 + id % 50 FROM purchases;
INSERT INTO events (external_id, customer_id, name, occurred_at, received_at, data)
SELECT 'e-' || n, n, 'visit.done', :now - (n * 104729 % 730) * 86400000000, :now, '{"service": "repair", "score": 9}'
FROM generate_series(1, CAST(:clients AS bigint)) n;
"""


def main() -> None:
    """Prints the table, and writes it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="a scratch database; it is emptied")
    parser.add_argument("--clients", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--ticks", type=int, default=5)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    rules = open_workspace(starter())
    found: dict[int, dict[str, float]] = {}
    for clients in sorted(options.clients):
        engine = open_engine(options.url)
        _empty(engine)
        found[clients] = measured(engine, rules, clients, options.ticks)
        engine.dispose()
        print(f"{clients:>9,}", *(f"{name} {value:.3f}" for name, value in found[clients].items()), flush=True)
    for name, slope in slopes(found).items():
        print(f"slope of {name}: {slope:.2f}")
    if options.json:
        options.json.write_text(json.dumps({"seconds": found, "slopes": slopes(found)}, indent=1) + "\n", "utf-8")


def slopes(found: dict[int, dict[str, float]]) -> dict[str, float]:
    """By measurement: how many times it multiplies, as a power, between the two largest sizes."""
    if len(found) < 2:
        return {}
    small, large = sorted(found)[-2:]
    return {name: math.log(found[large][name] / found[small][name]) / math.log(large / small) for name in found[large]}


def measured(engine: Engine, rules: Workspace, clients: int, ticks: int) -> dict[str, float]:
    """Seconds by what was measured."""
    result: dict[str, float] = {}

    def timed(name: str, work: Callable[[], object]) -> None:
        begun = time.perf_counter()
        work()
        result[name] = time.perf_counter() - begun

    migrate(engine)
    timed("fill", lambda: _filled(engine, clients))
    cache, times = StatementCache(), (BEGIN + number * _MINUTE for number in count())

    def tick() -> None:
        planned(engine, rules, next(times), cache)

    timed("first", tick)
    upkeep = IndexUpkeep(engine)
    upkeep.want(turn_indexes.needed(rules, {}))
    timed("indexes", upkeep.close)
    idle, after_events = [], []
    for number in range(ticks):
        idle.append(_seconds(tick))
        with write(engine) as connection:
            happened(connection, number, clients, next(times))
        after_events.append(_seconds(tick))
    full = [_seconds(lambda: planned(engine, rules, next(times), None)) for _ in range(max(1, ticks // 2))]
    result |= {"idle": median(idle), "events": median(after_events), "full": median(full)}
    return result


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def planned(engine: Engine, rules: Workspace, now: datetime, cache: StatementCache | None) -> Plan:
    """A plan, committed: one that asks whom it has to, with the statements of those before, or a full one."""
    with write(engine) as connection:
        return plan(connection, rules, now, incremental=cache is not None, cache=cache)


def happened(connection: Connection, number: int, clients: int, now: datetime, *, events: int = _EVENTS) -> None:
    """So many purchases of as many clients, as the import writes them."""
    given = {"number": number, "clients": clients, "now": to_micros(now), "events": events}
    keys = connection.scalars(
        text("""
            INSERT INTO purchases (external_id, customer_id, occurred_at, received_at, amount)
            SELECT 'new-' || :number || '-' || n, 1 + (n * 7919 + :number) % :clients, :now, :now, 5000000
            FROM generate_series(1, CAST(:events AS bigint)) n RETURNING customer_id
        """),
        given,
    )
    facts.refresh(connection, list(keys))


def fill(connection: Connection, clients: int) -> None:
    """Clients with five purchases each; nothing is analysed."""
    for statement in filter(str.strip, _FILL.split(";\n")):
        connection.execute(text(statement), {"clients": clients, "now": to_micros(BEGIN)})
    facts.refresh(connection)


def _filled(engine: Engine, clients: int) -> None:
    with write(engine) as connection:
        fill(connection, clients)


def _empty(engine: Engine) -> None:
    with write(engine) as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))


if __name__ == "__main__":
    main()
