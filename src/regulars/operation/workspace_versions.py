"""Versions of the workspace's files, stored in the database so that every process can use them.

A version is everything that emails are made from, byte for byte: all files below `campaigns/` and `templates/`, and the
starter emails that its campaigns fall back to, as `starter/templates/emails/…`. Content shared by versions is stored
once. `applied_versions` says which of them is in force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Connection, delete, select

from regulars.core.errors import RegularsError
from regulars.core.paths import inside
from regulars.db import engine as db
from regulars.db.tables import applied_versions, file_contents, workspace_files, workspace_versions
from regulars.render.template_files import BASE
from regulars.workspace.fingerprint import READ_FROM
from regulars.workspace.folder import Workspace, open_workspace

RETAINED = 50
"""Number of versions stored beside those that a person applied or emails were sent by; older ones are deleted."""
MOST_BYTES = 50_000_000
"""Maximum total bytes of one version."""
STARTER = "starter/templates/emails"
"""Where a version has the starter emails it falls back to."""

Files = Mapping[str, bytes]
"""Contents by path, with `/`, relative to the version's root."""


class TooLarge(RegularsError):
    """The files exceed the maximum size of a version; `size` is in bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(
            f"rules and emails have {size // 1_000_000} MB together; a version has {MOST_BYTES // 1_000_000} MB at most"
        )


def files_of(workspace: Workspace) -> Files:
    """The files of a version with this workspace as it is on disk. Raises TooLarge, and OSError."""
    found: dict[str, bytes] = {}
    size = 0
    for name, path in [*_own_files(workspace.root), *_starter_files(workspace)]:
        size += path.stat().st_size
        if size <= MOST_BYTES:
            found[name] = path.read_bytes()
    if size > MOST_BYTES:
        raise TooLarge(size)
    return found


def version_digest(files: Files) -> str:
    """The digest of all paths and contents, by which the version is stored."""
    lines = "".join(f"{path}\0{_digest(files[path])}\n" for path in sorted(files))
    return _digest(lines.encode(errors="surrogateescape"))


def store(connection: Connection, files: Files, now: datetime) -> str:
    """Stores a version in the caller's transaction, which holds the lock VERSIONS; returns its digest."""
    whole = version_digest(files)
    statement = db.insert(connection, workspace_versions).values(digest=whole, at=now, files=len(files))
    connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_={"at": now}))
    digests = {path: _digest(content) for path, content in files.items()}
    rows = {digest: {"digest": digest, "content": files[path]} for path, digest in digests.items()}
    connection.execute(db.insert(connection, file_contents).on_conflict_do_nothing(), list(rows.values()))
    listed = [{"version": whole, "path": path, "content": digest} for path, digest in digests.items()]
    connection.execute(db.insert(connection, workspace_files).on_conflict_do_nothing(), listed)
    return whole


def forget_unused(connection: Connection) -> None:
    """Deletes versions beyond the limit that never came into force, and contents that no version uses any more."""
    newest = select(workspace_versions.c.digest).order_by(workspace_versions.c.at.desc()).limit(RETAINED)
    applied = select(applied_versions.c.version)
    unused = workspace_versions.c.digest.not_in(newest) & workspace_versions.c.digest.not_in(applied)
    connection.execute(delete(workspace_versions).where(unused))
    used = select(workspace_files.c.content)
    connection.execute(delete(file_contents).where(file_contents.c.digest.not_in(used)))


def stored_files(connection: Connection, digest: str) -> Files:
    """The files of a stored version; empty for one that is not stored."""
    joined = workspace_files.join(file_contents, file_contents.c.digest == workspace_files.c.content)
    query = select(workspace_files.c.path, file_contents.c.content).select_from(joined)
    rows = connection.execute(query.where(workspace_files.c.version == digest))
    return {path: bytes(content) for path, content in rows}


def write_files(files: Files, root: Path) -> None:
    """Writes the version's files below `root`, an empty folder."""
    for path, content in files.items():
        file = root / path
        if not inside(file, root):  # only this module writes the table; links that lead out are still not followed
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def open_files(root: Path) -> Workspace:
    """The workspace of a version whose files are below `root`; raises Invalid.

    Versions stored by 0.1 have no starter emails: they fall back to those of this release.
    """
    fallback = root / STARTER
    return open_workspace(root, fallback if fallback.is_dir() else None)


def _own_files(root: Path) -> Iterator[tuple[str, Path]]:
    for folder in READ_FROM:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and inside(path, root):
                yield path.relative_to(root).as_posix(), path


def _starter_files(workspace: Workspace) -> Iterator[tuple[str, Path]]:
    """The starter's files of the emails that campaigns send, where the workspace has no body of its own for them."""
    own, *others = workspace.templates.folders
    sent = set[str]().union(*(campaign.email_folders for campaign in workspace.rulebook.campaigns.values()))
    for folder in others:
        for email in sorted({BASE, *(name for name in sent if not (own / name / "body.mjml").is_file())}):
            for path in sorted((folder / email).rglob("*")):
                if path.is_file() and path.name != "README.md":
                    yield f"{STARTER}/{path.relative_to(folder).as_posix()}", path


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
