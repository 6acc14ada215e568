"""Advisory locks of PostgreSQL: every number that Regulars uses, and functions to take one.

A lock is held until the transaction ends. SQLite has one writer at a time and needs none: there a call does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, unique

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from regulars.core.errors import EnvironmentFailed

_LOCK_NOT_AVAILABLE = "55P03"
_HOLDER = text(
    "SELECT extract(epoch FROM clock_timestamp() - xact_start), host(client_addr) FROM pg_locks JOIN pg_stat_activity"
    " USING (pid) WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = :lock"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@unique
class AdvisoryLock(IntEnum):
    """Operations that only one transaction at a time may do. A repeated number fails the import of this module."""

    PLAN = 7_246_001
    UPGRADE = 7_246_002
    IMPORT = 7_246_003
    COUPONS = 7_246_004  # of one campaign: counting and assigning them
    SIGN_UP = 7_246_005  # of one address
    HITS = 7_246_006  # of one promise: grading its clicks
    VERSIONS = 7_246_007  # of the workspace: storing one and deleting old ones
    TURN_INDEXES = 7_246_008  # of a session: making and dropping indexes
    DOMAIN_LIMITS = 7_246_029  # claiming under limits by receiving domain


class Busy(EnvironmentFailed):
    """Another transaction holds the lock for longer than the caller wanted to wait."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The transaction that holds a lock: for how many seconds it has been going on, and from which machine."""

    seconds: float
    address: str


def lock(connection: Connection, what: AdvisoryLock, wait: float | None = None) -> None:
    """Waits until no other transaction holds the lock, and takes it.

    With `wait` it raises Busy after so many seconds; the transaction can only be rolled back then.
    """
    if connection.dialect.name != "postgresql":
        return
    if wait is not None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(wait * 1000)}")
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": int(what)})
    except OperationalError as error:
        if wait is None or getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        raise Busy(f"another transaction holds the lock {what.name} for more than {wait:g} s") from error
    if wait is not None:
        connection.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")


def holder(connection: Connection, what: AdvisoryLock) -> Holder | None:
    """Who holds the lock now; None if nobody does, and on SQLite."""
    if connection.dialect.name != "postgresql":
        return None
    found = connection.execute(_HOLDER, {"lock": int(what)}).first()
    return None if found is None else Holder(max(float(found[0] or 0), 0.0), found[1] or "this machine")


def lock_each(connection: Connection, what: AdvisoryLock, keys: Iterable[int]) -> None:
    """Takes the lock for each key, always in the same order, so that two who want the same keys cannot deadlock.

    Keys are taken modulo 2**31: two keys may share a lock, which costs a wait and no more.
    """
    if connection.dialect.name == "postgresql":
        for key in sorted({key % 2**31 for key in keys}):
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock, :key)"), {"lock": int(what), "key": key})


def lock_name(connection: Connection, what: AdvisoryLock, name: str) -> None:
    """Takes the lock for this name."""
    if connection.dialect.name == "postgresql":
        statement = text("SELECT pg_advisory_xact_lock(:lock, hashtext(:name))")
        connection.execute(statement, {"lock": int(what), "name": name})
