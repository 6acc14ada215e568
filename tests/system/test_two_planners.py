"""Two planners at once give the same ledger as one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from regulars.db.engine import open_engine, write
from regulars.planner.plan import plan
from regulars.workspace.folder import Workspace, open_workspace
from tests.common.site import Site
from tests.system import story

pytestmark = pytest.mark.slow


def _played(site: Site, planners: int) -> set[tuple[str, str, str, str, str, str | None]]:
    """The story's plans, each made by so many planners at the same moment; nothing is sent."""
    story.write_rules(site.root)
    story.settle_in(site)
    rules = open_workspace(site.root)
    engines = [open_engine(site.database_url) for _ in range(planners)]
    with ThreadPoolExecutor(planners) as pool:
        for moment in story.MOMENTS:
            gate = threading.Barrier(planners)
            list(pool.map(partial(_plan, rules, moment, gate), engines))
    for engine in engines:
        engine.dispose()
    return site.ledger()


def _plan(rules: Workspace, moment: datetime, gate: threading.Barrier, engine: Engine) -> None:
    gate.wait(30)
    with write(engine) as connection:
        plan(connection, rules, moment)


@pytest.mark.parametrize("kind", ["embedded", "redis"])
def test_four_planners_at_once_plan_what_one_does(kind: str, open_site: Callable[..., Site], tmp_path: Path) -> None:
    alone = Site(tmp_path / "alone", f"sqlite:///{tmp_path}/alone.sqlite", "memory://", "smtp://127.0.0.1:9")
    expected = _played(alone, 1)
    alone.engine.dispose()
    assert {row[4] for row in expected} >= {"planned", "held", "skipped"}
    assert _played(open_site(kind, "smtp://127.0.0.1:9"), 4) == expected
