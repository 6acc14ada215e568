"""Makes and drops the indexes of incremental plans in a thread of its own, so that no other work waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from regulars.db import engine as db
from regulars.planner import turn_indexes

_LOG = logging.getLogger(__name__)


class IndexUpkeep:
    """One process's upkeep: what the rules in force need is made once, however many processes there are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread: threading.Thread | None = None

    def want(self, needed: Mapping[str, str]) -> None:
        """From now on these are needed, by name; returns at once."""
        if self._thread is not None and self._thread.is_alive():
            return
        with db.read(self._engine) as connection:
            make, drop = turn_indexes.differences(connection, needed)
            statements = [*turn_indexes.swept(connection), *drop, *make]
        if statements:
            self._thread = threading.Thread(target=self._run, args=(statements,), name="indexes", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Waits for what is being made."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, statements: Sequence[str]) -> None:
        error = turn_indexes.carry_out(self._engine, statements)
        if error is None:
            _LOG.info("indexes for plans: %s", "; ".join(statements))
        else:
            _LOG.warning("plans are slower than they could be, for an index was not made: %s", error)
