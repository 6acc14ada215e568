"""Makes and drops the indexes of incremental plans in a thread of its own, so that no other work waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from sqlalchemy import Engine

from regulars.core.errors import EnvironmentFailed
from regulars.planner.turn_indexes import keep_up

_LOG = logging.getLogger(__name__)


class IndexUpkeep:
    """One process's upkeep: what the rules in force need is made once, however many processes there are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread: threading.Thread | None = None

    def want(self, needed: Mapping[str, str]) -> None:
        """From now on these are needed, by name; returns at once."""
        if self._engine.dialect.name == "postgresql" and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._run, args=(needed,), name="indexes", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Waits for what is being made."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, needed: Mapping[str, str]) -> None:
        try:
            done = keep_up(self._engine, needed)
        except EnvironmentFailed as error:
            _LOG.warning("plans are slower than they could be, for an index was not made: %s", error)
            return
        if done:
            _LOG.info("indexes for plans: %s", "; ".join(done))
