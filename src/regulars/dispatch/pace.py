"""How many emails a batch and a chunk of a lane have, by how quickly its server takes them.

A batch is what is sent in about a second: small ones delay urgent email less, large ones cost less. A chunk is at most
that, too, because a pause holds before the next chunk; a quarter of the usual chunk still uses several connections.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from regulars.ledger.worker_activity import Tally

FIRST_BATCH = 500
QUICK_BATCH, SLOW_BATCH = timedelta(seconds=0.5), timedelta(seconds=2)
"""A faster batch doubles the next one, a slower one halves it."""
QUICK_CHUNK, SLOW_CHUNK = timedelta(seconds=0.4), timedelta(seconds=1)
SMALLEST_CHUNK = 4
"""The part of a usual chunk that a slow server gets at least."""


@dataclass
class Pace:
    """The sizes by lane; `most_batch` and `most_chunk` are the options of dispatch.

    `delivered` has by lane the emails handed over, and how long the servers took for them.
    """

    most_batch: int
    most_chunk: int
    delivered: dict[str, Tally] = field(default_factory=dict)
    _batches: dict[str, int] = field(default_factory=dict)
    _chunks: dict[str, int] = field(default_factory=dict)

    def batch(self, lane: str) -> int:
        """How many emails are claimed together."""
        return min(self._batches.get(lane, FIRST_BATCH), self.most_batch)

    def batch_took(self, lane: str, sent: int, took: timedelta) -> None:
        """Learns from a batch that is done."""
        limit = self.batch(lane)
        if took > SLOW_BATCH:
            limit = max(limit // 2, self.most_chunk)
        elif took < QUICK_BATCH and sent == limit:
            limit *= 2
        self._batches[lane] = limit

    def chunk(self, lane: str) -> int:
        """How many emails are handed to the server together."""
        return self._chunks.get(lane, self.most_chunk)

    def chunk_took(self, lane: str, sent: int, took: timedelta) -> None:
        """Learns from a chunk that is done."""
        self.delivered[lane] = self.delivered.get(lane, Tally()) + Tally(sent, took.total_seconds())
        limit = self.chunk(lane)
        if took > SLOW_CHUNK:
            self._chunks[lane] = max(limit // 2, self.most_chunk // SMALLEST_CHUNK, 1)
        elif took < QUICK_CHUNK and sent == limit < self.most_chunk:
            self._chunks[lane] = min(limit * 2, self.most_chunk)
