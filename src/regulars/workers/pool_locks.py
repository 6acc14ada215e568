"""Locks of the process pool that end with the process that holds them.

With a broker that Celery polls in a thread, as the embedded one, all pool processes read their tasks from one pipe
under one semaphore, held by the process that waits for the next task. When that one is killed, by hand or for memory, a
semaphore stays locked for ever: the worker starts another process, and neither it nor any other ever gets a task. A
record lock of the operating system is released with its process.
"""

from __future__ import annotations

import fcntl
import tempfile
from typing import Any

from billiard import get_start_method
from billiard.pool import Pool
from celery.concurrency.prefork import TaskPool


class RecordLock:
    """A lock between processes that were forked after it was made; not one between threads (fcntl(2), F_SETLKW)."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the pool

    def acquire(self) -> None:
        """Waits until no other process holds it."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)

    def release(self) -> None:
        """Gives it to one that waits."""
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class SharedPipePool(Pool):
    """Billiard's pool, with such locks where its processes share a pipe."""

    _inqueue: Any
    _outqueue: Any

    def _setup_queues(self) -> None:
        super()._setup_queues()  # type: ignore[misc]  # not in its stubs
        if get_start_method() == "fork":
            self._inqueue._rlock = RecordLock()  # noqa: SLF001 - of the pool's own pipes
            self._outqueue._wlock = RecordLock()  # noqa: SLF001 - likewise


def use() -> None:
    """From now on Celery makes pools of this kind where processes share a pipe."""
    TaskPool.BlockingPool = SharedPipePool
