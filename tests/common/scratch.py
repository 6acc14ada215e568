"""One plan of a workspace's rules at an instant, kept; rule tests in one database for all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Engine

from regulars.db.engine import write
from regulars.planner.plan import Plan, plan
from regulars.simulation import rule_tests, scene
from regulars.simulation.rule_tests import Progress, TrialResult
from regulars.workspace.folder import Workspace


def planned(engine: Engine, rules: Workspace, now: datetime) -> Plan:
    """What the planner did."""
    with write(engine) as connection:
        return plan(connection, rules, now)


@cache
def in_memory() -> Engine:
    """This process's database for rule tests, which empty it first: it keeps what it has compiled."""
    return scene.scratch()


def run_trials(
    workspace: Workspace, names: Sequence[str] | None = None, progress: Progress | None = None
) -> list[TrialResult]:
    """The workspace's own tests, run in that database."""
    return rule_tests.run_trials(workspace, names, progress, in_memory())
