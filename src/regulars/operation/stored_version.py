"""A version of the files, read from the database into a private folder and opened as a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from regulars.core.diagnostics import in_order, render
from regulars.core.errors import EnvironmentFailed, Invalid
from regulars.db import engine as db
from regulars.operation import applied_versions
from regulars.operation.applied_versions import Applied
from regulars.operation.workspace_versions import open_files, write_files
from regulars.workspace.folder import Workspace

_MAX_SHOWN = 10
"""Maximum mistakes in one message."""


class UnsoundVersion(EnvironmentFailed):
    """The version in force is not valid for this release: nothing may be planned or sent by it."""


class StoredVersion:
    """The workspace of the version opened last. Emails are read from its folder on demand.

    The folder of the version before it stays until the next one is opened: a thread may still render from it.
    """

    def __init__(self) -> None:
        self._folders: list[TemporaryDirectory[str]] = []
        self._opened: tuple[str, Workspace] | None = None

    def open(self, engine: Engine, applied: Applied) -> Workspace:
        """The version's workspace; raises Invalid."""
        if self._opened is None or self._opened[0] != applied.digest:
            with db.read(engine) as connection:
                files = applied_versions.files_in(connection, applied)
            self._opened = None  # its folder goes with the next one, even if that is faulty
            self._opened = (applied.digest, self._workspace(files))
        return self._opened[1]

    def require(self, engine: Engine, applied: Applied) -> Workspace:
        """The version's workspace; raises UnsoundVersion with the mistakes that this release finds in it."""
        try:
            return self.open(engine, applied)
        except Invalid as error:
            raise UnsoundVersion(_refusal(applied, error, self._folders[-1].name)) from error

    def close(self) -> None:
        """Removes the files."""
        for folder in self._folders:
            folder.cleanup()
        self._folders, self._opened = [], None

    def _workspace(self, files: Mapping[str, bytes]) -> Workspace:
        folder = TemporaryDirectory(prefix="regulars-")  # made with mode 0700
        for old in self._folders[:-1]:
            old.cleanup()
        self._folders = [*self._folders[-1:], folder]
        write_files(files, Path(folder.name))
        return open_files(Path(folder.name))


def require_sound_version(engine: Engine) -> None:
    """Raises UnsoundVersion where the version that a person applied is not valid for this release."""
    found = applied_versions.current(engine)
    if found is not None and found.mode == applied_versions.MANUAL:
        stored = StoredVersion()
        try:
            stored.require(engine, found)
        finally:
            stored.close()


def _refusal(applied: Applied, error: Invalid, folder: str) -> str:
    """The mistakes, with paths as they are in a workspace."""
    shown = render(in_order(error.diagnostics)[:_MAX_SHOWN], error.sources).replace(f"{folder}/", "")
    return (
        f"version {applied.number} of the rules, in force since {applied.at:%Y-%m-%d %H:%M} UTC, is not sound for this"
        f" release ({len(error.diagnostics)} mistakes), so nothing is planned or sent: mend the files and"
        f" `regulars apply` them, or go back to release {applied.release}\n{shown}"
    )
