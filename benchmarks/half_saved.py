"""A rule file that is saved by halves in the middle of a run, on PostgreSQL with two real workers.

The server answers each message after 50 ms. A third of the way the rule file is cut in the middle, and two thirds of
the way it is whole again. Checks that mail goes on meanwhile, that each client gets exactly one email, and that the log
of the workers and `report` name the file; prints what it saw.

    python -m benchmarks.half_saved [--emails N]
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from pathlib import Path

from aiosmtpd.controller import Controller

from benchmarks.dispatch import COMPANY, fill, scratch
from benchmarks.pause import CHUNK, SESSIONS, Sink, regulars, until, workers
from tests.common.people import SECRET
from tests.common.servers import free_port


def measure(url: str, root: Path, emails: int) -> None:
    """One run."""
    company = COMPANY.replace("late: 30 days", "late: 4000 days")  # the workers go by the real clock
    (root / "campaigns" / "company.yaml").write_text(company, encoding="utf-8")
    fill(url, root, emails)
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    log = root / "workers.log"
    environment = {
        **os.environ, "REGULARS_WORKSPACE": str(root), "REGULARS_DATABASE_URL": url, "REGULARS_CHUNK": str(CHUNK),
        "REGULARS_ADDRESS_SECRET": SECRET.decode(),
        "REGULARS_SMTP_URL": f"smtp://127.0.0.1:{controller.port}?connections={SESSIONS}&per_connection=100000",
    }  # fmt: skip
    try:
        with log.open("wb") as written, workers(environment, written):
            until(sink, 1, 120)
            begun = time.monotonic()
            until(sink, emails // 3, 600)
            file = next(path for path in (root / "campaigns").glob("*.yaml") if "campaigns:" in path.read_text("utf-8"))
            whole = file.read_text("utf-8")
            file.write_text(whole[: len(whole) // 2] + "\n  : [", encoding="utf-8")
            cut, before = time.monotonic(), len(sink.accepted)
            until(sink, 2 * emails // 3, 600)
            seconds = time.monotonic() - cut
            rate = (before / (cut - begun), (len(sink.accepted) - before) / seconds)
            print(f"{rate[0]:,.0f} emails/s before, {rate[1]:,.0f} during {seconds:.0f} s with half a file")
            warned = [line for line in regulars(environment, "report").splitlines() if "warning" in line.lower()]
            file.write_text(whole, encoding="utf-8")
            until(sink, emails, 600)
            time.sleep(2)
    finally:
        controller.stop()
    each = Counter(recipient for _, recipient in sink.accepted)
    print(f"{len(each):,} of {emails:,} clients, {sum(n > 1 for n in each.values())} of them twice")
    named = [line for line in log.read_text("utf-8", "replace").splitlines() if file.name in line]
    print(f"log: {named[0][:200] if named else 'nothing'}")
    print(f"report: {warned[0][:200] if warned else 'nothing'}")
    assert len(each) == len(sink.accepted) == emails
    assert named
    assert warned


def main() -> None:
    """Runs it on a database of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emails", type=int, default=20_000)
    arguments = parser.parse_args()
    with scratch() as (url, root):
        measure(url, root, arguments.emails)


if __name__ == "__main__":
    main()
