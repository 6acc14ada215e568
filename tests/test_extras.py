"""A plain install, without psycopg, redis, numpy and scipy: what works, and what names the missing extra.

The packages are made unfindable for a process and all that it starts, as if they had never been installed.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from regulars.core import extras
from regulars.core.errors import EnvironmentFailed
from tests.workspace.folders import write

pytestmark = pytest.mark.slow

_HIDE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"psycopg", "psycopg_binary", "redis", "numpy", "scipy", "cryptography"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""
_IMPORT_EVERYTHING = """
import importlib, pkgutil, regulars
failed = set()
for module in pkgutil.walk_packages(regulars.__path__, "regulars."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        failed.add((module.name, error.name))
print(sorted(failed))
"""
_READS_WHAT_IS_LEARNED = """
campaigns:
  again:
    on: visit.done
    audience: customer.clv > 100
    email: hello
"""


class PlainInstall:
    """Runs Python where the extras' packages cannot be found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "hidden").mkdir()
        (folder / "hidden" / "sitecustomize.py").write_text(_HIDE)

    def python(self, *arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """`python ARGUMENTS` in the folder, with these environment variables."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
        environment |= {"PYTHONPATH": str(self.folder / "hidden"), "COLUMNS": "200", **(settings or {})}
        return subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def regulars(self, *arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """The `regulars` command."""
        return self.python("-c", "from regulars.cli import main; main()", *arguments, settings=settings)


@pytest.fixture
def plain(tmp_path: Path) -> PlainInstall:
    return PlainInstall(tmp_path)


def test_only_the_models_of_knowledge_import_an_optional_package(plain: PlainInstall) -> None:
    done = plain.python("-c", _IMPORT_EVERYTHING)
    assert done.returncode == 0, done.stderr
    failed = ast.literal_eval(done.stdout)
    assert ("regulars.knowledge.bgnbd", "numpy") in failed  # the packages are hidden, indeed
    assert {(name.rpartition(".")[0], missing) for name, missing in failed} == {("regulars.knowledge", "numpy")}


def test_a_workspace_is_checked_planned_and_sent(plain: PlainInstall) -> None:
    write(plain.folder / "shop", {"campaigns/again.yaml": _READS_WHAT_IS_LEARNED})
    checked = plain.regulars("-w", "shop", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "warning[A002]" in checked.stdout
    assert extras.command("learn") in checked.stdout
    planned = plain.regulars("-w", "shop", "plan")
    assert planned.returncode == 0, planned.stderr
    assert "nothing to send" in plain.regulars("-w", "shop", "tick").stdout


def test_the_demo_plays_its_day(plain: PlainInstall) -> None:
    done = plain.regulars("demo", "--dir", "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The plan said 76 emails; 76 were sent." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "settings", "extra"),
    [
        (["plan"], {"REGULARS_DATABASE_URL": "postgresql://postgres@127.0.0.1/shop"}, "postgres"),
        (["plan"], {"REGULARS_DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1/shop"}, "postgres"),
        (["worker"], {"REGULARS_BROKER_URL": "redis://127.0.0.1/0"}, "redis"),
        (["beat"], {"REGULARS_BROKER_URL": "amqp://127.0.0.1//;rediss://127.0.0.1/0"}, "redis"),
        (["up"], {"REGULARS_BROKER_URL": "redis://127.0.0.1/0"}, "redis"),
        (["learn"], {}, "learn"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    plain: PlainInstall, arguments: list[str], settings: dict[str, str], extra: str
) -> None:
    write(plain.folder / "shop")
    done = plain.regulars("-w", "shop", *arguments, settings=settings)
    assert done.returncode == EnvironmentFailed.exit_code
    assert done.stderr.rstrip().endswith(f"not installed here: pip install 'regulars[{extra}]'"), done.stderr
    assert "Traceback" not in done.stderr


def test_the_scheduler_learns_only_where_the_extra_is_installed(plain: PlainInstall) -> None:
    code = "from regulars.workers.app import schedule; print(*schedule())"
    assert plain.python("-c", code).stdout.split() == ["plan", "dispatch", "notify"]
    from regulars.workers.app import schedule

    assert list(schedule()) == ["plan", "dispatch", "notify", "learn"]


def test_a_learning_task_that_is_sent_all_the_same_says_what_is_missing(plain: PlainInstall) -> None:
    write(plain.folder / "shop")
    code = "import logging; logging.basicConfig(); from regulars.workers.tasks import learn; learn()"
    done = plain.python("-c", code, settings={"REGULARS_WORKSPACE": str(plain.folder / "shop")})
    assert done.returncode == 0, done.stderr
    assert extras.command("learn") in done.stderr


def test_other_urls_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (name for names in extras.MODULES.values() for name in names):
        monkeypatch.setitem(sys.modules, module, None)
    for url in ("sqlite:///shop.sqlite", "sqla+sqlite:///broker.sqlite", "amqp://127.0.0.1//", "postgresql+pg8000://x"):
        extras.require_for_url("REGULARS_DATABASE_URL", url)
    with pytest.raises(EnvironmentFailed, match="numpy and scipy"):
        extras.require("learn", "this")
