"""Private folders, and whether a file lies in a folder after symbolic links are resolved."""

from __future__ import annotations

from pathlib import Path


def make_private(folder: Path) -> None:
    """Creates the folder and missing parents with mode 0700; existing folders keep theirs."""
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def inside(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder after all symbolic links are resolved; the folder itself may be a link."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        return False
