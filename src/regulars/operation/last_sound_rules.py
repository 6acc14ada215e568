"""The rules and emails of a process: the applied version, or the files on disk.

In the mode `automatic` that is the files on disk, or the last valid ones while those are faulty. In the mode `manual`
it is the version in the database, whatever the folder has.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.core.diagnostics import in_order, render
from regulars.core.errors import EnvironmentFailed, Invalid
from regulars.operation import applied_versions, workspace_versions
from regulars.operation.applied_versions import MANUAL, Applied
from regulars.operation.stored_version import StoredVersion
from regulars.operation.workspace_versions import TooLarge
from regulars.workspace.fingerprint import READ_FROM, fingerprint
from regulars.workspace.folder import Workspace, open_workspace

_LOG = logging.getLogger(__name__)
_MAX_LOGGED = 10
"""Maximum mistakes in one log message; `regulars check` shows all."""
_LOOK_EVERY = 1.0
"""Seconds between looks for a newer version during a run."""
_NOTE_EVERY = 3600.0
"""Seconds between records that emails go by a version."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The faults of the files on disk, when they last changed, and since when the version in force has been valid."""

    error: Invalid
    changed_at: datetime
    in_force_since: datetime

    def __str__(self) -> str:
        return (
            f"rule files are faulty since {self.changed_at:%Y-%m-%d %H:%M} UTC: {_first(self.error)};"
            f" the state of {self.in_force_since:%Y-%m-%d %H:%M} UTC is in force. `regulars check` shows all mistakes"
        )


class RulesInForce:
    """One process's rules. With a `clock` it stores every valid version in the database, and logs faults."""

    def __init__(self, root: Path, engine: Engine, clock: Clock | None = None) -> None:
        self.fault: Fault | None = None
        self.draft: str | None = None
        """In the mode `manual`: how the folder differs from what is in force, as a sentence. It is no fault."""
        self.applied: Applied | None = None
        """The version in the database that is in force; None where none is known."""
        self._root, self._engine, self._clock = root, engine, clock
        self._workspace: Workspace | None = None
        self._since = datetime.min.replace(tzinfo=UTC)
        self._seen = ""
        self._told = ""
        self._stored = StoredVersion()
        self._looked = self._noted = float("-inf")
        self._replaced = False

    def current(self) -> Workspace:
        """The rules in force; files on disk are read again when they have changed.

        Raises Invalid when the files are faulty and no valid version is known, and UnsoundVersion when the version that
        a person applied is not valid for this release.
        """
        self.applied, self._replaced = applied_versions.current(self._engine), False
        if self.applied is not None and self.applied.mode == MANUAL:
            return self._version_applied(self.applied)
        seen = fingerprint(self._root)
        if self._workspace is None or seen != self._seen:
            self.draft = None
            try:
                fresh = open_workspace(self._root)
            except Invalid as error:
                self._workspace = self._last_sound(error, seen)
            else:
                self._workspace = fresh
                self._accept(fresh, seen)
            self._seen = seen
        return self._workspace

    def replaced(self) -> bool:
        """Whether another version was applied since `current`; looks once a second at most, and in `manual` only."""
        due = time.monotonic() - self._looked >= _LOOK_EVERY
        if not self._replaced and due and self.applied is not None and self.applied.mode == MANUAL:
            self._looked = time.monotonic()
            with suppress(EnvironmentFailed):  # what is being done goes on; whoever writes next reports it
                found = applied_versions.current(self._engine)
                self._replaced = found is not None and found.number != self.applied.number
        return self._replaced

    def note_sent(self, now: datetime) -> None:
        """Records that emails went by this version, so that it is kept; at most once an hour."""
        if self.applied is not None and time.monotonic() - self._noted >= _NOTE_EVERY:
            with suppress(EnvironmentFailed):
                applied_versions.note_sent(self._engine, self.applied.number, now)
                self._noted = time.monotonic()

    def close(self) -> None:
        """Removes the files of the stored version."""
        self._stored.close()
        self._workspace = None

    def _version_applied(self, applied: Applied) -> Workspace:
        self.fault = None
        found = self._stored.require(self._engine, applied)
        seen = f"{applied.number} {fingerprint(self._root)}"
        if seen != self._seen:
            self._seen, self._workspace = seen, None
            self.draft = self._draft_beside(applied)
        return found

    def _draft_beside(self, applied: Applied) -> str | None:
        """How the folder differs from the version in force; None where it does not, or has no rules. Logged once."""
        if not (self._root / "campaigns").is_dir():
            return None
        since = f"version {applied.number} of {applied.at:%Y-%m-%d %H:%M} UTC"
        try:
            files = workspace_versions.files_of(open_workspace(self._root))
        except Invalid as error:
            if self._clock is not None:
                _LOG.warning(
                    "the files in this folder are faulty (%d mistakes), which changes nothing: %s stays in force\n%s",
                    len(error.diagnostics), since, _shown(error),
                )  # fmt: skip
            return f"the files in this folder are faulty: {_first(error)}; {since} stays in force"
        except (TooLarge, OSError) as error:
            return f"the files in this folder cannot be compared with {since}, which is in force: {error}"
        if workspace_versions.version_digest(files) == applied.digest:
            return None
        differs = f"the files in this folder differ from {since}, which is in force"
        if self._clock is not None:
            _LOG.info("%s: `regulars diff` shows how", differs)
        return f"{differs}: `regulars diff` shows how, `regulars apply` puts them into force"

    def _accept(self, fresh: Workspace, seen: str) -> None:
        if self._told:
            _LOG.warning("the rule files are sound again, and in force")
        self.fault, self._told = None, ""
        self._since = self._changed_at()
        if self._clock is None or fingerprint(self._root) != seen:  # changed meanwhile: stored at the next reload
            return
        try:
            self.applied = applied_versions.adopt(self._engine, fresh, self._clock())
        except TooLarge as error:
            _LOG.warning(
                "rules and emails have %d MB together; above %d MB no version is kept, and a faulty file stops mail"
                " after a restart", error.size // 1_000_000, workspace_versions.MOST_BYTES // 1_000_000,
            )  # fmt: skip
        except OSError as error:  # a file that cannot be read, or was removed meanwhile
            _LOG.warning("no version of the rule files is kept: %s", error)

    def _last_sound(self, error: Invalid, seen: str) -> Workspace:
        """The last valid version, from the database or else from memory; logs the faults of these files once."""
        version = self.applied
        found = self._workspace if version is None else self._opened(version)
        if self._clock is not None and seen != self._told:
            goes = "nothing is planned or sent" if found is None else "the last sound state stays in force"
            _LOG.error(
                "the rule files are faulty (%d mistakes): %s until they are mended; `regulars check` shows all\n%s",
                len(error.diagnostics), goes, _shown(error),
            )  # fmt: skip
            self._told = seen
        if found is None:
            raise error
        self.fault = Fault(error, self._changed_at(), self._since if version is None else version.at)
        return found

    def _opened(self, version: Applied) -> Workspace | None:
        try:
            return self._stored.open(self._engine, version)
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


def _first(error: Invalid) -> str:
    """The first mistake with its place, and how many more there are."""
    first = in_order(error.diagnostics)[0]
    place = f"{first.span.path}:{first.span.line}: " if first.span else ""
    others = len(error.diagnostics) - 1
    return f"{place}{first.message}{f' and {others} more' if others else ''}"


def _shown(error: Invalid) -> str:
    return render(in_order(error.diagnostics)[:_MAX_LOGGED], error.sources)
