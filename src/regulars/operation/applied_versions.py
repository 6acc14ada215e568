"""Which version of the files is in force, since when, and who applied it.

The mode belongs to the version: `policy: apply` of the version in force decides whether saved files come into force by
themselves (`automatic`), or whether every process obeys the version in the database until a person applies another
(`manual`). So `manual` counts once it was applied, and going back needs `regulars apply`, on whichever machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, RowMapping, delete, select, update

from regulars import __version__
from regulars.core.errors import NotFound, RegularsError
from regulars.db import engine as db
from regulars.db.locks import AdvisoryLock, lock
from regulars.db.tables import applied_versions, workspace_versions
from regulars.ledger import audit
from regulars.ledger.audit import Action
from regulars.operation import workspace_versions as versions
from regulars.operation.workspace_versions import Files
from regulars.workspace.folder import Workspace

MANUAL = "manual"
USED_FOR = timedelta(days=400)
"""How long a version is kept after an email was sent by it."""
How = Literal["saved", "apply", "rollback"]


@dataclass(frozen=True, slots=True)
class Applied:
    """A version that came into force; `number` names it for people. `how`: saved (by itself), apply, rollback."""

    number: int
    digest: str
    at: datetime
    mode: str
    how: str
    who: str | None = None
    message: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    release: str = __version__
    campaigns: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data; without what is unknown."""
        found = {**asdict(self), "at": self.at.isoformat(), "campaigns": list(self.campaigns)}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class By:
    """Who applies a version, why, and from which state of the repository."""

    who: str
    message: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    campaigns: Sequence[str] = ()
    shown: Mapping[str, int] = field(default_factory=dict)
    """How many clients were to gain an email or get another one until `shown_until`, by campaign, as they saw it."""
    shown_until: datetime | None = None


class Overtaken(RegularsError):
    """Somebody else has applied a version meanwhile."""

    def __init__(self, other: Applied | None) -> None:
        by = "another version" if other is None else f"version {other.number} of {other.who or 'the saved files'}"
        super().__init__(f"{by} came into force meanwhile, so nothing was applied: look at `regulars diff` again")


def in_force(connection: Connection) -> Applied | None:
    """The version that came into force last, or None."""
    row = connection.execute(_latest().limit(1)).mappings().one_or_none()
    return None if row is None else _applied(row)


def current(engine: Engine) -> Applied | None:
    """`in_force` in a transaction of its own."""
    with db.read(engine) as connection:
        return in_force(connection)


def history(connection: Connection, most: int | None = None) -> list[Applied]:
    """What came into force, the latest first."""
    return [_applied(row) for row in connection.execute(_latest().limit(most)).mappings()]


def find(connection: Connection, name: str) -> Applied:
    """A version by its number (`12`, `v12`) or the first characters of its digest, at least six; raises NotFound."""
    number = name.removeprefix("v")
    chosen = None
    if number.isdecimal() and len(number) < 10:
        chosen = applied_versions.c.id == int(number)
    elif len(name) >= 6 and all(letter in "0123456789abcdef" for letter in name):
        chosen = applied_versions.c.version.startswith(name, autoescape=True)
    row = None if chosen is None else connection.execute(_latest().where(chosen).limit(1)).mappings().first()
    if row is None:
        raise NotFound("version", name)
    return _applied(row)


def before(connection: Connection) -> Applied:
    """The last version that was in force before the present one, with other files; raises RegularsError."""
    found = history(connection)
    former = next((one for one in found if one.digest != found[0].digest), None)
    if former is None:
        raise RegularsError("no other version was in force before this one: there is nothing to go back to")
    return former


def at(connection: Connection, moment: datetime) -> list[Applied]:
    """The version in force at that instant, and the one before it: a run that had begun finished by the older.

    Before the first version that is kept, that one.
    """
    query = _latest().where(applied_versions.c.at <= moment).limit(2)
    found = [_applied(row) for row in connection.execute(query).mappings()]
    return found or history(connection)[-1:]


def adopt(engine: Engine, workspace: Workspace, now: datetime) -> Applied:
    """Puts the saved files into force; where they are in force, or `manual` is, nothing is written.

    Returns what is in force then. Raises TooLarge, OSError. The caller makes sure that no file has changed since they
    were checked.
    """
    files = versions.files_of(workspace)
    digest = versions.version_digest(files)
    before = current(engine)
    if before is not None and (before.digest == digest or before.mode == MANUAL):
        return before
    with db.write(engine) as connection:
        lock(connection, AdvisoryLock.VERSIONS)
        before = in_force(connection)
        if before is not None and before.mode == MANUAL:  # applied meanwhile on another machine
            return before
        return _enter(connection, files, workspace.rulebook.policy.apply, "saved", None, now)


def put_in_force(
    connection: Connection, files: Files, mode: str, how: Literal["apply", "rollback"], by: By, base: int | None,
    now: datetime,
) -> Applied:  # fmt: skip
    """Puts a version into force in a person's name, in the caller's transaction, with a line in the audit log.

    `base` is the number of the version with which it was compared: raises Overtaken if another is in force by now.
    """
    lock(connection, AdvisoryLock.VERSIONS)
    before = in_force(connection)
    if (None if before is None else before.number) != base:
        raise Overtaken(before)
    made = _enter(connection, files, mode, how, by, now)
    action = Action.APPLY if how == "apply" else Action.ROLLBACK
    audit.record(connection, action, by.who, f"version {made.number}", by.message, now)
    return made


def files_in(connection: Connection, applied: Applied) -> Files:
    """The files of a version that came into force once."""
    return versions.stored_files(connection, applied.digest)


def note_sent(engine: Engine, number: int, now: datetime) -> None:
    """Records that emails are sent by this version, so that it is kept."""
    with db.write(engine) as connection:
        connection.execute(update(applied_versions).where(applied_versions.c.id == number).values(sent_at=now))


def _enter(connection: Connection, files: Files, mode: str, how: How, by: By | None, now: datetime) -> Applied:
    digest = versions.store(connection, files, now)
    given = by or By("")
    row = {
        "version": digest, "at": now, "mode": mode, "how": how, "who": given.who or None, "message": given.message,
        "git_commit": given.commit, "dirty": given.dirty, "release": __version__,
        "campaigns": list(given.campaigns) or None, "shown": dict(given.shown) or None,
        "shown_until": given.shown_until,
    }  # fmt: skip
    number = connection.scalar(db.insert(connection, applied_versions).values(row).returning(applied_versions.c.id))
    assert number is not None
    _forget(connection, now)
    return Applied(
        number, digest, now, mode, how, given.who or None, given.message, given.commit, given.dirty,
        campaigns=tuple(given.campaigns),
    )  # fmt: skip


def _forget(connection: Connection, now: datetime) -> None:
    """Deletes old versions, except those that a person applied, and those by which emails were sent not long ago."""
    newest = select(applied_versions.c.id).order_by(applied_versions.c.id.desc()).limit(versions.RETAINED)
    unsent = applied_versions.c.sent_at.is_(None) | (applied_versions.c.sent_at < now - USED_FOR)
    gone = (applied_versions.c.how == "saved") & unsent & applied_versions.c.id.not_in(newest)
    connection.execute(delete(applied_versions).where(gone))
    versions.forget_unused(connection)


def _latest() -> Any:
    return select(applied_versions).join(workspace_versions).order_by(applied_versions.c.id.desc())


def _applied(row: RowMapping) -> Applied:
    return Applied(
        row["id"], row["version"], row["at"], row["mode"], row["how"], row["who"], row["message"], row["git_commit"],
        row["dirty"], row["release"], tuple(row["campaigns"] or ()),
    )  # fmt: skip
