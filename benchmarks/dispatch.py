"""Dispatch from the ledger to a mail server, beside a C load generator in the same minutes.

20,000 planned promises in PostgreSQL, an email of 8 kB HTML with nine links and its text part of 1.5 kB, two worker
processes, against `smtp-sink`; in turn with `smtp-source -d -s 20 -l 8000` (both from Debian's package postfix).
Each side has twenty sessions with the sink. Prints messages per second of both, the ratio, and the CPU each message
costs by stage.

    python -m benchmarks.dispatch [--emails N] [--rounds N] [--workers N]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, insert, text, update

from benchmarks import servers
from regulars.core import clock, ids, settings
from regulars.db.engine import open_engine, write
from regulars.db.tables import customers, promises
from regulars.operation.database_upgrade import upgrade_database
from regulars.operation.runtime import Runtime, tune_garbage_collector
from regulars.profile import facts
from tests.common.people import SECRET

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
COMPANY = """\
company:
  name: Bench & Co
  from: Bench <hello@bench.example>
  address: 1 Loop Street, Localhost
policy:
  late: 30 days
campaigns:
  news:
    at: 2026-06-10 10:00
    email: news
    backfill: all
"""
WORDS = """\
subject: "{{ customer.first_name }}, what is new in June"
preheader: What is new
heading: "Good day, {{ customer.first_name }}"
"""


def _body() -> str:
    """MJML that renders to 8 kB of HTML with nine links, each client's own, and to a text part of 1.5 kB."""
    links = "".join(
        f'<mj-text><a href="https://bench.example/{n}?c={{{{ customer.external_id }}}}">'
        f"Offer {n} for {{{{ customer.name }}}}</a> and a line about what is new in it.</mj-text>"
        for n in range(1, 9)
    )
    filler = " ".join(f"Sentence {n} of a letter about what is new." for n in range(16))
    return (
        "<mjml><mj-body><mj-section><mj-column><mj-text>{{ t.heading }}</mj-text>"
        f"<mj-text>{filler}</mj-text><mj-divider />{links}<mj-divider />"
        '<mj-text><a href="{{ links.unsubscribe }}">Unsubscribe</a> {{ company.address }}</mj-text>'
        "</mj-column></mj-section></mj-body></mjml>"
    )


def make_workspace(root: Path) -> None:
    """A workspace with one campaign for everybody."""
    email = root / "templates" / "emails" / "news"
    (email / "words").mkdir(parents=True)
    (root / "campaigns").mkdir()
    (root / "campaigns" / "company.yaml").write_text(COMPANY, encoding="utf-8")
    (email / "body.mjml").write_text(_body(), encoding="utf-8")
    (email / "words" / "en.yaml").write_text(WORDS, encoding="utf-8")


def fill(url: str, root: Path, emails: int) -> None:
    """Clients, and one planned promise for each."""
    engine = open_engine(url)
    upgrade_database(engine, secret=SECRET)
    rows = [
        {
            "external_id": f"c-{n}", "email": f"client{n}@client.example",
            "email_hash": ids.address_hash(f"client{n}@client.example", SECRET), "name": f"Client Number {n}",
            "first_name": f"Client{n}", "bucket": ids.bucket(f"c-{n}"), "created_at": NOW, "updated_at": NOW,
        }
        for n in range(emails)
    ]  # fmt: skip
    with write(engine) as connection:
        connection.execute(insert(customers), rows)
        facts.refresh(connection)
    runtime = Runtime(settings.load(root, {"REGULARS_DATABASE_URL": url}), engine, clock.system)
    runtime.plan(clock.frozen(NOW))
    runtime.close()


def again(url: str) -> int:
    """Puts every promise back to planned; how many there are."""
    engine = open_engine(url)
    with write(engine) as connection:
        count = connection.execute(
            update(promises).values(state="planned", reason=None, claim_id=None, settled_at=None, data=None)
        ).rowcount
    engine.dispose()
    with create_engine(engine.url, isolation_level="AUTOCOMMIT").connect() as plain:
        plain.execute(text("VACUUM ANALYZE promises"))
    return count


def worker() -> None:
    """One worker process: opens everything, waits for the word, sends until nothing is left, reports its CPU."""
    from benchmarks.stages import Stages

    url, root, smtp = sys.argv[2:5]
    given = settings.load(Path(root), {"REGULARS_DATABASE_URL": url, "REGULARS_SMTP_URL": smtp})
    runtime = Runtime(given, open_engine(url), clock.system)
    runtime.rules.templates.compiled("news", "en")
    tune_garbage_collector()
    stages = Stages()
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.process_time()
    summary = runtime.dispatch(clock.frozen(NOW))
    report = {"sent": summary.sent, "cpu": time.process_time() - begun, "stages": stages.seconds}
    runtime.close()
    print(json.dumps(report), flush=True)


def run_ours(url: str, root: Path, port: int, workers: int) -> tuple[float, float, list[dict[str, object]]]:
    """Seconds from the word to the last worker's report, CPU seconds of the machine meanwhile, and the reports."""
    command = [
        sys.executable, "-m", "benchmarks.dispatch", "--worker", url, str(root),
        f"smtp://127.0.0.1:{port}?connections=10&per_connection=100000",
    ]  # fmt: skip
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(workers)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    begun, before = time.perf_counter(), servers.cpu_seconds()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    reports = [json.loads(process.stdout.readline()) for process in running if process.stdout is not None]
    elapsed, spent = time.perf_counter() - begun, servers.cpu_seconds() - before
    for process in running:
        process.wait()
    return elapsed, spent, reports


def run_theirs(port: int, emails: int) -> float:
    """Seconds smtp-source takes for as many messages of 8,000 bytes."""
    begun = time.perf_counter()
    subprocess.run(
        [servers.tool("smtp-source"), "-d", "-s", "20", "-l", "8000", "-m", str(emails), f"127.0.0.1:{port}"],
        check=True,
    )
    return time.perf_counter() - begun


@contextlib.contextmanager
def scratch() -> Iterator[tuple[str, Path]]:
    """A PostgreSQL database and a workspace, both gone afterwards."""
    server = os.environ.get("REGULARS_BENCH_DATABASE_URL", "postgresql://postgres@127.0.0.1/postgres")
    name = f"regulars_bench_{os.getpid()}"
    admin = create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    root = Path(tempfile.mkdtemp(prefix="regulars-bench-"))
    try:
        make_workspace(root)
        yield f"{server.rpartition('/')[0]}/{name}", root
    finally:
        shutil.rmtree(root)
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


def main() -> None:
    """Alternates ours and theirs, and prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emails", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    ours, theirs, costs = [], [], []
    with scratch() as (url, root), servers.smtp_sink() as port, servers.awake():
        fill(url, root, arguments.emails)
        for number in range(arguments.rounds + 1):
            count = again(url)
            seconds, system, reports = run_ours(url, root, port, arguments.workers)
            sent = sum(int(str(r["sent"])) for r in reports)
            assert sent == count == arguments.emails, (sent, count)
            other = run_theirs(port, arguments.emails)
            if number == 0:  # a round to warm up
                continue
            ours.append(count / seconds)
            theirs.append(arguments.emails / other)
            costs.append((system / count, reports))
            print(f"round {number}: regulars {ours[-1]:,.0f}/s, smtp-source {theirs[-1]:,.0f}/s", flush=True)
    _print(ours, theirs, costs, arguments.emails)


def _print(
    ours: list[float], theirs: list[float], costs: list[tuple[float, list[dict[str, object]]]], emails: int
) -> None:
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    print(f"\nregulars      median {statistics.median(ours):8,.0f} emails/s")
    print(f"smtp-source   median {statistics.median(theirs):8,.0f} messages/s")
    print(
        f"ratio         median {statistics.median(ratios):8.2f}   (lowest {min(ratios):.2f}, highest {max(ratios):.2f})"
    )
    stages: dict[str, list[float]] = {}
    for _, reports in costs:
        for name in reports[0]["stages"]:  # type: ignore[attr-defined]
            total = sum(r["stages"][name] for r in reports)  # type: ignore[index]
            stages.setdefault(name, []).append(total / emails * 1e6)
    print("\nCPU of the worker processes per email, by stage")
    for name, values in stages.items():
        print(f"  {name:<10} {statistics.median(values):7.1f} µs")
    workers = [sum(float(str(r["cpu"])) for r in reports) / emails * 1e6 for _, reports in costs]
    print(f"  {'all':<10} {statistics.median(workers):7.1f} µs")
    whole = statistics.median(cost for cost, _ in costs) * 1e6
    print(f"CPU of the whole machine per email, PostgreSQL and sink included: {whole:.0f} µs")


if __name__ == "__main__":
    if "--worker" in sys.argv[1:2]:
        worker()
    else:
        main()
