"""Rate limits: a token bucket per source, in this process's memory.

Valid links are counted by link, not by address: a mail provider's servers post unsubscriptions for all of its
users from a few addresses. Invalid links are counted by address, so that guessing is slow. Of an IPv6 address the
first 64 bits count: one host has all addresses of such a network, and can use another one for each request.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv6Address

_SOURCES = 20_000
"""Maximum sources stored; the least recently used is dropped first."""


@dataclass
class Limiter:
    """Allows `burst` requests at once, then `rate` per second."""

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def allows(self, source: str) -> bool:
        """Takes one from the source's bucket; False when it is empty."""
        now = self.clock()
        with self._lock:
            tokens, filled = self._buckets.pop(source, (self.burst, now))
            tokens = min(self.burst, tokens + (now - filled) * self.rate)
            allowed = tokens >= 1
            self._buckets[source] = (tokens - 1 if allowed else tokens, now)
            if len(self._buckets) > _SOURCES:
                self._buckets.popitem(last=False)
        return allowed


def source_of(address: str) -> str:
    """The source of an address: itself, or its /64 network. Other text is returned unchanged."""
    try:
        found = IPv6Address(address)
    except AddressValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"
