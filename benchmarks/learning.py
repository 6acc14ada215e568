"""What `regulars learn` costs: seconds and memory for 4,294 clients and 400,000 lines of purchases.

`python -m benchmarks.learning [--url postgresql://…/scratch]`: fills a new SQLite file, or the named database (which is
emptied), and learns in a process of its own (Linux); its peak memory is what the kernel says of that process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection, insert, text

from regulars.db import tables
from regulars.db.engine import open_engine, write
from regulars.db.types import MICROSECOND
from regulars.profile import facts
from tests.common.histories import Lines, gifts

_START = datetime(2025, 1, 1, tzinfo=UTC)
_CHILD = """
import dataclasses, json, sys, time
from datetime import datetime
from regulars.db.engine import open_engine
from regulars.operation.learn import learn
engine, begun = open_engine(sys.argv[1]), time.perf_counter()
found = learn(engine, datetime.fromisoformat(sys.argv[2]))
seconds = time.perf_counter() - begun
# Not ru_maxrss: a new process begins with that of the one that started it.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"seconds": seconds, "peak": peak * 1024, "found": dataclasses.asdict(found)}))
"""


def main() -> None:
    """Prints one line."""
    parser = argparse.ArgumentParser(description="Seconds and memory of learning.")
    parser.add_argument("--url", help="a PostgreSQL database; it is emptied. Without it: a new SQLite file")
    parser.add_argument("--clients", type=int, default=4294)
    parser.add_argument("--lines", type=int, default=400_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.url or f"sqlite:///{Path(folder) / 'learning.db'}"
        lines = gifts(options.clients, options.lines)
        begun = time.perf_counter()
        _fill(url, lines)
        filled = time.perf_counter() - begun
        seconds, cpu, peak, found = _learn(url, _START + timedelta(days=400))
    print(
        f"{len(set(lines.clients.tolist())):,} clients, {len(lines.clients):,} lines: learned in {seconds:.1f} s with"
        f" {peak / 2**20:.0f} MB; {cpu:.1f} s of processor time with starting (filled in {filled:.1f} s)\n"
        f"{found}"
    )


def _learn(url: str, now: datetime) -> tuple[float, float, int, str]:
    """Seconds of learning, processor seconds and peak memory in bytes of the whole process, what came of it."""
    command = [sys.executable, "-c", _CHILD, url, now.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("learning failed")
    report = json.loads(said.splitlines()[-1])
    cpu = usage.ru_utime + usage.ru_stime
    return float(report["seconds"]), cpu, int(report["peak"]), json.dumps(report["found"])


def _fill(url: str, lines: Lines) -> None:
    engine = open_engine(url)
    with write(engine) as connection:
        if connection.dialect.name == "postgresql":
            tables.metadata.drop_all(connection)
        tables.metadata.create_all(connection)
        _insert(connection, lines)
        facts.refresh(connection)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    engine.dispose()


def _insert(connection: Connection, lines: Lines) -> None:
    clients = sorted(set(lines.clients.tolist()))
    connection.execute(insert(tables.customers), [
        {"id": 1 + n, "external_id": f"c-{n}", "email": f"c-{n}@client.example", "attrs": {}, "bucket": n % 10_000,
         "created_at": _START, "updated_at": _START} for n in clients
    ])  # fmt: skip
    connection.execute(insert(tables.products), [
        {"id": 1 + n, "sku": f"s-{n}", "name": f"Thing {n}", "consumable": bool(used_up)}
        for n, used_up in enumerate(lines.consumable.tolist())
    ])  # fmt: skip
    visits: dict[tuple[int, int], list[int]] = {}
    for client, at, product in zip(
        lines.clients.tolist(), lines.instants.tolist(), lines.products.tolist(), strict=True
    ):
        visits.setdefault((client, at), []).append(product)
    connection.execute(insert(tables.purchases), [
        {"id": number, "external_id": f"o-{number}", "customer_id": 1 + client, "occurred_at": _at(at),
         "received_at": _START, "amount": Decimal(5 + len(bought) * (3 + number % 7)), "data": {}}
        for number, ((client, at), bought) in enumerate(visits.items(), 1)
    ])  # fmt: skip
    connection.execute(insert(tables.purchase_lines), [
        {"purchase_id": number, "line": line, "product_id": 1 + product}
        for number, bought in enumerate(visits.values(), 1) for line, product in enumerate(bought, 1)
    ])  # fmt: skip


def _at(instant: int) -> datetime:
    return _START + instant * MICROSECOND


if __name__ == "__main__":
    main()
