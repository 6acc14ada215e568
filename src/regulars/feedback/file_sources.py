"""Messages in files: a Maildir, an mbox, one message from a pipe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from regulars.core.errors import EnvironmentFailed
from regulars.feedback.incoming import LARGEST, Incoming

ASIDE = ".Failed"
"""The folder of a Maildir (Maildir++) for messages of which nothing can be made."""
_FLAGS = ":2,"
_MOST_LINES = 5_000_000


@dataclass(frozen=True, slots=True)
class MaildirSource:
    """A Maildir: messages in `new`, and those in `cur` that nobody has seen; read ones are in `cur` and seen."""

    folder: Path

    @property
    def name(self) -> str:
        """For people."""
        return f"maildir:{self.folder}"

    def messages(self) -> Iterator[Incoming]:
        """The oldest first, by the time in their names."""
        if not (self.folder / "new").is_dir():
            raise EnvironmentFailed(f"{self.folder} is no Maildir: it has no folder `new`")
        for path in sorted([*self._files("new"), *self._unseen()], key=lambda path: path.name):
            try:
                with path.open("rb") as file:
                    content = file.read(LARGEST)
            except FileNotFoundError:
                continue  # another process has read it
            except OSError as error:
                raise EnvironmentFailed(f"{path} cannot be read: {error.strerror}") from error
            yield Incoming(path.name, content, lambda path=path: self._seen(path), lambda path=path: self._aside(path))  # type: ignore[misc]

    def _files(self, part: str) -> list[Path]:
        folder = self.folder / part
        return [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []

    def _unseen(self) -> list[Path]:
        return [path for path in self._files("cur") if "S" not in path.name.partition(_FLAGS)[2]]

    def _seen(self, path: Path) -> None:
        unique, _, flags = path.name.partition(_FLAGS)
        self._move(path, self.folder / "cur" / f"{unique}{_FLAGS}{''.join(sorted({*flags, 'S'}))}")

    def _aside(self, path: Path) -> None:
        failed = self.folder / ASIDE
        for part in ("cur", "new", "tmp"):
            (failed / part).mkdir(parents=True, exist_ok=True)
        self._move(path, failed / "new" / path.name.partition(_FLAGS)[0])

    def _move(self, path: Path, target: Path) -> None:
        try:
            target.parent.mkdir(exist_ok=True)
            path.rename(target)
        except FileNotFoundError:
            return  # another process has read it, too
        except OSError as error:
            raise EnvironmentFailed(f"{path} cannot be moved to {target.parent}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class MboxSource:
    """An mbox file (RFC 4155). The file is not changed: reading it again records nothing new."""

    path: Path

    @property
    def name(self) -> str:
        """For people."""
        return f"mbox:{self.path}"

    def messages(self) -> Iterator[Incoming]:
        """In the order of the file. A `From ` line begins a message where an empty line precedes it."""
        try:
            with self.path.open("rb") as file:
                yield from self._split(file)
        except OSError as error:
            raise EnvironmentFailed(f"{self.path} cannot be read: {error.strerror}") from error

    def _split(self, file: BinaryIO) -> Iterator[Incoming]:
        parts: list[bytes] = []
        size, number, empty = 0, 0, True
        for line in islice(file, _MOST_LINES):
            if empty and line.startswith(b"From "):
                if number:
                    yield self._incoming(number, parts)
                parts, size, number = [], 0, number + 1
            elif not number:
                raise EnvironmentFailed(f"{self.path} is no mbox: its first line does not begin with `From `")
            elif size < LARGEST:
                parts.append(line.removeprefix(b">") if line.startswith(b">From ") else line)
                size += len(line)
            empty = not line.strip()
        if number:
            yield self._incoming(number, parts)

    def _incoming(self, number: int, parts: list[bytes]) -> Incoming:
        return Incoming(f"{number}", b"".join(parts), _nothing, _nothing)


@dataclass(frozen=True, slots=True)
class PipeSource:
    """One message from an open file, as a mail server pipes it to a command. A failed one is kept in `aside`."""

    file: BinaryIO
    aside: Path

    @property
    def name(self) -> str:
        """For people."""
        return "the pipe"

    def messages(self) -> Iterator[Incoming]:
        """The one message. A `From ` line that a mail server puts first is left out."""
        content = self.file.read(LARGEST)
        while self.file.read(1 << 16):
            pass  # a mail server would count a closed pipe as a failure
        if content.startswith(b"From "):
            content = content.partition(b"\n")[2]
        if content.strip():
            yield Incoming("from the pipe", content, _nothing, lambda: keep_aside(self.aside, content))


MOST_ASIDE = 100
"""How many failed messages a folder keeps."""


def keep_aside(folder: Path, content: bytes) -> None:
    """Keeps a message of which nothing could be made, for a person to look at; beyond `MOST_ASIDE` it is dropped."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    taken = {path.name for path in folder.iterdir()}
    name = next((name for name in (f"{n:03}.eml" for n in range(1, MOST_ASIDE + 1)) if name not in taken), None)
    if name is not None:
        handle = os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)


def _nothing() -> None:
    """There is nothing to give up."""
