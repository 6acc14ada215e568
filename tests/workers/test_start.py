"""Processes that cannot work refuse to start, with a sentence and exit code 3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kombu.transport import TRANSPORT_ALIASES

from regulars.core import broker_url
from regulars.core.errors import EnvironmentFailed
from regulars.db import upgrade
from regulars.db.engine import open_engine
from tests.common.site import Site
from tests.common.workspace import write_workspace

pytestmark = pytest.mark.slow

CELERY = [sys.executable, "-m", "celery", "--app", "regulars.workers"]
CLI = [sys.executable, "-c", "from regulars.cli import main; main()"]


def _site(root: Path, database: str) -> Site:
    write_workspace(root, {"thanks": {"on": "purchase", "email": "thanks"}})
    (root / "var").mkdir()
    return Site(root, database, f"sqla+sqlite:///{root}/var/broker.sqlite", "smtp://127.0.0.1:1")


def _run(site: Site, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=site.environment, cwd=site.root, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_celery_refuses_a_database_that_is_not_upgraded(tmp_path: Path, role: str) -> None:
    url = f"sqlite:///{tmp_path}/var/regulars.sqlite"
    site = _site(tmp_path, url)
    engine = open_engine(url)
    upgrade.migrate(engine, "0013")
    engine.dispose()
    done = _run(site, *CELERY, role)
    assert done.returncode == EnvironmentFailed.exit_code, done.stderr
    sentence = f"error: the database is at 0013, this version needs {upgrade.head()}: run `regulars db upgrade`"
    assert done.stderr.rstrip().splitlines()[-1].endswith(sentence)  # the scheduler's log puts the time before it


@pytest.mark.parametrize("role", ["worker", "beat", "web"])
def test_commands_refuse_a_database_that_is_not_upgraded(tmp_path: Path, empty_postgres_url: str, role: str) -> None:
    done = _run(_site(tmp_path, empty_postgres_url), *CLI, role)
    assert done.returncode == EnvironmentFailed.exit_code, done.stderr
    assert done.stderr.startswith("error: the database is empty, this version needs ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("reddis://broker", "REGULARS_BROKER_URL begins with `reddis://`, which is no broker; did you mean `redis`?"),
        ("amq://broker", "REGULARS_BROKER_URL begins with `amq://`, which is no broker; did you mean `amqp`?"),
        ("https://broker", "REGULARS_BROKER_URL begins with `https://`, which is no broker; expected such as "),
        ("broker:6379", "REGULARS_BROKER_URL is not a URL; expected such as `redis://host:6379/0`"),
        ("redis://u:half/secret@broker", "the port in REGULARS_BROKER_URL is not a number up to 65535; in a user "),
    ],
)
def test_a_wrong_broker_is_a_sentence_without_its_password(tmp_path: Path, url: str, sentence: str) -> None:
    site = _site(tmp_path, f"sqlite:///{tmp_path}/var/regulars.sqlite")
    site.broker_url = url
    done = _run(site, *CLI, "worker")
    assert done.returncode == EnvironmentFailed.exit_code, done.stderr
    assert done.stderr.startswith(f"error: {sentence}")
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p%40ss@broker:6379/0", "amqp://guest:guest@broker//", "sqla+sqlite:////var/broker.sqlite",
        "sentinel://a:26379;sentinel://b:26379", "memory://", "redis+socket:///run/redis.sock", "rediss://[::1]:6379/1",
    ],
)  # fmt: skip
def test_brokers_that_can_be_used_are_let_through(url: str) -> None:
    broker_url.require_usable(url)


def test_every_transport_of_kombu_is_known() -> None:
    assert {name.lower() for name in TRANSPORT_ALIASES} == broker_url.SCHEMES
