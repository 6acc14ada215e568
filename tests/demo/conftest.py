"""The demo, played once for all tests of this process."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from docs import refresh


@dataclass(frozen=True)
class Demo:
    """A played demo: where it is, and what it printed."""

    folder: Path
    printed: str


def play(folder: Path, columns: int = 110) -> str:
    """What `regulars demo` prints in the folder, on a terminal so wide."""
    done = subprocess.run(
        ["regulars", "demo"], cwd=folder, env=refresh.environment() | {"COLUMNS": str(columns)}, check=False, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("day")
    return Demo(folder / "demo", play(folder))
