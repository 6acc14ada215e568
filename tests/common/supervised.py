"""The processes of a workspace as a supervisor runs them: each is started again when it ends, and writes a log.

The clock of a process can be shifted while it runs: a module that Python reads at its start makes it ask a file.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

_CLI = Path(__file__).parents[2] / "cli.py"
_SHIFTING = '''\
"""Read by Python when it starts: the clock of Regulars in this process is off by the seconds in a file."""

import os
from datetime import timedelta
from pathlib import Path

from regulars.core import clock

_right = clock.system


def _shifted():
    try:
        seconds = float(Path(os.environ["REGULARS_TEST_CLOCK"]).read_text())
    except (OSError, ValueError):
        seconds = 0.0
    return _right() + timedelta(seconds=seconds)


clock.system = _shifted
'''
_PATIENCE = 10.0
"""Seconds that a process has to end when it is told to."""


class Supervised:
    """One process, started again whenever it ends, until the block does; `pause` seconds later.

    `inside` is a command that starts it in a place of its own, such as `ip netns exec NAME`.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, pause: float = 1.0,
        inside: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.log, self.pause = log, pause
        self._command = [*inside, sys.executable, str(_CLI), *arguments]
        self._environment = dict(environment)
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, daemon=True)

    def text(self, begin: int = 0) -> str:
        """What it has logged, from that byte on."""
        with suppress(FileNotFoundError), self.log.open("rb") as file:
            file.seek(begin)
            return file.read().decode("utf-8", "replace")
        return ""

    def restart(self) -> None:
        """Ends it as a deployment does; the supervisor starts it again."""
        if self._process is not None:
            self._process.terminate()

    @property
    def pid(self) -> int | None:
        """Its process now; None before the first start and between two."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def _keep_running(self) -> None:
        while not self._ending.is_set():
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
                )
            self._process.wait()
            self._ending.wait(self.pause)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        end, told = time.monotonic() + _PATIENCE, set[int]()
        while self._thread.is_alive():
            process = self._process
            if process is not None and process.poll() is None:
                if time.monotonic() > end:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)  # its pool processes are of its group
                elif process.pid not in told:  # once: a second signal would end it at once, and leave its pool
                    told.add(process.pid)
                    process.terminate()
            self._thread.join(0.1)


class ShiftedClock:
    """A clock that is off in the processes that get this environment, by as much as was said last."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sitecustomize.py").write_text(_SHIFTING, encoding="utf-8")
        self._file = folder / "seconds"
        path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
        self.environment = {"PYTHONPATH": path, "REGULARS_TEST_CLOCK": str(self._file)}
        self.shift(0)

    def shift(self, seconds: float) -> None:
        """From now on the clocks are so far ahead."""
        part = self._file.with_suffix(".part")
        part.write_text(str(seconds), encoding="utf-8")
        part.replace(self._file)


def readiness(port: int) -> tuple[int, str]:
    """The answer of `/readyz`; (0, "") while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def command_output(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a command of `regulars` prints, errors and all."""
    done = subprocess.run(
        [sys.executable, str(_CLI), *arguments], env=dict(environment), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    return done.stdout + done.stderr
