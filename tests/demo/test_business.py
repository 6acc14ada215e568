"""The demo's business: believable, of invented people, and the same on every machine."""

from __future__ import annotations

import csv
from pathlib import Path

from regulars.demo.business import write_files


def test_the_files_are_the_same_every_time(tmp_path: Path) -> None:
    one, two = write_files(tmp_path / "one"), write_files(tmp_path / "two")
    assert list(one) == ["managers", "products", "customers", "purchases", "events"]
    assert [path.read_bytes() for path in one.values()] == [path.read_bytes() for path in two.values()]


def test_two_hundred_clients_in_five_languages_and_many_zones(tmp_path: Path) -> None:
    with write_files(tmp_path)["customers"].open(encoding="utf-8") as file:
        people = list(csv.DictReader(file))
    assert len(people) == 200
    assert {person["locale"] for person in people} == {"en", "et", "ro", "ru", "uk"}
    assert len({person["timezone"] for person in people}) >= 6
    assert all(person["email"].endswith(".example") for person in people)
