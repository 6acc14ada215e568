"""Caches the result that emails are valid, so that a start of a worker or command need not compile them all.

The cache key is a hash of everything the check depends on: rule files, email files, the version. It is stored in
`var/` and in the memory of the process; where the folder cannot be written, each process checks emails once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from regulars import __version__

_KNOWN: set[str] = set()
_MOST = 1000


def of(rules: Mapping[str, str], folders: Iterable[Path]) -> str:
    """The cache key of these rule texts and of all files in the folders of emails."""
    found = hashlib.blake2b(__version__.encode(), digest_size=16)
    for path, text in sorted(rules.items()):
        _add(found, Path(path).name, text.encode())
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                _add(found, file.relative_to(folder).as_posix(), file.read_bytes())
    return found.hexdigest()


def _add(found: hashlib.blake2b, name: str, content: bytes) -> None:
    found.update(f"{len(name)} {name} {len(content)} ".encode(errors="surrogateescape"))
    found.update(content)


def holds(root: Path, seal: str) -> bool:
    """Whether the content with this key was found valid before."""
    return seal in _KNOWN or _written(root) == seal


def keep(root: Path, seal: str) -> None:
    """Records that the content with this key is valid; in a file only if the workspace has a `var/` already."""
    if len(_KNOWN) >= _MOST:  # only a program that runs for months sees so many versions
        _KNOWN.clear()
    _KNOWN.add(seal)
    path = _path(root)
    if not path.parent.is_dir() or _written(root) == seal:
        return
    with contextlib.suppress(OSError):
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(seal, encoding="ascii")
        fresh.replace(path)


def _written(root: Path) -> str | None:
    try:
        return _path(root).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None


def _path(root: Path) -> Path:
    return root / "var" / "sound"
