"""`kill -9` of Celery workers at random moments of a run, and what it cost: lost, sent twice, uncertain.

Twice: on SQLite with the embedded broker and one worker, on PostgreSQL and Redis with two. The verdict comes from
outside, by the Message-IDs that an SMTP server in its own process accepted.

    python -m benchmarks.kill [--emails N] [--kills N] [--seed N] [--only sqlite|postgresql]
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.common import servers
from tests.common.killing import LEASE, prepare, run_and_kill
from tests.common.recorder import Recorder
from tests.common.site import Site
from tests.common.verdict import verdict

CHUNK = 100
"""Emails in flight in one worker: the default of REGULARS_CHUNK."""
PAUSE = 0.002
"""Seconds the mail server takes for a message, so that a run lasts long enough to be killed so often."""


@contextmanager
def site(kind: str, root: Path, smtp_url: str) -> Iterator[Site]:
    """A workspace on SQLite and the embedded broker, or on PostgreSQL and Redis."""
    settings = {"REGULARS_LEASE_SECONDS": LEASE, "REGULARS_CHUNK": str(CHUNK)}
    if kind == "sqlite":
        var = root / "var"
        yield Site(root, f"sqlite:///{var}/regulars.sqlite", f"sqla+sqlite:///{var}/broker.sqlite", smtp_url, settings)
        return
    with (
        servers.postgres() as server,
        servers.scratch_database(server, "regulars_kill") as database,
        servers.redis_server(root / "redis") as broker,
    ):
        yield Site(root, database, broker, smtp_url, settings)


def run(kind: str, emails: int, kills: int, seed: int) -> bool:
    """One run and its line of the table; whether it was sound."""
    workers = 1 if kind == "sqlite" else 2
    with tempfile.TemporaryDirectory(prefix="regulars-kill-") as folder:
        root = Path(folder)
        with Recorder(root / "accepted", PAUSE) as recorder, site(kind, root, recorder.url) as where:
            prepare(where, emails)
            killed = run_and_kill(
                where, recorder, workers=workers, kills=kills, span=0.6 / workers, dice=random.Random(seed)
            )
            found = verdict(where, recorder)
            where.engine.dispose()
    in_flight = killed.victims * CHUNK
    print(
        f"{kind:<12} {workers:7} {killed.kills:5} {killed.victims:7} {found.promised:8} {found.sent:6}"
        f" {found.accepted:8} {found.uncertain:9} {in_flight:9} {found.doubled:7} {found.lost:4} {killed.seconds:7.0f}",
        flush=True,
    )
    print(f"   killed when so many had been accepted: {', '.join(map(str, killed.moments))}")
    print(f"   of the uncertain, {found.arrived} had arrived; unfinished {found.unfinished}, strange {found.strange}")
    return found.sound and found.uncertain <= in_flight


def main() -> None:
    """Runs both and prints the table; exit code 1 when anything was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill", description="Workers killed at random moments.")
    parser.add_argument("--emails", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    options = parser.parse_args()
    print("database     workers kills victims promised   sent accepted uncertain in-flight doubled lost seconds")
    kinds = [options.only] if options.only else ["sqlite", "postgresql"]
    sound = [run(kind, options.emails, options.kills, options.seed) for kind in kinds]
    raise SystemExit(0 if all(sound) else 1)


if __name__ == "__main__":
    main()
