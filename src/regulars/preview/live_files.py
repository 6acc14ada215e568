"""The files of a workspace while their author edits them: the newest state that can be rendered, and its faults."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from regulars.core.diagnostics import Diagnostic, render
from regulars.render.compile import Templates
from regulars.workspace.folder import Workspace, check

EVERY = 0.1
"""Seconds between two looks at the files."""
_ROOMS = ("campaigns", "templates")


@dataclass(frozen=True, slots=True)
class LiveState:
    """What is shown: the rules as they were last sound, with the emails as they are now.

    `number` grows with each change, `emails` with each that may change an email. `faults` are those of the files, as
    `regulars check` prints them, empty for none; None while they are looked for.
    """

    number: int
    emails: int
    workspace: Workspace | None
    faults: str | None


class LiveFiles:
    """Follows the files. An edit of an email is seen at once; the whole is checked behind it."""

    def __init__(self, root: Path) -> None:
        """Reads and checks the files, sound or not."""
        self.root = root
        self._seen = signature(root)
        workspace, faults, sources = check(root)
        self._state = LiveState(1, 1, workspace, _words(faults, sources))
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._follow, self._check)]
        self._unchecked = threading.Event()

    def start(self) -> None:
        """Begins to follow the files."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends following them."""
        self._over.set()
        self._unchecked.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def state(self) -> LiveState:
        """The newest state."""
        with self._changed:
            return self._state

    def wait(self, number: int, seconds: float) -> LiveState:
        """The newest state, as soon as its number is another than this; after `seconds` in any case."""
        with self._changed:
            self._changed.wait_for(lambda: self._state.number != number or self._over.is_set(), seconds)
            return self._state

    def _follow(self) -> None:
        while not self._over.wait(EVERY):
            found = signature(self.root)
            if found != self._seen:
                self._seen = found
                self._show(_with_new_emails(self.state.workspace), None, changed=True)
                self._unchecked.set()

    def _check(self) -> None:
        while True:
            self._unchecked.wait()
            if self._over.is_set():
                return
            self._unchecked.clear()
            workspace, faults, sources = check(self.root)
            if not self._unchecked.is_set():  # else there is a newer edit
                before = self.state.workspace
                changed = workspace is not None and (before is None or workspace.rulebook != before.rulebook)
                self._show(workspace if changed else before, _words(faults, sources), changed=changed)

    def _show(self, workspace: Workspace | None, faults: str | None, *, changed: bool) -> None:
        with self._changed:
            old = self._state
            self._state = LiveState(old.number + 1, old.emails + changed, workspace, faults)
            self._changed.notify_all()


def signature(root: Path) -> frozenset[tuple[str, int, int]]:
    """Path, size and time of change of each file of rules and emails; costs 1 to 2 ms for 300 files."""
    return frozenset(entry for room in _ROOMS for entry in _entries(str(root / room)))


def _entries(folder: str) -> Iterator[tuple[str, int, int]]:
    try:
        found = list(os.scandir(folder))
    except OSError:
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)
            continue
        try:
            stat = entry.stat()
        except OSError:  # an editor's temporary file that is gone already
            continue
        yield entry.path, stat.st_size, stat.st_mtime_ns


def _with_new_emails(workspace: Workspace | None) -> Workspace | None:
    if workspace is None:
        return None
    old = workspace.templates
    return replace(workspace, templates=Templates(old.folders, old.company_locale))


def _words(faults: list[Diagnostic], sources: dict[str, str]) -> str:
    return render(faults, sources)
