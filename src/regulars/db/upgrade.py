"""Upgrading a database to the schema of this version of Regulars.

Everything happens in one transaction under a lock, so that processes which start together upgrade once
and a failed step leaves the database as it was. There is no downgrade: restore a backup instead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from regulars.core.errors import EnvironmentFailed
from regulars.core.paths import make_private
from regulars.db import touched
from regulars.db.engine import read, write
from regulars.db.locks import AdvisoryLock, lock

_MIGRATIONS = Path(__file__).parent / "migrations"


@cache
def _revisions() -> tuple[str, ...]:
    """Every revision in order; a migration's file name begins with its revision."""
    return tuple(sorted(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py")))


def head() -> str:
    """The revision that this version of Regulars needs."""
    return _revisions()[-1]


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for a database without our tables."""
    with read(engine) as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def migrate(engine: Engine, to: str = "head", *, after: Callable[[Connection], object] | None = None) -> str:
    """Upgrades the database `to` a revision and returns it; does nothing when it is already there.

    `after` runs in the same transaction, for a database with tables of an earlier version. Creates the folder of a
    SQLite file with mode 0700. Raises EnvironmentFailed for a database made by a later version.
    """
    if engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:"):
        make_private(Path(str(engine.url.database)).parent)
    with write(engine) as connection:
        lock(connection, AdvisoryLock.UPGRADE)
        before = _current(connection)
        if before != (head() if to == "head" else to):
            _run(connection, to)
        if to == "head" and not touched.installed(connection):  # also where somebody has removed one
            touched.install(connection)
        if after is not None and before not in (None, head()):
            after(connection)
    return head() if to == "head" else to


def newer(engine: Engine) -> str | None:
    """The revision of a database that a later release has upgraded; None if this one knows it, or none is there."""
    found = current(engine)
    return found if found is not None and found not in _revisions() else None


def require_current(engine: Engine) -> None:
    """Raises EnvironmentFailed unless the database is at the revision that this version needs."""
    found = current(engine)
    needed = head()
    if found == needed:
        return
    if found is not None and found not in _revisions():
        raise EnvironmentFailed(f"the database is at {found}, which this version does not know: update Regulars")
    at = f"at {found}" if found else "empty"
    raise EnvironmentFailed(f"the database is {at}, this version needs {needed}: run `regulars db upgrade`")


def _run(connection: Connection, to: str) -> None:
    # Imported here: only an upgrade needs it, and importing it takes a tenth as long as everything else.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except CommandError as error:
        found = _current(connection)
        raise EnvironmentFailed(
            f"the database is at {found}, which this version does not know: update Regulars: {error}"
        ) from error
