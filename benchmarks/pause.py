"""`regulars pause --all` in the middle of a run, on PostgreSQL with two real workers, seen from the mail server.

The server answers each message after 50 ms, so that 20,000 emails over eight sessions take more than two minutes. A
third of the way `regulars pause --all` is run, and twenty seconds later `regulars resume --all`. Prints how long after
the pause the last email came and how many came after it, and checks that in the end each client has exactly one.

    python -m benchmarks.pause [--emails N]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from aiosmtpd.controller import Controller
from sqlalchemy import func, select

from benchmarks.dispatch import COMPANY, fill, scratch
from regulars.core import clock
from regulars.db.engine import open_engine, read
from regulars.db.tables import promises
from regulars.ledger.switches import pauses
from tests.common.people import SECRET
from tests.common.servers import free_port

REPLY_SECONDS = 0.05
SESSIONS = 4
"""Sessions of each worker."""
CHUNK = 100
QUIET_SECONDS = 10


class Sink:
    """Accepts everything, each message after its time; remembers when and for whom."""

    def __init__(self) -> None:
        self.accepted: list[tuple[float, str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Called by aiosmtpd."""
        await asyncio.sleep(REPLY_SECONDS)
        self.accepted.append((clock.system().timestamp(), envelope.rcpt_tos[0]))
        return "250 OK"


@contextlib.contextmanager
def workers(environment: dict[str, str], log: IO[bytes] | int = subprocess.DEVNULL) -> Iterator[None]:
    """Two workers, processes of their own as on two machines, and the scheduler that wakes them."""
    command = [sys.executable, "-c", "from regulars.cli import main; main(prog_name='regulars')"]
    running = [
        subprocess.Popen([*command, *arguments], env=environment, stderr=log)
        for arguments in (
            ["worker", "--loglevel", "WARNING", "--hostname", "one@%h"],
            ["worker", "--loglevel", "WARNING", "--hostname", "two@%h"],
            ["beat", "--loglevel", "WARNING"],
        )
    ]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def regulars(environment: dict[str, str], *arguments: str) -> str:
    """Runs the command; what it prints."""
    command = [sys.executable, "-c", "from regulars.cli import main; main(prog_name='regulars')", *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def until(sink: Sink, count: int, seconds: float) -> None:
    """Waits for so many messages; SystemExit when they do not come."""
    end = time.monotonic() + seconds
    while len(sink.accepted) < count:
        if time.monotonic() > end:
            raise SystemExit(f"only {len(sink.accepted):,} of {count:,} messages came")
        time.sleep(0.1)


def measure(url: str, root: Path, emails: int) -> None:
    """One run."""
    company = COMPANY.replace("late: 30 days", "late: 4000 days")  # the workers go by the real clock
    (root / "campaigns" / "company.yaml").write_text(company, encoding="utf-8")
    fill(url, root, emails)
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    environment = {
        **os.environ, "REGULARS_WORKSPACE": str(root), "REGULARS_DATABASE_URL": url, "REGULARS_CHUNK": str(CHUNK),
        "REGULARS_ADDRESS_SECRET": SECRET.decode(),
        "REGULARS_SMTP_URL": f"smtp://127.0.0.1:{controller.port}?connections={SESSIONS}&per_connection=100000",
    }  # fmt: skip
    try:
        with workers(environment):
            until(sink, 1, 120)
            begun = time.monotonic()
            until(sink, emails // 3, 600)
            print(f"{len(sink.accepted) / (time.monotonic() - begun):,.0f} emails/s", flush=True)
            print(regulars(environment, "pause", "--all", "--why", "a benchmark"), end="")
            time.sleep(QUIET_SECONDS)
            paused = _paused_at(url)
            later = [at for at, _ in sink.accepted if at > paused]
            print(f"after the pause was written came {len(later):,} emails, ", end="")
            print(f"the last {max(later, default=paused) - paused:.2f} s later", flush=True)
            before = len(sink.accepted)
            time.sleep(QUIET_SECONDS)
            assert len(sink.accepted) == before, "emails came while all was paused"
            print(regulars(environment, "resume", "--all"), end="", flush=True)
            until(sink, emails, 600)
            time.sleep(QUIET_SECONDS / 5)
    finally:
        controller.stop()
    _verdict(url, sink, emails)


def _paused_at(url: str) -> float:
    """When the pause was decided, in seconds since 1970."""
    engine = open_engine(url)
    with read(engine) as connection:
        (found,) = pauses(connection).found
    engine.dispose()
    return found.since.timestamp()


def _verdict(url: str, sink: Sink, emails: int) -> None:
    """From outside: each client has one; and what the ledger says."""
    each = Counter(recipient for _, recipient in sink.accepted)
    engine = open_engine(url)
    with read(engine) as connection:
        found = connection.execute(select(promises.c.state, func.count()).group_by(promises.c.state)).all()
    engine.dispose()
    span = sink.accepted[-1][0] - sink.accepted[0][0]
    print(
        f"{len(each):,} of {emails:,} clients, {sum(n > 1 for n in each.values())} of them twice, in {span:.0f} s;",
        end="",
    )
    print(f" ledger: {', '.join(f'{number:,} {state}' for state, number in found)}")
    assert len(each) == len(sink.accepted) == emails


def main() -> None:
    """One run on a database of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emails", type=int, default=20_000)
    with scratch() as (url, root):
        measure(url, root, parser.parse_args().emails)


if __name__ == "__main__":
    main()
