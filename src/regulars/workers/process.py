"""The runtime of this worker process, opened at the first task and after a fork."""

from __future__ import annotations

import os
import time
from pathlib import Path

from regulars.core import clock, settings
from regulars.db import upgrade
from regulars.db.engine import open_engine
from regulars.operation.database_upgrade import require_address_secret
from regulars.operation.runtime import Runtime, tune_garbage_collector
from regulars.operation.schema_watch import SchemaWatch
from regulars.operation.stored_version import require_sound_version

_runtime: Runtime | None = None
_planned_at = float("-inf")
"""When this process last finished a plan, by its monotonic clock."""
_ANSWERED = 5.0
"""Seconds after a plan during which wake-ups are ignored: they waited while that plan ran."""


_watch: SchemaWatch | None = None


def outdated(*, at_once: bool = False) -> str | None:
    """A sentence once a later release has upgraded the database; see `SchemaWatch`."""
    return None if _watch is None else _watch.outdated(at_once=at_once)


def require_database() -> None:
    """Raises EnvironmentFailed unless the database can be reached and fits this version and the secret of addresses.

    So it does where the version of the rules that a person applied is not valid for this release.
    """
    here = _settings()
    engine = open_engine(here.database_url)
    try:
        upgrade.require_current(engine)
        require_address_secret(engine, here.address_secret)
        require_sound_version(engine)
    finally:
        engine.dispose()


def current() -> Runtime:
    """This process's runtime; raises EnvironmentFailed when the database is not ready."""
    global _runtime, _watch  # one runtime per process: Celery offers tasks no other place
    if _runtime is None:
        here = _settings()
        engine = open_engine(here.database_url)
        _watch = SchemaWatch(engine)  # also of a process that is started too late to be of use
        upgrade.require_current(engine)
        require_address_secret(engine, here.address_secret)
        _runtime = Runtime(here, engine, clock.system)
        _runtime.probe_writes()
        tune_garbage_collector()
    return _runtime


def _settings() -> settings.Settings:
    return settings.load(Path(os.environ.get("REGULARS_WORKSPACE", ".")))


def note_plan() -> None:
    """Records that this process has just planned."""
    global _planned_at
    _planned_at = time.monotonic()


def has_just_planned() -> bool:
    """Whether this process has planned so recently that queued wake-ups are answered."""
    return time.monotonic() - _planned_at < _ANSWERED


def close() -> None:
    """Closes the resources of this process."""
    global _runtime, _watch
    if _runtime is not None:
        _runtime.close()
        _runtime = _watch = None
