"""A machine that is cut off in the middle of a plan: another one's mail goes on, and it plans within the minute.

The machine is a network namespace with a cable of its own, which is pulled.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regulars.core import clock, settings
from regulars.db.locks import Busy
from regulars.operation.runtime import Runtime
from regulars.operation.surroundings import long_plan
from tests.common import servers
from tests.common.killing import NOW, RULES, prepare
from tests.common.recorder import Recorder
from tests.common.servers import Unavailable, wait_for
from tests.common.site import Site
from tests.common.workspace import write_workspace
from tests.faults.conftest import left_to_soak

pytestmark = [pytest.mark.slow, pytest.mark.processes, left_to_soak]

HERE, THERE = "10.213.77.1", "10.213.77.2"
PLANNER = """
import sys
from datetime import datetime
from pathlib import Path
from regulars.db.engine import open_engine, write
from regulars.planner.plan import plan
from regulars.workspace.folder import open_workspace
with write(open_engine(sys.argv[1])) as connection:
    made = plan(connection, open_workspace(Path(sys.argv[2])), datetime.fromisoformat(sys.argv[3]))
    print("planned", made.promised, flush=True)
    sys.stdin.read()
"""


@contextmanager
def machine() -> Iterator[tuple[str, str]]:
    """The name of a namespace, and of this machine's end of the cable to it; raises Unavailable."""
    name, cable = f"regulars-{os.getpid()}", f"rg{os.getpid() % 10**9}"
    orders = [
        f"netns add {name}",
        f"link add {cable} type veth peer name eth0 netns {name}",
        f"addr add {HERE}/24 dev {cable}",
        f"link set {cable} up",
        f"-n {name} addr add {THERE}/24 dev eth0",
        f"-n {name} link set eth0 up",
    ]
    try:
        for order in orders:
            try:
                done = subprocess.run(["ip", *order.split()], capture_output=True, text=True, check=False)
            except FileNotFoundError as error:
                raise Unavailable(f"network namespaces: {error}") from error
            if done.returncode:
                raise Unavailable(f"network namespaces: not allowed here: ip {order}: {done.stderr.strip()}")
        yield name, cable
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", cable], capture_output=True, check=False)


def test_a_machine_cut_off_while_it_plans_stops_nobody(tmp_path: Path) -> None:
    try:
        with machine() as (name, cable), servers.postgres_at(HERE) as server:
            _play(server, name, cable, tmp_path)
    except Unavailable as reason:
        pytest.skip(str(reason))


def _play(server: str, name: str, cable: str, root: Path) -> None:
    with servers.scratch_database(server) as database, Recorder(root / "accepted") as recorder:
        site = Site(root / "site", database, "memory://", recorder.url)
        prepare(site, 40)
        runtime = Runtime(settings.load(site.root, site.environment), site.engine, clock.system)
        runtime.plan(clock.frozen(NOW))
        write_workspace(site.root, {**RULES, "more": {"at": "2026-06-10 11:00", "email": "news", "backfill": "all"}})
        runtime.probe_writes()  # from now on it is a worker
        arguments = [sys.executable, "-c", PLANNER, database, str(site.root), NOW.isoformat()]
        planner = subprocess.Popen(
            ["ip", "netns", "exec", name, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert planner.stdout is not None
            assert planner.stdout.readline() == "planned 40\n"
            subprocess.run(["ip", "link", "set", cable, "down"], check=True)  # before its plan is committed
            begun = time.monotonic()
            with pytest.raises(Busy, match=f"another process has been planning for [0-9]+ s, from {THERE}"):
                runtime.plan(clock.frozen(NOW))
            assert time.monotonic() - begun < 15
            assert runtime.dispatch(clock.frozen(NOW)).sent == 40  # what was planned before goes
            assert long_plan(site.engine) == []  # not yet long

            def planned() -> bool:
                try:
                    return runtime.plan(clock.frozen(NOW)).promised == 40
                except Busy:
                    return False

            wait_for(planned, "the other machine is given up, and this one plans", 60)
            assert runtime.dispatch(clock.frozen(NOW)).sent == 40
            assert len({number for number, _ in recorder.accepted()}) == recorder.count() == 80
        finally:
            planner.kill()
            planner.communicate()
            runtime.close()
            site.engine.dispose()
