"""Remembers that emails were found sound, so that every start of a worker or command need not compile them all.

The seal is a hash of everything the check depends on: rule files, email files, the version. Any change breaks it. It
lives in `var/`; where that cannot be written, emails are simply checked each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from regulars import __version__


def of(rules: Mapping[str, str], folders: Iterable[Path]) -> str:
    """The seal of these rule texts and of all files in the folders of emails."""
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
    """Whether what has this seal was found sound before."""
    try:
        return _path(root).read_text(encoding="ascii") == seal
    except (OSError, UnicodeDecodeError):
        return False


def keep(root: Path, seal: str) -> None:
    """Notes that what has this seal is sound; only in a workspace that has a `var/` already."""
    path = _path(root)
    if not path.parent.is_dir() or holds(root, seal):
        return
    with contextlib.suppress(OSError):
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(seal, encoding="ascii")
        fresh.replace(path)


def _path(root: Path) -> Path:
    return root / "var" / "sound"
