"""The other programs of the benchmarks: a mail sink, a load generator, and what they cost."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def tool(name: str) -> str:
    """A program of Debian's package postfix, also where it is outside the path; SystemExit says what to install."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SystemExit(f"{name} is not installed; Debian has it in the package postfix")
    return found


@contextlib.contextmanager
def smtp_sink() -> Iterator[int]:
    """A running smtp-sink; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [tool("smtp-sink"), f"127.0.0.1:{port}", "1000"]
    if os.geteuid() == 0:
        command[1:1] = ["-u", "nobody"]
    process = subprocess.Popen(command)
    try:
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
        yield port
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def awake() -> Iterator[None]:
    """Keeps every core busy with what yields to everything else, so that none is halted while it waits (Linux).

    A virtual machine's host takes its time to wake a halted core. A load generator that waits for each reply then runs
    at a fifth of its speed in some minutes, and a ratio to it says nothing.
    """
    idler = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)); os.nice(19)\nwhile True: pass"
    idlers = []
    for core in sorted(os.sched_getaffinity(0)):
        process = subprocess.Popen([sys.executable, "-S", "-c", idler])
        os.sched_setaffinity(process.pid, {core})
        idlers.append(process)
    try:
        yield
    finally:
        for process in idlers:
            process.kill()
            process.wait()


def cpu_seconds() -> float:
    """CPU seconds the whole machine has spent on programs and kernel so far, what is `nice` left out (Linux)."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, _nice, system, _idle, _iowait, irq, softirq = (int(f) for f in fields[:7])
    return (user + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
