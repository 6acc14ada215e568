"""Warnings about mail servers that take nothing: at most one a minute for each server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from regulars.delivery.transport import Outage

_LOG = logging.getLogger(__name__)
_EVERY = 60.0
"""Seconds between two warnings about the same server."""


class OutageLog:
    """Writes the outages of one process to the log. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._warned: dict[str, float] = {}

    def report(self, outages: Mapping[str, Outage]) -> None:
        """Warns of the outages by lane, but for servers that the log has named within a minute."""
        now = self._clock()
        for lane, outage in outages.items():
            if now - self._warned.get(outage.server, float("-inf")) >= _EVERY:
                self._warned[outage.server] = now
                _LOG.warning("lane %s: nothing is sent, for its mail server is away: %s", lane, outage)
