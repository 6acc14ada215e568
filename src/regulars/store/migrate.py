"""Bringing a database to the shape that this version of Regulars works on.

Everything happens in one transaction under a lock, so that processes which start together upgrade once
and a failed step leaves the database as it was. There is no way back down: restore a backup instead.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

from regulars.core.errors import EnvironmentFailed
from regulars.store import facts
from regulars.store.engine import read, write

_UPGRADING = 7_246_002
"""Key of the PostgreSQL advisory lock that lets one process upgrade at a time."""


def head() -> str:
    """The revision that this version of Regulars needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None, "the package holds at least one migration"
    return revision


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for a database without our tables."""
    with read(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, to: str = "head") -> str:
    """Brings the database up `to` a revision and gives it; does nothing when it is there already.

    Makes the folder of a SQLite file. Raises EnvironmentFailed for a database made by a later version.
    """
    if engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:"):
        Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    with write(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADING})
        before = MigrationContext.configure(connection).get_current_revision()
        config = _config()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, to)
        except CommandError as error:
            raise EnvironmentFailed(f"{_later(connection)}: {error}") from error
        if before not in (None, head()):
            facts.refresh(connection)  # a later version may derive more from the same purchases
    return head() if to == "head" else to


def require_current(engine: Engine) -> None:
    """Raises EnvironmentFailed unless the database is at the revision that this version needs."""
    found = current(engine)
    needed = head()
    if found == needed:
        return
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise EnvironmentFailed(f"the database is at {found}, which this version does not know: update Regulars")
    at = f"at {found}" if found else "empty"
    raise EnvironmentFailed(f"the database is {at}, this version needs {needed}: run `regulars db upgrade`")


def _later(connection: Connection) -> str:
    found = MigrationContext.configure(connection).get_current_revision()
    return f"the database is at {found}, which this version does not know: update Regulars"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
