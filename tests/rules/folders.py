"""Small folders of rule files for tests, and the case files of broken ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from regulars.rules.loader import Loaded, load

CASES = Path(__file__).parent / "cases"
COMPANY = """\
company:
  name: Studio Ana
  from: Ana <ana@studio.example>
  address: 7 Florilor St, Chișinău
  locale: ro
  timezone: Europe/Chisinau

policy:
  quiet_hours: 20:00-09:00
  cap: 2 per 7 days
  late: 2 days

events:
  meeting.completed: {agreements: list, place: text, rooms: number}
fields:
  shoe_size: number
  vip: bool
  wedding_day: date
"""


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Rule files under `folder`/campaigns; company.yaml is there unless the files bring their own."""
    campaigns = folder / "campaigns"
    for name, text in {"company.yaml": COMPANY, **files}.items():
        path = campaigns / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return campaigns


def read(folder: Path, text: str | bytes, **more: str | bytes) -> Loaded:
    """What a rule file beside a sound company says; a file that has its own `company:` stands alone."""
    alone = "company:" in (text if isinstance(text, str) else text.decode(errors="ignore"))
    return load(write(folder, {"company.yaml" if alone else "rules.yaml": text, **more}))


@dataclass(frozen=True)
class Case:
    """One broken file, what is said of it, and the file mended."""

    name: str
    fail: str
    code: str
    line: int
    mended: str | None
    says: str | None = None
    hint: str | None = None
    column: int | None = None


def cases() -> Iterator[Case]:
    """All cases of all files."""
    for path in sorted(CASES.glob("*.yaml")):
        for raw in yaml.safe_load(path.read_text(encoding="utf-8")):
            item: dict[str, Any] = dict(raw)
            item["mended"] = item.pop("pass", None)
            item["name"] = f"{path.stem}: {item['name']}"
            yield Case(**item)


def same_as_snapshot(name: str, text: str) -> None:
    """Compares with tests/rules/snapshots/NAME; REGULARS_SNAPSHOTS=write writes it anew."""
    path = Path(__file__).parent / "snapshots" / name
    if os.environ.get("REGULARS_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
    assert text.rstrip() + "\n" == path.read_text(encoding="utf-8")
