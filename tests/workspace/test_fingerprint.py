"""Every change of a workspace's files is noticed, whatever their times say."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from regulars.workspace.fingerprint import fingerprint

OLD, NEW = 1_700_000_000, 1_750_000_000


def write(path: Path, text: str, seconds: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (seconds, seconds))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "root/campaigns/news.yaml", "email: news", NEW)
    write(tmp_path / "root/campaigns/other.yaml", "email: other", NEW - 10)
    write(tmp_path / "root/templates/emails/news/body.mjml", "<mjml/>", NEW - 20)
    return tmp_path / "root"


def replaced_by_an_older(root: Path) -> None:
    older = write(root.parent / "older.yaml", "email: older", OLD)
    older.replace(root / "campaigns/other.yaml")


def replaced_by_one_of_the_same_size_and_time(root: Path) -> None:
    there = root / "campaigns/other.yaml"
    twin = write(root.parent / "twin.yaml", "email: OTHER", NEW - 10)
    assert twin.stat().st_size == there.stat().st_size
    twin.replace(there)


def deleted_and_another_edited_a_second_later(root: Path) -> None:
    (root / "campaigns/other.yaml").unlink()
    write(root / "campaigns/news.yaml", "email: neww", NEW + 1)


def renamed(root: Path) -> None:
    (root / "campaigns/news.yaml").rename(root / "campaigns/more.yaml")


def moved_between_folders(root: Path) -> None:
    (root / "campaigns/news.yaml").rename(root / "templates/news.yaml")


def added(root: Path) -> None:
    write(root / "campaigns/third.yaml", "", OLD)


def edited_in_place(root: Path) -> None:
    with (root / "templates/emails/news/body.mjml").open("r+", encoding="utf-8") as file:
        file.write("<MJML/>")


CHANGES = [
    replaced_by_an_older,
    replaced_by_one_of_the_same_size_and_time,
    deleted_and_another_edited_a_second_later,
    renamed,
    moved_between_folders,
    added,
    edited_in_place,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_noticed(root: Path, change: Callable[[Path], None]) -> None:
    before = fingerprint(root)
    change(root)
    assert fingerprint(root) != before


def test_what_is_only_read_or_lies_elsewhere_changes_nothing(root: Path) -> None:
    before = fingerprint(root)
    for path in root.rglob("*.*"):
        path.read_bytes()
    write(root / "var/cache", "x", NEW)
    (root / "campaigns/empty").mkdir()
    assert fingerprint(root) == before


def test_a_workspace_that_has_nothing_yet_has_a_fingerprint_too(root: Path) -> None:
    shutil.rmtree(root)
    assert fingerprint(root) == fingerprint(root)


def test_a_link_that_leads_nowhere_does_not_count(root: Path) -> None:
    before = fingerprint(root)
    (root / "campaigns/gone.yaml").symlink_to(root / "nowhere")
    assert fingerprint(root) == before
