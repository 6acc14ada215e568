"""The machine of this worker process, opened at the first task and after a fork."""

from __future__ import annotations

import os
from pathlib import Path

from regulars.core import clock, settings
from regulars.db import upgrade
from regulars.db.engine import open_engine
from regulars.operation.machine import Machine, tune_garbage_collector

_machine: Machine | None = None


def current() -> Machine:
    """This process's machine; raises EnvironmentFailed when the database is not ready."""
    global _machine  # one process, one machine: Celery gives tasks no other place
    if _machine is None:
        here = settings.load(Path(os.environ.get("REGULARS_WORKSPACE", ".")))
        engine = open_engine(here.database_url)
        upgrade.require_current(engine)
        _machine = Machine(here, engine, clock.system)
        tune_garbage_collector()
    return _machine


def close() -> None:
    """Closes what this process has open."""
    global _machine
    if _machine is not None:
        _machine.close()
        _machine = None
