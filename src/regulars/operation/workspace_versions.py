"""Valid versions of the workspace's files, stored in the database so that every process can use the last one.

A version is all files below `campaigns/` and `templates/`, byte for byte; content shared by versions is stored
once. Files of the package itself, such as starter emails, are not part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, select

from regulars.core.paths import inside
from regulars.db import engine as db
from regulars.db.locks import AdvisoryLock, lock
from regulars.db.tables import file_contents, workspace_files, workspace_versions
from regulars.workspace.fingerprint import READ_FROM

RETAINED = 50
"""Number of versions stored; older ones are deleted."""
MOST_BYTES = 50_000_000
"""Maximum total bytes of one version."""


@dataclass(frozen=True, slots=True)
class Version:
    """A valid version of the files, and when it last came into force."""

    digest: str
    at: datetime


class TooLarge(Exception):
    """The files exceed the maximum size of a version; `size` is in bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"{size} bytes")


def keep(engine: Engine, root: Path, now: datetime) -> Version:
    """Stores the files under `root` as the last valid version; writes nothing when they are unchanged.

    Raises TooLarge. The caller makes sure that no file has changed since they were checked.
    """
    contents = _read(root)
    digests = {path: _digest(content) for path, content in contents.items()}
    whole = _digest("".join(f"{path}\0{digests[path]}\n" for path in sorted(digests)).encode(errors="surrogateescape"))
    before = last(engine)
    if before is not None and before.digest == whole:
        return before
    by_digest = {digests[path]: content for path, content in contents.items()}
    with db.write(engine) as connection:
        lock(connection, AdvisoryLock.VERSIONS)
        statement = db.insert(connection, workspace_versions).values(digest=whole, at=now, files=len(contents))
        connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_={"at": now}))
        rows = [{"digest": digest, "content": content} for digest, content in by_digest.items()]
        connection.execute(db.insert(connection, file_contents).on_conflict_do_nothing(), rows)
        files = [{"version": whole, "path": path, "content": digest} for path, digest in digests.items()]
        connection.execute(db.insert(connection, workspace_files).on_conflict_do_nothing(), files)
        _forget(connection)
    return Version(whole, now)


def last(engine: Engine) -> Version | None:
    """The version that came into force last, or None."""
    query = select(workspace_versions).order_by(workspace_versions.c.at.desc(), workspace_versions.c.digest).limit(1)
    with db.read(engine) as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Version(row.digest, row.at)


def write_files(engine: Engine, version: Version, root: Path) -> None:
    """Writes the version's files below `root`, an empty folder."""
    joined = workspace_files.join(file_contents, file_contents.c.digest == workspace_files.c.content)
    query = select(workspace_files.c.path, file_contents.c.content).select_from(joined)
    with db.read(engine) as connection:
        for path, content in connection.execute(query.where(workspace_files.c.version == version.digest)):
            file = root / path
            if not inside(file, root):  # only this module writes the table; links that lead out are still not followed
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def _read(root: Path) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    size = 0
    for path in _files(root):
        size += path.stat().st_size
        if size <= MOST_BYTES:
            found[path.relative_to(root).as_posix()] = path.read_bytes()
    if size > MOST_BYTES:
        raise TooLarge(size)
    return found


def _files(root: Path) -> Iterator[Path]:
    for folder in READ_FROM:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and inside(path, root):
                yield path


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _forget(connection: Connection) -> None:
    """Deletes versions beyond the limit, and contents that no version uses any more."""
    newest = select(workspace_versions.c.digest).order_by(workspace_versions.c.at.desc()).limit(RETAINED)
    connection.execute(delete(workspace_versions).where(workspace_versions.c.digest.not_in(newest)))
    used = select(workspace_files.c.content)
    connection.execute(delete(file_contents).where(file_contents.c.digest.not_in(used)))
