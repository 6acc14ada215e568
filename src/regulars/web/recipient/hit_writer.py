"""Writes hits on links into the database, separately from the pages: a GET runs in a read-only transaction.

One thread writes the queued hits in one transaction. A visitor never waits for it; a killed process loses its latest
hits.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import write
from regulars.responses.clicks import LinkHit, record_hits

_LOG = logging.getLogger(__name__)
_WAITING = 10_000
"""Maximum queued hits while the database is unreachable; more are dropped."""
_BATCH = 500


@dataclass
class HitWriter:
    """One per process; its thread starts with the first hit."""

    engine: Engine
    pauses: tuple[float, ...] = (0.2, 1.0, 5.0)
    """Seconds between attempts to write."""
    _queue: queue.Queue[LinkHit] = field(default_factory=lambda: queue.Queue(_WAITING), repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def enqueue(self, asked: LinkHit) -> None:
        """Enqueues a hit; drops it with a log message when the queue is full."""
        try:
            self._queue.put_nowait(asked)
        except queue.Full:
            _LOG.error("clicks are not counted: the database has been away for too long")
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="hit-writer", daemon=True)
                self._thread.start()
                atexit.register(self.flush)

    def flush(self, seconds: float = 5.0) -> bool:
        """Waits until all hits are written; False on timeout."""
        end = time.monotonic() + seconds
        with self._queue.all_tasks_done:
            while self._queue.unfinished_tasks:
                if not self._queue.all_tasks_done.wait(max(0.0, end - time.monotonic())):
                    return False
        return True

    def _work(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < _BATCH:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            try:
                self._write(batch)
            except Exception:  # noqa: BLE001 - whatever is wrong with a batch, the next one is written
                _LOG.exception("%d clicks could not be written down", len(batch))
            for _ in batch:
                self._queue.task_done()

    def _write(self, batch: list[LinkHit]) -> None:
        for pause in (*self.pauses, None):
            try:
                with write(self.engine) as connection:
                    record_hits(connection, batch)
            except EnvironmentFailed:
                if pause is None:
                    raise
                time.sleep(pause)
            else:
                return


@dataclass
class HeadRequests:
    """Emails with recent HEAD requests for their links. HEAD writes nothing: this process remembers it for a while."""

    lasting: timedelta = timedelta(minutes=10)
    most: int = 10_000
    _seen: OrderedDict[int, datetime] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, promise: int, at: datetime) -> None:
        """Records a HEAD request."""
        with self._lock:
            self._seen.pop(promise, None)
            self._seen[promise] = at
            if len(self._seen) > self.most:
                self._seen.popitem(last=False)

    def recent(self, promise: int, at: datetime) -> bool:
        """Whether there was one shortly before."""
        with self._lock:
            seen = self._seen.get(promise)
        return seen is not None and at - seen <= self.lasting
