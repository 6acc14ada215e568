"""`python docs/refresh.py`: runs the commands of the README on a played demo, and writes what they print into it.

In a block that begins with three backticks and `console`, each line with `$ ` is a command; the lines below it are
its output. A comment `<!-- edit FILE | old | new -->` between blocks changes the workspace, as the text says. A test
runs the same and compares.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
_PIECE = re.compile(r"^```console\n(?P<block>.*?)^```$|^<!-- edit (?P<edit>.*?) -->$", re.DOTALL | re.MULTILINE)
_KEPT = re.compile(r"kept as \d{6}-[0-9a-f]{8}")


def environment() -> dict[str, str]:
    """The same on every machine: the width, the secret that codes are made with, the `regulars` beside this Python."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    return inherited | {"COLUMNS": "100", "REGULARS_SECRET": "readme", "PATH": path, "NO_COLOR": "1"}


def play(folder: Path) -> Path:
    """Plays the demo in the folder; its workspace."""
    subprocess.run(["regulars", "demo"], cwd=folder, env=environment(), check=True, capture_output=True)  # noqa: S607
    return folder / "demo"


def refreshed(text: str, workspace: Path) -> str:
    """The text with each command's output as it is now; the workspace is edited on the way."""

    def piece(found: re.Match[str]) -> str:
        if found["edit"]:
            _edit(workspace, *found["edit"].split(" | "))
            return found[0]
        commands = [line for line in found["block"].splitlines() if line.startswith("$ ")]
        return "```console\n" + "\n\n".join(_ran(line, workspace) for line in commands) + "\n```"

    return _PIECE.sub(piece, text)


def _edit(workspace: Path, file: str, old: str, new: str) -> None:
    path = workspace / file
    before = path.read_text("utf-8")
    if old not in before:
        raise ValueError(f"{file} has no `{old}`")
    path.write_text(before.replace(old, new), "utf-8")


def _ran(line: str, workspace: Path) -> str:
    command = line.removeprefix("$ ")
    done = subprocess.run(  # noqa: S603 - commands that we wrote into the README
        ["sh", "-c", f"{command} 2>&1"],  # noqa: S607
        cwd=workspace,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    # In which order a batch arrives in the inbox is the network's business.
    return f"{line}\n{_KEPT.sub('kept as 000003-1bb0d719', done.stdout)}".rstrip()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(refreshed(README.read_text("utf-8"), play(Path(folder))), "utf-8")
