"""Foreseeable trouble that another library reports, in words for the person: no traceback for a full disk."""

from __future__ import annotations

import errno
import sys

from regulars.core.errors import EnvironmentFailed, RegularsError


def foreseen(error: Exception) -> RegularsError | None:
    """The error as one of ours; None for a fault of the program, which is worth its traceback."""
    if isinstance(error, RegularsError):
        return error
    if isinstance(error, OSError) and error.errno != errno.EPIPE:  # a closed pipe is click's to handle
        where = f"{error.filename}: " if error.filename else ""
        return EnvironmentFailed(f"{where}{error.strerror or error}")
    if isinstance(error, UnicodeDecodeError):
        return RegularsError(f"not UTF-8: {error.reason} at byte {error.start}")
    database = sys.modules.get("sqlalchemy.exc")  # not imported, so not the cause
    if database is not None and isinstance(error, database.DBAPIError):
        return EnvironmentFailed(f"the database failed: {error.orig}")
    return None
