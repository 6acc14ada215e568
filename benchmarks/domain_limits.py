"""Whether a domain at its limit slows another: nine tenths of the queue wait for a limited domain, and stand first.

Emails in PostgreSQL for two domains, one limited to 5 per second; those of the limited one have the higher priority, so
every claim meets them first. Measured is how quickly the emails of the other domain go, beside the limited ones and
alone, in turn,
by one worker process against `smtp-sink`. Prints both rates and their ratio, by round and as medians.

    python -m benchmarks.domain_limits [--emails N] [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, func, select, text, update

from benchmarks import servers
from benchmarks.dispatch import COMPANY, NOW, fill, scratch
from regulars.core import clock, settings
from regulars.db.engine import open_engine, read, write
from regulars.db.tables import customers, promises
from regulars.operation.runtime import Runtime

LIMITS = "delivery:\n  limits: {slow.example: 5 per second}\n"
# By the index of labels: looking for the last of them among the limited ones would cost the process that is measured.
_FREE_WAITS = text("SELECT id FROM promises WHERE state = 'planned' AND provider <> '' AND provider = '-' LIMIT 1")
SLOW_PART = 10
"""Every client but each tenth is at the limited domain."""


def two_domains(url: str, root: Path) -> int:
    """Moves clients to the two domains, the limited one first in the queue; how many are at the other one."""
    (root / "campaigns" / "company.yaml").write_text(COMPANY + LIMITS, encoding="utf-8")
    engine = open_engine(url)
    slow = select(customers.c.id).where(customers.c.id % SLOW_PART != 0)
    with write(engine) as connection:
        connection.execute(
            update(customers).where(customers.c.id.in_(slow)).values(email=func.concat(customers.c.id, "@slow.example"))
        )
        connection.execute(update(promises).where(promises.c.customer_id.in_(slow)).values(priority=9))
        count = connection.scalar(select(func.count()).select_from(promises).where(promises.c.priority == 0)) or 0
    engine.dispose()
    return count


def run(url: str, root: Path, port: int, *, beside: bool) -> float:
    """Emails per second of the domain without a limit; the others wait beside them, or are done already."""
    engine = open_engine(url)
    with write(engine) as connection:
        planned = {"state": "planned", "reason": None, "claim_id": None, "settled_at": None, "next_at": NOW}
        connection.execute(update(promises).values(planned))
        if not beside:
            connection.execute(update(promises).where(promises.c.priority == 9).values(state="sent"))
    with create_engine(engine.url, isolation_level="AUTOCOMMIT").connect() as plain:
        plain.execute(text("VACUUM ANALYZE promises"))
    smtp = f"smtp://127.0.0.1:{port}?connections=10&per_connection=100000"
    given = settings.load(root, {"REGULARS_DATABASE_URL": url, "REGULARS_SMTP_URL": smtp, "REGULARS_DNS": "off"})
    runtime = Runtime(given, engine, clock.system)
    runtime.rules.templates.compiled("news", "en")
    runtime.dispatch(clock.frozen(NOW), stop=lambda: True)  # opens everything, labels the queue
    begun = time.monotonic()
    looked_at = begun
    free = (promises.c.priority == 0, promises.c.state == "sent")

    def now() -> datetime:
        return NOW + timedelta(seconds=time.monotonic() - begun)

    def done() -> bool:
        nonlocal looked_at
        if time.monotonic() - looked_at < 0.3:
            return False
        looked_at = time.monotonic()
        with read(engine) as connection:
            return connection.execute(_FREE_WAITS).first() is None

    runtime.dispatch(now, stop=done)
    with read(engine) as connection:
        count, last = connection.execute(select(func.count(), func.max(promises.c.settled_at)).where(*free)).one()
    runtime.close()
    return float(count / (last - NOW).total_seconds())


def main() -> None:
    """Alternates both, and prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emails", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    beside, alone = [], []
    with scratch() as (url, root), servers.smtp_sink() as port, servers.awake():
        fill(url, root, arguments.emails)
        count = two_domains(url, root)
        print(f"{count:,} emails without a limit, {arguments.emails - count:,} of a domain limited to 5 per second")
        for number in range(arguments.rounds):
            order = (False, True) if number % 2 else (True, False)
            found = {each: run(url, root, port, beside=each) for each in order}
            beside.append(found[True])
            alone.append(found[False])
            print(f"round {number + 1}: {found[True]:,.0f}/s beside, {found[False]:,.0f}/s alone", flush=True)
    ratio = statistics.median(one / other for one, other in zip(beside, alone, strict=True))
    print(
        f"median {statistics.median(beside):,.0f}/s beside, {statistics.median(alone):,.0f}/s alone,"
        f" ratio of the rounds {ratio:.3f}"
    )


if __name__ == "__main__":
    main()
