"""A version to compare with, as a person names it: one that was applied, a folder, or a git revision."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from regulars.core.errors import Invalid, NotFound
from regulars.db import engine as db
from regulars.operation import applied_versions, git_revision
from regulars.operation.stored_version import StoredVersion
from regulars.operation.workspace_versions import Files, files_of
from regulars.workspace.fingerprint import fingerprint
from regulars.workspace.folder import Workspace, open_workspace

_ATTEMPTS = 3
"""How often a folder is read that somebody is saving to."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A workspace and what it is, in words; `number` if it is an applied version.

    No workspace: nothing is in force yet, or nothing that is sound.
    """

    workspace: Workspace | None
    words: str
    number: int | None = None


def version_in_force(engine: Engine, opened: ExitStack) -> Compared:
    """The version in force; its files are removed when `opened` is closed."""
    applied = applied_versions.current(engine)
    if applied is None:
        return Compared(None, "nothing, for no version has come into force yet")
    stored = StoredVersion()
    opened.callback(stored.close)
    words = f"version {applied.number}, in force since {applied.at:%Y-%m-%d %H:%M} UTC"
    try:
        return Compared(stored.open(engine, applied), words, applied.number)
    except Invalid:  # of an older release: a sound version can still be applied
        return Compared(None, f"{words}, which is not sound for this release", applied.number)


def named_version(engine: Engine, root: Path, name: str, opened: ExitStack) -> Compared:
    """A folder with campaigns/, else an applied version by number or digest, else a git revision of the workspace.

    Raises NotFound, Invalid for faulty files, and RegularsError without git.
    """
    folder = Path(name)
    if (folder / "campaigns").is_dir():
        return Compared(open_workspace(folder.resolve()), f"the folder {name}")
    try:
        with db.read(engine) as connection:
            applied = applied_versions.find(connection, name)
    except NotFound:
        scratch = opened.enter_context(TemporaryDirectory(prefix="regulars-"))
        git_revision.write_revision(root, name, Path(scratch))
        return Compared(open_workspace(Path(scratch)), f"the git revision {name}")
    stored = StoredVersion()
    opened.callback(stored.close)
    return Compared(stored.require(engine, applied), f"version {applied.number}", applied.number)


def read_draft(root: Path) -> tuple[Workspace, Files]:
    """The files in the folder, checked, and exactly these bytes; raises Invalid, TooLarge, OSError."""
    for _ in range(_ATTEMPTS - 1):
        seen = fingerprint(root)
        workspace = open_workspace(root)
        files = files_of(workspace)
        if fingerprint(root) == seen:
            return workspace, files
    workspace = open_workspace(root)
    return workspace, files_of(workspace)
