"""An import as a person does it, by the command line in a process of its own: seconds and peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.common.site import Site

CLI = Path(__file__).parents[1] / "cli.py"


@dataclass(frozen=True, slots=True)
class Imported:
    """One file: rows read and added, seconds from start to end of the process, its peak memory in bytes."""

    rows: int
    added: int
    seconds: float
    peak: int


def import_in_own_process(site: Site, kind: str, file: Path) -> Imported:
    """`regulars import KIND FILE`; SystemExit when a row was refused."""
    command = [sys.executable, str(CLI), "--workspace", str(site.root), "--json", "import", kind, str(file)]
    begun = time.monotonic()
    with subprocess.Popen(command, env=site.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the import of {file.name} ended with {process.returncode}: {said.decode()[:500]}")
    report = json.loads(said)
    return Imported(int(report["rows"]), int(report["added"]), time.monotonic() - begun, usage.ru_maxrss * 1024)
