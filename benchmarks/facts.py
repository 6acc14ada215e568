"""What one new purchase costs the facts, by how many clients there are.

`python -m benchmarks.facts --url postgresql://…/scratch [--clients 10000 100000]`: fills an empty database, adds one
purchase at a time and refreshes its client. The median of 200 refreshes, and the worst of the best 95 %. The database
named is emptied.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

from sqlalchemy import Connection, Engine, text

from regulars.db import tables
from regulars.db.engine import open_engine, write
from regulars.profile import facts

_TIMES = 200
_FILL = """
INSERT INTO customers (id, external_id, uid, email, attrs, bucket, created_at, updated_at)
SELECT n, 'c-' || n, 'c-' || n, 'c-' || n || '@client.example', '{}', n % 10000, 0, 0
FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) n;
INSERT INTO purchases (external_id, customer_id, occurred_at, received_at, amount)
SELECT 'p-' || n || '-' || k, n, 1767225600000000 + ((n * 7919 + k * 104729) % 300) * 86400000000, 0, 250000
FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) n, generate_series(1, 3) k;
INSERT INTO purchase_lines (purchase_id, line, product_id)
SELECT id, 1, 1 + id % 50 FROM purchases WHERE customer_id BETWEEN :low AND :high;
INSERT INTO events (external_id, customer_id, name, occurred_at, received_at, data)
SELECT 'e-' || n, n, 'survey.answered', 1767225600000000, 0, '{"score": 9}'
FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) n;
"""
_GOODS = """
INSERT INTO products (id, sku, name) SELECT n, 's-' || n, 'Thing ' || n FROM generate_series(1, 50) n;
INSERT INTO learned_links SELECT n, 1 + (n + k) % 50, 1000 * k, 9, 2.0, 30
FROM generate_series(1, 50) n, generate_series(1, 10) k;
"""


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description="Cost of one purchase by the number of clients.")
    parser.add_argument("--url", required=True, help="an empty PostgreSQL database; it is emptied again")
    parser.add_argument("--clients", type=int, nargs="+", default=[10_000, 100_000])
    options = parser.parse_args()
    engine = open_engine(options.url)
    with write(engine) as connection:
        tables.metadata.drop_all(connection)
        tables.metadata.create_all(connection)
        _run(connection, _GOODS)
    print("| clients | one refresh, median ms | 95th percentile ms | filling and first refresh s |")
    print("|---|---|---|---|")
    known = 0
    for clients in sorted(options.clients):
        begin = time.perf_counter()
        with write(engine) as connection:
            _run(connection, _FILL, low=known + 1, high=clients)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
        with write(engine) as connection:
            facts.refresh(connection, list(range(known + 1, min(clients, known + 10_000) + 1)))
        known = clients
        filled = time.perf_counter() - begin
        took = sorted(_refresh(engine, clients, number) for number in range(_TIMES))
        print(f"| {clients:,} | {median(took):.2f} | {took[int(_TIMES * 0.95)]:.2f} | {filled:.1f} |", flush=True)
    with write(engine) as connection:
        tables.metadata.drop_all(connection)
    engine.dispose()


def _run(connection: Connection, script: str, **given: int) -> None:
    for statement in filter(str.strip, script.split(";\n")):
        connection.execute(text(statement), given)


def _refresh(engine: Engine, clients: int, number: int) -> float:
    """Adds a purchase and refreshes; milliseconds of the refresh alone."""
    customer = 1 + (number * 7919) % min(clients, 10_000)
    with write(engine) as connection:
        row = {"external_id": f"new-{clients}-{number}", "customer_id": customer, "amount": 990_000}
        connection.execute(
            text(
                "INSERT INTO purchases (external_id, customer_id, occurred_at, received_at, amount) "
                "VALUES (:external_id, :customer_id, 1798761600000000, 0, :amount)"
            ),
            row,
        )
        begin = time.perf_counter()
        assert facts.refresh(connection, [customer]) == 1
        return (time.perf_counter() - begin) * 1e3


if __name__ == "__main__":
    main()
