"""Notices in a running process that a later release has upgraded the database, so that the process ends.

Its statements would fail from then on, each in its own way: a column is gone, a value unknown.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Engine

from regulars import __version__
from regulars.core.errors import EnvironmentFailed
from regulars.db import upgrade

_LOOK_EVERY = 5.0
"""Seconds between two looks."""
EXIT_CODE = 5
"""Of a worker that ends because of this; docs/commands.md has all."""


class SchemaWatch:
    """One process's view of the database's schema. `elapsed` returns monotonic seconds."""

    def __init__(self, engine: Engine, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._elapsed = engine, elapsed
        self._looked_at = float("-inf")
        self._found: str | None = None

    def outdated(self, *, at_once: bool = False) -> str | None:
        """A sentence once the database is newer than this release, looked up every few seconds; None before.

        With `at_once` it looks now: something has just failed.
        """
        now = self._elapsed()
        if self._found is None and (at_once or now - self._looked_at >= _LOOK_EVERY):
            self._looked_at = now
            try:
                revision = upgrade.newer(self._engine)
            except EnvironmentFailed:  # told elsewhere
                return None
            if revision is not None:
                self._found = (
                    f"the database was upgraded to {revision}, which this release ({__version__}) does not know: this"
                    " process ends after what it has in hand, and its supervisor starts the release that is installed"
                )
        return self._found
