"""Bringing a database to this version: its tables first, then what is derived from them."""

from __future__ import annotations

from sqlalchemy import Engine

from regulars.db.upgrade import migrate
from regulars.profile import facts


def upgrade_database(engine: Engine, to: str = "head") -> str:
    """Migrates the database and derives every client's facts anew, for a later version may derive more.

    Returns the revision. Raises EnvironmentFailed for a database made by a later version.
    """
    return migrate(engine, to, after=facts.refresh)
