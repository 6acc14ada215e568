"""A picture of an email, drawn by the Chromium of this machine without a network.

Nothing is loaded: no picture of another site, and no link of ours, so that looking counts as no opening.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from regulars.core.errors import EnvironmentFailed

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 640
"""Pixels: an email on a desk."""
_TALLEST = 12_000
"""Pixels of height that are drawn at most."""
_SECONDS = 60.0
_MEASURE = "<script>document.title = 'height ' + document.documentElement.scrollHeight;</script>"
_HEIGHT = re.compile(r"<title>height (\d{1,6})</title>")


def screenshot(html: str, width: int = WIDTH) -> bytes:
    """The email as PNG, in its whole height. Raises EnvironmentFailed where no Chromium is installed, or it fails."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        names = ", ".join(f"`{name}`" for name in PROGRAMS)
        raise EnvironmentFailed(f"a picture needs Chromium: none of {names} is installed (Debian: chromium)")
    with tempfile.TemporaryDirectory(prefix="regulars-picture-") as folder:
        page, picture = Path(folder) / "email.html", Path(folder) / "email.png"
        page.write_text(f"{html}{_MEASURE}", encoding="utf-8")
        measured = _HEIGHT.search(_run(program, folder, page, f"--window-size={width},800", "--dump-dom"))
        height = min(int(measured[1]), _TALLEST) if measured else 2_000
        page.write_text(html, encoding="utf-8")
        _run(program, folder, page, f"--window-size={width},{height}", f"--screenshot={picture}")
        if not picture.is_file():
            raise EnvironmentFailed(f"{program} drew no picture")
        return picture.read_bytes()


def _run(program: str, folder: str, page: Path, *orders: str) -> str:
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [
        program, "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", *as_root,
        f"--user-data-dir={folder}/profile", "--host-resolver-rules=MAP * ~NOTFOUND", *orders, page.as_uri(),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - our own words
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed(f"{program} did not draw the email within {_SECONDS:g} s") from None
    return done.stdout.decode("utf-8", "replace")
