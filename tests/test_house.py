"""The house rules that no linter knows. Each rule here has, below it, a test that it catches what it should."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from regulars.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "src" / "regulars"
FILE_LINES, FUNCTION_LINES, README_LINES = 400, 50, 15

# Who may ask what time it is, by name, and why.
CLOCKS = {
    "src/regulars/core/clock.py": "it is the clock",
}
# Outside these rooms nobody builds SQL; a door may still hold an Engine or a Connection.
SQL_ROOMS = {
    "db", "profile", "importing", "consent", "coupons", "responses", "audience", "ledger", "context", "triggers",
    "eligibility", "planner", "feedback", "insights",
}  # fmt: skip
# Files of other rooms that build SQL all the same, and why.
SQL_FILES = {
    "src/regulars/dispatch/client_answers.py": "reads what emails ask about the clients of a batch, by one query",
    "src/regulars/dispatch/client_records.py": "reads what a batch is rendered with, set by set",
    "src/regulars/dispatch/load.py": "likewise",
    "src/regulars/explain/queries.py": "reads what is explained about one client",
    "src/regulars/operation/clock_check.py": "asks the database for its time",
    "src/regulars/operation/applied_versions.py": "keeps which version came into force when, and by whom",
    "src/regulars/operation/workspace_versions.py": "keeps versions of the workspace's files",
    "src/regulars/preview/stand_in.py": "writes the promise that a preview is made for, and undoes it",
    "src/regulars/simulation/ledger_queries.py": "reads the ledger of a simulation",
    "src/regulars/simulation/scene.py": "writes the history of a rule test's client",
    "src/regulars/simulation/replay/known_history.py": "copies the database into a scratch one",
    "src/regulars/simulation/replay/scratch_file.py": "opens a scratch database",
    "src/regulars/workers/embedded.py": "a broker in a database, and its errors",
}
HANDLES = {"Engine", "Connection"}

# Bracketed, so that this file does not find itself.
FOREIGN = re.compile(
    r"pypi[.]org|python[h]osted|registry[.]npmjs|file:///[o]pt|/[w]ork/(?:main|shared)|[.][.]/[s]hared|/[r]oot/|/home/[a-z]+/"
)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
"""A Markdown link to a file of this repository."""


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _python(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(found + list(ROOT.glob("*.py")))


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    # An unpacked source distribution has no history, and nothing in it but what was tracked.
    return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


ALL = _python("src", "workers", "tests", "benchmarks")
INSIDE = sorted(ENGINE.rglob("*.py"))
ROOMS = sorted(path.parent for path in ENGINE.glob("*/__init__.py"))


# ---------------------------------------------------------------- size


def long_functions(source: str) -> Iterator[str]:
    """The functions that do not fit on a screen, as `name (lines)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{node.name} ({length})"


def test_no_file_is_too_long() -> None:
    lengths = {_relative(path): len(path.read_text("utf-8").splitlines()) for path in ALL}
    assert {path: length for path, length in lengths.items() if length > FILE_LINES} == {}


@pytest.mark.slow
def test_no_function_is_too_long() -> None:
    # A migration lists its tables from top to bottom, and is not read for its logic.
    paths = [path for path in ALL if path.parent.name != "versions"]
    found = {_relative(path): list(long_functions(path.read_text("utf-8"))) for path in paths}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_long_function_is_found() -> None:
    body = "    pass\n" * FUNCTION_LINES
    assert list(long_functions(f"async def f():\n{body}")) == [f"f ({FUNCTION_LINES + 1})"]
    assert list(long_functions(f"class C:\n    x = 1\n{body}")) == []


# ---------------------------------------------------------------- time


def clock_calls(source: str) -> Iterator[str]:
    """Every question to the machine's clock: `datetime.now`, `date.today`, `time.time` and their kin."""
    asked = {
        "datetime": {"now", "utcnow", "today"},
        "date": {"today"},
        "time": {"time", "time_ns", "localtime", "gmtime"},
    }
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in asked.get(owner, ()):
                yield f"line {node.lineno}: {owner}.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"line {node.lineno}: {a.name}" for a in node.names if a.name in asked["time"])


@pytest.mark.slow
def test_nothing_inside_asks_for_the_time() -> None:
    found = {_relative(path): list(clock_calls(path.read_text("utf-8"))) for path in INSIDE}
    assert {path: calls for path, calls in found.items() if calls and path not in CLOCKS} == {}


def test_every_clock_is_still_one() -> None:
    assert [path for path in CLOCKS if not list(clock_calls((ROOT / path).read_text("utf-8")))] == []


@pytest.mark.parametrize(
    "source",
    [
        "datetime.now(UTC)",
        "x = datetime.datetime.utcnow()",
        "default_factory = date.today",
        "time.time()",
        "from time import time",
    ],
)
def test_a_question_to_the_clock_is_found(source: str) -> None:
    assert len(list(clock_calls(source))) == 1


def test_measuring_how_long_something_takes_is_no_such_question() -> None:
    assert list(clock_calls("time.monotonic(); clock.system(); time.perf_counter()")) == []


# ---------------------------------------------------------------- SQL


def statements(source: str) -> Iterator[str]:
    """What a file takes from SQLAlchemy besides handles to pass on."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "sqlalchemy")
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            yield from (a.name for a in node.names if a.name not in HANDLES)


@pytest.mark.slow
def test_only_some_rooms_know_sql() -> None:
    outside = [p for p in INSIDE if p.relative_to(ENGINE).parts[0] not in SQL_ROOMS and _relative(p) not in SQL_FILES]
    found = {_relative(path): list(statements(path.read_text("utf-8"))) for path in outside}
    assert {path: names for path, names in found.items() if names} == {}


def test_every_file_with_sql_still_has_some() -> None:
    assert [path for path in SQL_FILES if not list(statements((ROOT / path).read_text("utf-8")))] == []


def test_a_statement_is_found() -> None:
    assert list(statements("from sqlalchemy import Engine, select\nimport sqlalchemy.sql")) == [
        "select",
        "sqlalchemy.sql",
    ]


# ---------------------------------------------------------------- rooms, words


def test_every_room_says_what_it_is_for() -> None:
    pages = {path.name: path / "README.md" for path in [*ROOMS, ROOT / "workers"]}
    assert [name for name, page in pages.items() if not page.is_file()] == []
    lengths = {name: len(page.read_text("utf-8").splitlines()) for name, page in pages.items()}
    assert {name: lines for name, lines in lengths.items() if lines > README_LINES and name != "workers"} == {}


# Folders whose modules follow one pattern: their room's page names the pattern.
UNLISTED = {"web/recipient": "a module for each page", "db/tables": "one for each subject", "db/migrations": "numbered"}


def test_a_room_s_page_names_its_modules() -> None:
    missing = {}
    for room in ROOMS:
        page = (room / "README.md").read_text("utf-8")
        inside = [p for p in room.rglob("*.py") if not p.relative_to(ENGINE).as_posix().startswith(tuple(UNLISTED))]
        named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+)`", page)}
        unnamed = sorted(p.stem for p in inside if not p.stem.startswith("_") and p.stem not in named)
        if unnamed:
            missing[room.name] = unnamed
    assert missing == {}


def test_the_architecture_names_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert [room.name for room in ROOMS if f"`{room.name}`" not in page] == []


def test_no_file_names_a_registry_or_somebodys_machine() -> None:
    found = {}
    for path in _tracked():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        if match := FOREIGN.search(text):
            found[_relative(path)] = match[0]
    assert found == {}


@pytest.mark.parametrize(
    "text", ["https://py" + "pi.org/simple", "cd /wo" + "rk/main", "/" + "root/.cache", "/ho" + "me/ada/"]
)
def test_a_foreign_address_is_found(text: str) -> None:
    assert FOREIGN.search(text)


# ---------------------------------------------------------------- documentation


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    settings = {name for path in INSIDE for name in re.findall(r"REGULARS_[A-Z_]+[A-Z]", path.read_text("utf-8"))}
    assert sorted(name for name in settings if f"`{name}`" not in page) == []


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert [name for name in COMMANDS if f"`regulars {name}" not in page] == []


def test_every_command_can_be_asked_for_help() -> None:
    runner = CliRunner()
    answers = {name: runner.invoke(main, [name, "--help"]) for name in COMMANDS}
    assert {name: answer.output for name, answer in answers.items() if answer.exit_code != 0} == {}


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ENGINE.rglob("README.md")]
    links = [(page, target) for page in pages for target in LINK.findall(page.read_text("utf-8"))]
    assert [f"{_relative(page)}: {target}" for page, target in links if not (page.parent / target).exists()] == []


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert sorted(page for page in pages if f"({page})" not in index) == []
