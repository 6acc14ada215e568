"""A long run under random kills of everything, and the verdict from outside.

Emails become due as the run goes on, workers send them, and at random moments something is killed with `kill -9`:
worker processes, scheduler, web, database, broker; or the broker is flushed. What ends is started again by a
supervisor. At the end the mail server's list of Message-IDs is compared with the ledger.

Each kill has dice of its own, made of seed and number, and everything is kept in a folder: the same command again
goes on where it was interrupted.

    python -m tests.faults.soak [--set-up embedded|redis|rabbitmq] [--kills N] [--emails N] [--seed N] [--folder DIR]
        [--apart]
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from regulars.core.errors import EnvironmentFailed
from tests.common.recorder import Recorder
from tests.common.servers import Unavailable, free_port
from tests.common.site import Site
from tests.common.supervised import ShiftedClock, Supervised
from tests.faults.judge import Judgement, judge
from tests.faults.load import Load, bring_into_force, write_rules
from tests.faults.set_ups import SET_UPS, SetUp, set_up
from tests.faults.strikes import INTERRUPTED, Crew, Striker, Struck
from tests.faults.wake_ups import WakeUps

SIZES = {
    "embedded": {"workers": 1, "concurrency": 4},
    "redis": {"workers": 2, "concurrency": 2},
    "rabbitmq": {"workers": 2, "concurrency": 2},
}
"""The embedded broker is for one worker; a worker whose process was killed notices after ten seconds with that one."""
STALLED = 120.0
"""Seconds without mail after which the run counts a stall, and kills all workers so that it can go on."""


@dataclass(frozen=True)
class Options:
    """How long and how hard."""

    kills: int
    emails: int
    seed: int
    chunk: int = 10
    lease: int = 10
    workers: int = 2
    concurrency: int = 2
    pause: float = 0.01
    """Seconds that the mail server takes for a message."""
    restart: float = 1.0
    """Seconds until the supervisor starts again what has ended."""
    apart: bool = False
    """Whether a second scheduler and the last worker have other rules, and the worker a wrong clock."""

    @property
    def share(self) -> float:
        """Emails for each kill; a few are left, so that the last one strikes while mail still flows."""
        return self.emails * 0.95 / max(self.kills, 1)


class Soak:
    """One run in one folder."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder, self.options = folder, options
        self.journal = folder / "kills.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        lines = self.journal.read_bytes().splitlines() if self.journal.exists() else []
        self.struck = [Struck(**orjson.loads(line)) for line in lines]
        self.stalls = 0
        self._begun = time.monotonic()

    def run(self, place: SetUp, recorder: Recorder) -> Judgement:
        """Kills as often as is left to do, then waits until all is sent, and judges."""
        site = self._site(place, recorder)
        write_rules(site.root)
        site.prepare()
        bring_into_force(site)
        load = Load(site, self.options.emails)
        load.open()
        with ExitStack() as stack:
            stack.callback(site.engine.dispose)
            crew, port = self._crew(site, stack)
            stack.enter_context(WakeUps(site))
            striker = Striker(site, place, crew)
            flow = Flow(recorder, load, crew)
            try:
                while self.kills < self.options.kills:
                    self._next(striker, flow)
                self.stalls += flow.finish(site)
            except BaseException:
                self._record(striker.interrupt())
                raise
            logs = self.folder / "logs"
            return judge(site, recorder, self.struck, self.options, logs=logs, stalls=self.stalls, web_port=port)

    @property
    def kills(self) -> int:
        """How many there were; the end of an interrupted run is none of them."""
        return sum(one.kind != INTERRUPTED for one in self.struck)

    def _record(self, one: Struck) -> None:
        self.struck.append(one)
        with self.journal.open("ab") as file:
            file.write(orjson.dumps(asdict(one)) + b"\n")

    def _next(self, striker: Striker, flow: Flow) -> None:
        """The next kill: its number and the seed decide when, by how many emails have come, and which.

        So many more emails are due that mail still flows after it.
        """
        number, share = self.kills, self.options.share
        dice = random.Random(f"{self.options.seed}/{number}")
        ahead = int(share * (number + 1)) + max(int(20 * share), self.options.emails // 50)
        self.stalls += flow.until(striker.site, int(share * (number + dice.random())), ahead)
        time.sleep(dice.uniform(0, 0.1))
        with _undisturbed():  # a kill that is not in the journal explains nothing
            self._record(striker.strike(dice))
        if (number + 1) % max(self.options.kills // 20, 1) == 0:
            seconds = time.monotonic() - self._begun
            what = f"{number + 1} kills, {flow.recorder.count()} accepted, {seconds:.0f} s"
            print(f"{striker.place.kind}: {what}", flush=True)

    def _site(self, place: SetUp, recorder: Recorder) -> Site:
        options = self.options
        environment = {"REGULARS_LEASE_SECONDS": str(options.lease), "REGULARS_CHUNK": str(options.chunk)}
        environment |= {"REGULARS_BATCH": str(options.chunk * 6), "REGULARS_LOG": "json"}
        return Site(self.folder / "shop", place.database_url, place.broker_url, recorder.url, environment)

    def _crew(self, site: Site, stack: ExitStack) -> tuple[Crew, int]:
        logs, port, options = self.folder / "logs", free_port(), self.options
        logs.mkdir(exist_ok=True)

        def supervised(where: Site, name: str, *words: str, **more: str) -> Supervised:
            environment = {**where.environment, **more}
            command = ["--workspace", str(where.root), *words]
            return stack.enter_context(Supervised(command, environment, logs / f"{name}.log", options.restart))

        quick = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-c", str(options.concurrency)]
        places, clock = [site] * options.workers, None
        if options.apart:
            places[-1], clock = self._other_version(site), ShiftedClock(self.folder / "shift")
            supervised(places[-1], "beat-2", "beat")
        workers = [
            supervised(
                where, f"worker-{number}", "worker", "--hostname", f"worker-{number}@%h", *quick,
                **(clock.environment if clock and where is not site else {}),
            )
            for number, where in enumerate(places)
        ]  # fmt: skip
        web = supervised(site, "web", "web", "--port", str(port))
        return Crew(workers, supervised(site, "beat", "beat"), web, options.chunk, clock), port

    def _other_version(self, site: Site) -> Site:
        """The same campaign in a folder of its own, as on a machine that was not brought up to date."""
        other = replace(site, root=self.folder / "other-shop")
        write_rules(other.root, words="an older email")
        return other


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that would end the run come after the block."""
    waiting = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, waiting)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, waiting)


class Flow:
    """Mail on its way: waits for more of it, adds what is due next, and helps where nothing moves any more."""

    def __init__(self, recorder: Recorder, load: Load, crew: Crew) -> None:
        self.recorder, self.load, self.crew = recorder, load, crew
        self._moved = time.monotonic()
        self._seen = -1

    def until(self, site: Site, target: int, ahead: int) -> int:
        """Returns when so many emails have come, or no more are due; how often it had to help."""
        helped = 0
        while self.recorder.count() < target and not self._nothing_left(site):
            self.load.add(ahead)
            helped += self._helped()
            time.sleep(0.02)
        return helped

    def finish(self, site: Site) -> int:
        """Returns when everything that may go has gone; how often it had to help."""
        helped = 0
        while not self._done(site):
            self.load.add(self.load.emails)
            helped += self._helped()
            time.sleep(0.5)
        return helped

    def _nothing_left(self, site: Site) -> bool:
        """Asks only when no mail has come for a second: what is uncertain may never come."""
        return self.load.added == self.load.emails and time.monotonic() - self._moved > 1 and self._done(site)

    def _done(self, site: Site) -> bool:
        with suppress(EnvironmentFailed):
            states = site.states()
            return states.total() >= self.load.emails and not states["planned"] and not states["held"]
        return False

    def _helped(self) -> int:
        """1 when no mail has come for so long that only a new start of the workers can help."""
        count = self.recorder.count()
        if count != self._seen:
            self._seen, self._moved = count, time.monotonic()
        if time.monotonic() - self._moved < STALLED:
            return 0
        self._moved = time.monotonic()
        for worker in self.crew.workers:
            worker.restart()
        return 1


def main() -> None:
    """Runs it on one set-up or on all; exit code 1 when anything was lost, doubled or not named."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description="Random kills of everything.")
    parser.add_argument("--set-up", choices=SET_UPS, action="append", help="All three by default.")
    parser.add_argument("--kills", type=int, default=1000, help="On each set-up.")
    parser.add_argument("--emails", type=int, default=100_000, help="On each set-up.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--apart", action="store_true", help="Two schedulers, two versions of the rules, clocks off.")
    parser.add_argument("--folder", type=Path, help="Where everything is kept, to go on after an interruption.")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left
    sound = True
    with tempfile.TemporaryDirectory(prefix="regulars-soak-", ignore_cleanup_errors=True) as scratch:
        root = Path(scratch)
        root.chmod(0o755)  # PostgreSQL runs as another user when we are root
        for kind in given.set_up or SET_UPS:
            folder = (given.folder or root) / f"{kind}-{given.seed}"
            options = Options(given.kills, given.emails, given.seed, apart=given.apart, **SIZES[kind])
            try:
                with (
                    set_up(kind, folder / "servers") as place,
                    Recorder(folder / "accepted", options.pause) as recorder,
                ):
                    found = Soak(folder, options).run(place, recorder)
            except Unavailable as reason:
                print(f"{kind}: left out: {reason}", flush=True)
                continue
            print(found.text(kind), flush=True)
            sound = sound and found.sound
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
