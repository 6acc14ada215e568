"""Files that are read because they lie in a folder: a symbolic link out of it must not bring in another."""

from __future__ import annotations

from pathlib import Path


def inside(path: Path, folder: Path) -> bool:
    """Whether a file really lies in a folder once all symbolic links are followed; the folder itself may be a link."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        return False
