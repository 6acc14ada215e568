"""Advisory locks of PostgreSQL: every number that Regulars uses, and functions to take one.

A lock is held until the transaction ends. SQLite has one writer at a time and needs none: there a call does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, unique

from sqlalchemy import Connection, text


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
    DOMAIN_LIMITS = 7_246_029  # claiming under limits by receiving domain


def lock(connection: Connection, what: AdvisoryLock) -> None:
    """Waits until no other transaction holds the lock, and takes it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": int(what)})


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
