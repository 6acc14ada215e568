"""The rules and emails of a process: those on disk, or the last valid ones while those are faulty."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.core.diagnostics import in_order, render
from regulars.core.errors import Invalid
from regulars.operation import workspace_versions
from regulars.operation.workspace_versions import TooLarge, Version
from regulars.workspace.fingerprint import READ_FROM, fingerprint
from regulars.workspace.folder import Workspace, open_workspace

_LOG = logging.getLogger(__name__)
_MAX_LOGGED = 10
"""Maximum mistakes in one log message; `regulars check` shows all."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The faults of the files on disk, when they last changed, and since when the version in force has been valid."""

    error: Invalid
    changed_at: datetime
    in_force_since: datetime

    def __str__(self) -> str:
        first = in_order(self.error.diagnostics)[0]
        place = f"{first.span.path}:{first.span.line}: " if first.span else ""
        others = len(self.error.diagnostics) - 1
        more = f" and {others} more" if others else ""
        return (
            f"rule files are faulty since {self.changed_at:%Y-%m-%d %H:%M} UTC: {place}{first.message}{more};"
            f" the state of {self.in_force_since:%Y-%m-%d %H:%M} UTC is in force. `regulars check` shows all mistakes"
        )


class RulesInForce:
    """One process's rules. With a `clock` it stores every valid version in the database, and logs faults."""

    def __init__(self, root: Path, engine: Engine, clock: Clock | None = None) -> None:
        self.fault: Fault | None = None
        self._root, self._engine, self._clock = root, engine, clock
        self._workspace: Workspace | None = None
        self._since = datetime.min.replace(tzinfo=UTC)
        self._seen = ""
        self._told = ""
        self._folder: TemporaryDirectory[str] | None = None
        self._version: Version | None = None

    def current(self) -> Workspace:
        """The rules on disk, reloaded when a file has changed; while they are faulty, the last valid ones.

        Raises Invalid when they are faulty and no valid version is known.
        """
        seen = fingerprint(self._root)
        if self._workspace is None or seen != self._seen:
            try:
                fresh = open_workspace(self._root)
            except Invalid as error:
                self._workspace = self._last_sound(error, seen)
            else:
                self._workspace = fresh
                self._accept(seen)
            self._seen = seen
        return self._workspace

    def close(self) -> None:
        """Removes the files of the stored version."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = self._version = None

    def _accept(self, seen: str) -> None:
        if self._told:
            _LOG.warning("the rule files are sound again, and in force")
        self.fault, self._told = None, ""
        self._since = self._changed_at()
        if self._clock is None or fingerprint(self._root) != seen:  # changed meanwhile: stored at the next reload
            return
        try:
            workspace_versions.keep(self._engine, self._root, self._clock())
        except TooLarge as error:
            _LOG.warning(
                "rules and emails have %d MB together; above %d MB no version is kept, and a faulty file stops mail"
                " after a restart", error.size // 1_000_000, workspace_versions.MOST_BYTES // 1_000_000,
            )  # fmt: skip
        except OSError as error:  # a file that cannot be read, or was removed meanwhile
            _LOG.warning("no version of the rule files is kept: %s", error)

    def _last_sound(self, error: Invalid, seen: str) -> Workspace:
        """The last valid version, from the database or else from memory; logs the faults of these files once."""
        version = workspace_versions.last(self._engine)
        found = self._workspace if version is None else self._opened(version)
        if self._clock is not None and seen != self._told:
            shown = render(in_order(error.diagnostics)[:_MAX_LOGGED], error.sources)
            goes = "nothing is planned or sent" if found is None else "the last sound state stays in force"
            _LOG.error(
                "the rule files are faulty (%d mistakes): %s until they are mended; `regulars check` shows all\n%s",
                len(error.diagnostics), goes, shown,
            )  # fmt: skip
            self._told = seen
        if found is None:
            raise error
        self.fault = Fault(error, self._changed_at(), self._since if version is None else version.at)
        return found

    def _opened(self, version: Version) -> Workspace | None:
        """The version, written into a private folder: emails are read from files on demand."""
        if self._folder is None or self._version != version:
            self.close()
            folder = TemporaryDirectory(prefix="regulars-")  # made with mode 0700
            workspace_versions.write_files(self._engine, version, Path(folder.name))
            self._folder, self._version = folder, version
        try:
            return open_workspace(Path(self._folder.name))
        except Invalid as error:
            _LOG.error("the version kept of the rules is not sound for this release: %s", error)
            return None

    def _changed_at(self) -> datetime:
        """When a file or folder of the workspace last changed."""
        times = [path.stat().st_mtime for path in self._paths() if path.exists()]
        return datetime.fromtimestamp(max(times, default=0.0), UTC)

    def _paths(self) -> Iterator[Path]:
        yield self._root
        for folder in READ_FROM:
            for place, _, names in os.walk(self._root / folder):
                yield Path(place)
                yield from (Path(place, name) for name in names)
