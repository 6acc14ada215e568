"""The README shows what the commands print. `python docs/refresh.py` renews it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from docs import refresh
from tests.demo.conftest import Demo

pytestmark = pytest.mark.slow


def test_the_readme_is_what_the_commands_print(demo: Demo, tmp_path: Path) -> None:
    workspace = tmp_path / "demo"
    shutil.copytree(demo.folder, workspace)
    written = refresh.README.read_text("utf-8")
    assert refresh.refreshed(written, workspace) == written


def test_output_that_is_out_of_date_is_seen(tmp_path: Path) -> None:
    text = "```console\n$ echo yes\nno\n```\n"
    assert refresh.refreshed(text, tmp_path) == "```console\n$ echo yes\nyes\n```\n"


def test_an_edit_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("days: 90", "utf-8")
    with pytest.raises(ValueError, match="has no `days: 60`"):
        refresh.refreshed("<!-- edit a.yaml | days: 60 | days: 30 -->", tmp_path)


def test_the_picture_is_there_and_light() -> None:
    assert 20_000 < (refresh.README.parent / "docs" / "images" / "demo.png").stat().st_size < 400_000
