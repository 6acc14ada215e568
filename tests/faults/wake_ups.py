"""Wake-ups in quick succession beside those of the scheduler, so that a run need not wait for its quarter of a minute.

The process that sends them may lose its broker at any moment: it is then started again.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.common.site import Site

EVERY = 2.0
"""Seconds between two wake-ups of dispatch; the third of each four also plans."""
_ROOT = Path(__file__).parents[2]


class WakeUps:
    """`with WakeUps(site):` wakes the workers for as long as the block lasts."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._process: subprocess.Popen[str] | None = None

    def _run(self) -> None:
        number = 0
        while not self._ending.is_set():
            process = self._open()
            with suppress(OSError, ValueError):
                while not self._ending.wait(EVERY) and self._ask(process, number):
                    number += 1
            self._close(process)

    def _ask(self, process: subprocess.Popen[str], number: int) -> bool:
        assert process.stdin is not None
        assert process.stdout is not None
        for task in ("dispatch", "plan") if number % 4 == 2 else ("dispatch",):
            process.stdin.write(f"regulars.{task}\n")
            process.stdin.flush()
            if process.stdout.readline() != "ok\n":
                return False
        return True

    def _open(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "regulars.workers.wake"], env=self.site.environment, cwd=_ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        return self._process

    @staticmethod
    def _close(process: subprocess.Popen[str]) -> None:
        process.kill()
        with suppress(OSError):
            process.communicate()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        if self._process is not None:
            self._process.kill()  # it may wait for its broker
        self._thread.join(30)
