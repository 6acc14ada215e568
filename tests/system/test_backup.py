"""Backup and restore by the commands of docs/operations.md, as they stand there: nobody gets an email twice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from regulars.db.engine import write
from regulars.profile import facts
from tests.common.deployment import ROOT
from tests.common.people import add_customer, add_purchase
from tests.common.recorder import Recorder
from tests.common.site import Site
from tests.common.workspace import write_workspace
from tests.system.conftest import OpenSite

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
RULES = {
    "thanks": {"when": "customer.purchases >= 1", "backfill": "all", "email": "thanks"},
    "rare": {"when": "customer.purchases >= 2", "backfill": "all", "email": "rare"},
}
PROGRAMS = {"postgresql": "pg_dump", "sqlite": "sqlite3"}


def blocks(heading: str) -> list[str]:
    """The shell commands below a heading, a text for each block."""
    below = PAGE.partition(f"\n### {heading}\n")[2]
    return re.findall(r"```sh\n(.*?)```", re.split(r"\n##+ ", below)[0], re.DOTALL)


class Shell:
    """Runs blocks in the workspace; `regulars` is ours."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        tools = root.parent / "bin"
        tools.mkdir(exist_ok=True)
        program = tools / "regulars"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/cli.py "$@"\n')
        program.chmod(0o755)
        self.environment = {**environment, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}

    def run(self, block: str) -> str:
        """What the block prints; each command must end well."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], cwd=self.root, env=self.environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _add(site: Site, name: str, purchases: int) -> None:
    with write(site.engine) as connection:
        key = add_customer(connection, name)
        for day in range(purchases):
            add_purchase(connection, key, datetime(2026, 1, 1 + day, tzinfo=UTC))
        facts.refresh(connection)


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_backup_restored_sends_nothing_twice(
    kind: str, open_site: OpenSite, recorder: Recorder, request: pytest.FixtureRequest
) -> None:
    if shutil.which(PROGRAMS[kind]) is None:
        pytest.skip(f"{PROGRAMS[kind]}: not installed")
    site = open_site("redis" if kind == "postgresql" else "embedded", recorder.url)
    write_workspace(site.root, RULES)
    site.prepare()
    _add(site, "ada", 1)
    shell = Shell(site.root, site.environment)
    backup, restore = blocks({"postgresql": "PostgreSQL", "sqlite": "SQLite"}[kind])
    hold, release = blocks("After a restore")

    shell.run("regulars tick")
    shell.environment["REGULARS_DATABASE_URL"] = site.database_url.replace("+psycopg", "")
    _back_up_then_mail_more(shell, site, backup)
    assert len(recorder.accepted()) == 2
    site.engine.dispose()
    restored = Site(site.root, site.database_url, site.broker_url, site.smtp_url)
    if kind == "postgresql":
        restored = _restore_postgresql(shell, site, restore, request)
    else:
        shell.run(restore)
    shell.environment["REGULARS_DATABASE_URL"] = restored.database_url
    assert restored.states() == {"sent": 1}
    _add(restored, "bo", 1)  # the shop's own data comes again
    _add(restored, "cy", 2)
    log = "\n".join(f"{key} {to}" for key, to in recorder.accepted())
    (site.root / "mail.log").write_text(log, encoding="utf-8")
    shell.run(hold.replace("regulars.dump.at", next(site.root.glob("*.at")).name))
    shell.run("regulars tick")
    assert len(recorder.accepted()) == 2
    shell.run(release + "regulars tick\n")
    found = sorted(to for _, to in recorder.accepted())
    assert found == [f"{name}@client.example" for name in ("ada", "bo", "cy", "cy")]
    restored.engine.dispose()


def _back_up_then_mail_more(shell: Shell, site: Site, backup: str) -> None:
    assert shell.run(backup).split()[-1] not in {"", "0"}
    assert list(site.root.glob("*.at"))
    (copy,) = (path for path in site.root.iterdir() if path.name in {"regulars.dump", "regulars-backup.sqlite"})
    assert copy.stat().st_mode & 0o077 == 0
    _add(site, "bo", 1)
    shell.run("regulars tick")


def _restore_postgresql(shell: Shell, site: Site, restore: str, request: pytest.FixtureRequest) -> Site:
    """Runs the block with a database name of its own, which is dropped at the end."""
    server = request.getfixturevalue("postgres_server")
    at, name = urlsplit(server), f"regulars_test_restored_{os.getpid()}"
    shell.environment |= {"PGHOST": at.hostname or "", "PGPORT": str(at.port or 5432), "PGUSER": at.username or ""}
    shell.environment |= {"PGPASSWORD": at.password or ""}

    def drop() -> None:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    request.addfinalizer(drop)
    assert "regulars_restored" in restore
    shell.run(restore.replace("regulars_restored", name))
    url = f"{site.database_url.rpartition('/')[0]}/{name}"
    return Site(site.root, url, site.broker_url, site.smtp_url)
