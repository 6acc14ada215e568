"""The data files of tests/data, ready to use."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data"


def naughty_strings() -> list[str]:
    """515 strings that break careless programs; the last 12 attack headers, SMTP and templates."""
    found = json.loads((FOLDER / "naughty-strings.json").read_text("utf-8"))
    return [str(text) for text in found]


def cdnow(folder: Path) -> tuple[Path, Path]:
    """Unpacks CDNOW's customers.csv (23,570 rows) and purchases.csv (69,659 rows) into the folder."""
    paths = folder / "customers.csv", folder / "purchases.csv"
    for path in paths:
        with gzip.open(FOLDER / "cdnow" / f"{path.name}.gz") as packed, path.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    return paths
