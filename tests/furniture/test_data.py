"""The data is what its README says it is."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.common import data


def test_there_are_515_naughty_strings() -> None:
    strings = data.naughty_strings()
    assert len(strings) == 515
    assert "Ada\r\nBcc: eve@evil.example" in strings


def test_cdnow_is_whole(tmp_path: Path) -> None:
    customers, purchases = data.cdnow(tmp_path)
    with customers.open(newline="") as file:
        known = {row["external_id"] for row in csv.DictReader(file)}
    with purchases.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (len(known), len(rows)) == (23_570, 69_659)
    assert {row["customer"] for row in rows} == known
