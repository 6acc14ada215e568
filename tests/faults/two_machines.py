"""Two machines with a worker each, one of which is cut off from database, broker and mail server, and comes back.

Machines are network name spaces, joined by pairs of virtual interfaces to a third, in which the servers and this
program run. `played` raises Unavailable where that is not allowed.

    python -m tests.faults.two_machines FOLDER    # inside the name space; prints what it saw as JSON
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from regulars.db.engine import read
from regulars.db.states import State
from regulars.db.tables import claims, promises
from tests.common.recorder import Recorder
from tests.common.servers import Unavailable, wait_for
from tests.common.site import Site
from tests.common.supervised import Supervised
from tests.common.verdict import Verdict, verdict
from tests.faults.load import Load, bring_into_force, write_rules
from tests.faults.own_servers import Postgres, Redis
from tests.faults.process_tree import children
from tests.faults.wake_ups import WakeUps

EMAILS = 400
CHUNK = 10
MACHINES = ("one", "two")
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Seen:
    """What the run showed."""

    in_flight: int
    """Emails that the second machine was sending when it was cut off."""
    uncertain_while_cut: int
    strays: int
    """Uncertain emails that it was not sending."""
    sent_while_cut: int
    """Sent or uncertain of the first half, all of it due before the cut."""
    settled_late: int
    """Uncertain while it was cut off, and settled by itself when it was back."""
    verdict: dict[str, int]


class _Postgres(Postgres):
    def command(self) -> tuple[list[str], dict[str, Any]]:
        words, options = super().command()
        access = self.home / "data" / "pg_hba.conf"
        access.write_text(access.read_text() + "host all all 10.213.0.0/16 trust\n")
        return [*words, "-c", "listen_addresses=*"], options


class _Redis(Redis):
    def command(self) -> tuple[list[str], dict[str, Any]]:
        words, options = super().command()
        return [*words, "--bind", "0.0.0.0", "--protected-mode", "no"], options


# ---------------------------------------------------------------- outside


def played(folder: Path) -> Seen:
    """Makes the machines, and plays it inside them."""
    name = f"regulars-{os.getpid()}"
    with _machines(name) as hub:
        command = ["ip", "netns", "exec", hub, sys.executable, "-m", "tests.faults.two_machines", str(folder), name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return Seen(**orjson.loads(done.stdout))


@contextmanager
def _machines(name: str) -> Iterator[str]:
    with ExitStack() as stack:
        for one in (name, *(f"{name}-{machine}" for machine in MACHINES)):
            _ip("netns", "add", one)
            stack.callback(_ip, "netns", "del", one)
            _ip("-n", one, "link", "set", "lo", "up")
        for number, machine in enumerate(MACHINES, 1):
            inside = f"{name}-{machine}"
            _ip("-n", name, "link", "add", f"to-{machine}", "type", "veth", "peer", "name", "out", "netns", inside)
            _ip("-n", name, "addr", "add", f"10.213.{number}.1/24", "dev", f"to-{machine}")
            _ip("-n", inside, "addr", "add", f"10.213.{number}.2/24", "dev", "out")
            _ip("-n", name, "link", "set", f"to-{machine}", "up")
            _ip("-n", inside, "link", "set", "out", "up")
        yield name


def _ip(*words: str) -> None:
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f"two machines: {error} (Debian: iproute2)") from error
    if done.returncode:
        raise Unavailable(f"two machines: no network name spaces here: {done.stderr.strip()}")


# ---------------------------------------------------------------- inside


def play(folder: Path, name: str) -> Seen:
    """Cuts the second machine off in the middle of a run, and heals it; then it works alone."""
    with ExitStack() as stack:
        postgres = stack.enter_context(_Postgres(folder / "postgres"))
        postgres.create()
        redis = stack.enter_context(_Redis(folder / "redis"))
        recorder = stack.enter_context(Recorder(folder / "accepted", 0.01, "0.0.0.0"))
        settings = {"REGULARS_LEASE_SECONDS": "3", "REGULARS_CHUNK": str(CHUNK), "REGULARS_BATCH": "40"}
        site = Site(folder / "shop", postgres.url, redis.url, recorder.url, settings)
        write_rules(site.root)
        stack.callback(site.engine.dispose)
        bring_into_force(site)
        load = Load(site, EMAILS)
        load.open()
        first, second = (_worker(stack, site, name, number) for number in (1, 2))
        stack.enter_context(WakeUps(site))
        load.add(EMAILS // 2)
        sending = _cut_while_sending(site, second)
        wait_for(lambda: _over(site, EMAILS // 2), "the first machine has sent the rest", 90)
        while_cut = site.states()
        doubtful = _uncertain(site)
        first.__exit__()
        _ip("link", "set", "to-two", "up")
        load.add(EMAILS)
        wait_for(lambda: _over(site, EMAILS), "the second machine has come back by itself, and sent the rest", 120)
        wait_for(lambda: not _claimed(site), "nothing is in anybody's hand", 30)
        found = verdict(site, recorder)
        return Seen(
            in_flight=len(sending),
            uncertain_while_cut=len(doubtful),
            strays=len(doubtful - sending),
            sent_while_cut=while_cut.total(),
            settled_late=len(doubtful) - found.uncertain,
            verdict=asdict(found),
        )


def _worker(stack: ExitStack, site: Site, name: str, number: int) -> Supervised:
    """A worker on that machine, which knows the servers by the address of the link to it."""
    here = f"10.213.{number}.1"
    urls = (site.database_url, site.broker_url, site.smtp_url)
    database, broker, mail = (url.replace("127.0.0.1", here) for url in urls)
    seen = replace(site, database_url=database, broker_url=broker, smtp_url=f"{mail}/?timeout=60&tls=none")
    machine = MACHINES[number - 1]
    words = ["--workspace", str(site.root), "worker", "--hostname", f"{machine}@%h"]
    inside = ["ip", "netns", "exec", f"{name}-{machine}"]
    log = site.root / "var" / f"{machine}.log"
    return stack.enter_context(Supervised(words, seen.environment, log, inside=inside))


def _cut_while_sending(site: Site, second: Supervised) -> set[int]:
    """Cuts the second machine off while a chunk is on its way; the rows of that chunk."""

    def sending() -> set[int]:
        processes = {str(process) for process in children(second.pid, deep=True)} if second.pid else set()
        with read(site.engine) as connection:
            found = connection.execute(select(claims.c.worker, claims.c.sending)).all()
        return {row for one in found if one.worker.rpartition(":")[2] in processes for row in one.sending or ()}

    wait_for(lambda: bool(sending()), "the second machine sends", 60)
    _ip("link", "set", "to-two", "down")
    return sending()


def _claimed(site: Site) -> bool:
    with read(site.engine) as connection:
        return connection.scalar(select(claims.c.id).limit(1)) is not None


def _over(site: Site, due: int) -> bool:
    states = site.states()
    return states[State.SENT] + states[State.UNCERTAIN] == due


def _uncertain(site: Site) -> set[int]:
    with read(site.engine) as connection:
        return set(connection.scalars(select(promises.c.id).where(promises.c.state == State.UNCERTAIN)))


def sound(seen: Seen) -> bool:
    """Whether nothing was lost or doubled, and no doubt is without its cause."""
    return Verdict(**seen.verdict).sound and not seen.strays and seen.uncertain_while_cut <= CHUNK


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(asdict(play(Path(sys.argv[1]), sys.argv[2]))))
