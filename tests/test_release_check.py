"""What `make release-check` finds wrong, and that a run of the tests tells in one line what it left out."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from regulars import __version__
from tests import release_check
from tests.release_check import changelog_fault, metadata_fault, without_hashes

ROOT = Path(__file__).parents[1]
_SOUND = "# Changelog\n\n## [1.2.0] - 2026-11-30\n\n### Fixed\n\n- It works.\n\n## [1.1.0] - 2026-10-01\n"
_METADATA = """\
Metadata-Version: 2.4
Name: regulars
Version: 1.2.0
Project-URL: Source, https://regulars.example/source
Description-Content-Type: text/markdown

# Regulars

[a link](docs/rules.md)
"""


def test_the_version_has_its_section_of_the_changelog() -> None:
    assert changelog_fault(_SOUND, "1.2.0") is None
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"\n## [{__version__}] - " in text


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("[1.2.0]", "[1.3.0]", "its topmost section is `[1.3.0] - 2026-11-30`; the version is 1.2.0"),
        ("## [1.2.0] - 2026-11-30", "## [Unreleased]", "its topmost section is `[Unreleased]`; the version is 1.2.0"),
        ("### Fixed", "### Mended", "`### Mended` is no kind of change"),
        ("### Fixed\n\n- It works.\n", "", "it lists no change"),
        ("## ", "### ", "it has no section `## [VERSION] - DATE`"),
    ],
)
def test_a_changelog_of_another_shape_is_refused(old: str, new: str, fault: str) -> None:
    assert changelog_fault(_SOUND.replace(old, new), "1.2.0") == fault


def test_metadata_with_a_readme_that_can_be_shown_is_sound() -> None:
    assert metadata_fault(_METADATA.encode(), "1.2.0") is None


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Version: 1.2.0", "Version: 1.1.0", "its version is 1.1.0, not 1.2.0"),
        ("Project-URL: Source, https://regulars.example/source\n", "", "it has no project URLs"),
        ("text/markdown", "text/plain", "an index cannot show its README"),
        ("# Regulars", "Regulars", "an index cannot show its README"),
    ],
)
def test_metadata_that_an_index_cannot_show_is_refused(old: str, new: str, fault: str) -> None:
    assert metadata_fault(_METADATA.replace(old, new).encode(), "1.2.0") == fault


def test_pins_without_hashes_keep_versions_and_markers() -> None:
    given = """\
# every package
a-b==1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:01
    # via c
d==2 ; sys_platform != "win32" \\
    --hash=sha256:02
"""
    assert without_hashes(given) == 'a-b==1.0\nd==2 ; sys_platform != "win32"\n'


def test_the_pythons_that_are_tried_are_those_that_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = [line.rpartition(" :: ")[2] for line in project["classifiers"] if ":: 3." in line]
    assert list(release_check.PYTHONS) == declared
    assert sys.executable in release_check.interpreters(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert list(release_check.interpreters("3.2")) == []


@pytest.mark.slow
@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["one process", "two processes"])
def test_a_missing_server_is_one_line_however_many_tests_it_skips(processes: list[str]) -> None:
    shown = _pytest("tests/ledger", *processes, REGULARS_TEST_SERVERS="none")
    lines = [line for line in shown.splitlines() if "PostgreSQL" in line]
    assert len(lines) == 1
    assert lines[0].endswith(": PostgreSQL: left out by REGULARS_TEST_SERVERS=none")
    assert int(lines[0].split()[1].rstrip(":")) > 1


@pytest.mark.slow
@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["one process", "two processes"])
def test_the_fast_tests_tell_what_they_leave_out(processes: list[str]) -> None:
    shown = _pytest("tests/ledger", "--fast", *processes)
    (line,) = [line for line in shown.splitlines() if line.startswith("left out: ")]
    assert "postgresql" in line
    assert "skipped" not in shown


def _pytest(*arguments: str, **settings: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=ROOT, env=environment | settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
