"""Remembers every key of a file on disk, so that a file of any length is read in constant memory."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import Self


class Seen:
    """Keys seen so far, in a private temporary database."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # "": a temporary file, cached in memory first
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("PRAGMA cache_size=-8192")
        self._database.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, line INTEGER, times INTEGER) STRICT")
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def first(self, key: str, line: int) -> int:
        """The line on which the key was first seen: `line` itself if it is new."""
        return int(self._meet(key, line)[0])

    def times(self, key: str) -> int:
        """How many times the key has been seen, including this one."""
        return int(self._meet(key, 0)[1])

    def _meet(self, key: str, line: int) -> tuple[int, int]:
        number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), signed=True)
        found: tuple[int, int] = self._database.execute(
            "INSERT INTO seen VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING line, times",
            (number, line),
        ).fetchone()
        return found
