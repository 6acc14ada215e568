"""What a stranger gets: the wheel, the shims of a checkout, and the list of pinned packages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def _run(*command: str | Path, folder: Path) -> str:
    """The command's output, run far from the checkout and from its environment variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REGULARS_", "PYTHON"))}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that has the wheel, and the packages it needs from ours."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install"]
    _run(*pip, "--quiet", "--no-deps", "--no-index", wheel, folder=home)
    packages = next(home.glob("lib/python*/site-packages"))
    # A .pth line adds our packages; the .pth of our own editable install is not read through it.
    (packages / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def test_the_wheel_has_one_import_name(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in _names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"regulars"}


def test_the_starter_is_in_the_wheel_to_the_last_file(wheel: Path) -> None:
    wanted = {
        f"regulars/starter/{path.relative_to(ROOT).as_posix()}"
        for room in ("campaigns", "templates", "starters")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted
    assert wanted - _names(wheel) == set()


def test_data_that_the_engine_reads_is_in_the_wheel(wheel: Path) -> None:
    names = _names(wheel)
    engine = ROOT / "src" / "regulars"
    data = {p for p in engine.rglob("*") if p.is_file() and p.suffix not in {".pyc", ".md"}}
    assert {f"regulars/{p.relative_to(engine).as_posix()}" for p in data} - names == set()


def test_the_installed_command_runs_a_new_workspace(installed: Path, tmp_path: Path) -> None:
    where = _run(installed / "python", "-c", "import regulars; print(regulars.__file__)", folder=tmp_path)
    assert where.startswith(str(installed.parent))
    assert "preview" in _run(installed / "regulars", "--help", folder=tmp_path)
    _run(installed / "regulars", "init", "shop", folder=tmp_path)
    shop = tmp_path / "shop"
    assert {path.name for path in (shop / "campaigns").glob("*.yaml")} == {
        path.name for path in (ROOT / "campaigns").glob("*.yaml")
    }
    _run(installed / "regulars", "check", folder=shop)
    assert " 0 failed" in _run(
        installed / "regulars", "test", "ninety days*", folder=shop
    )  # tests/starter runs them all


def test_a_checkout_runs_by_its_shims() -> None:
    assert "preview" in _run(sys.executable, "cli.py", "--help", folder=ROOT)
    code = "import workers, regulars.workers; assert workers.app is regulars.workers.app"
    _run(sys.executable, "-c", code, folder=ROOT)


# ---------------------------------------------------------------- pinned packages


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins() -> dict[str, str]:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    return {_canonical(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)}


def test_everything_declared_is_pinned_by_hash_and_nothing_names_a_server() -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    declared = [
        *project["project"]["dependencies"],
        *project["build-system"]["requires"],
        *(d for e in extras for d in e),
    ]
    names = {_canonical(re.split(r"[\[<>=;! ]", line)[0]) for line in declared}
    assert names - {"regulars"} - set(_pins()) == set()
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    blocks = re.split(r"^(?=[\w])", text, flags=re.MULTILINE)[1:]
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_these_tests_run_on_the_pinned_packages() -> None:
    found = {_canonical(d.name): d.version for d in metadata.distributions() if d.name}
    # pip and setuptools belong to the environment, not to us.
    pins = {name: version for name, version in _pins().items() if name in found and name not in {"pip", "setuptools"}}
    assert {name: found[name] for name in pins if found[name] != pins[name]} == {}
