"""One plan of a workspace's rules at an instant, kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from regulars.planner import Plan, plan
from regulars.store.engine import write
from regulars.workspace import Workspace


def planned(engine: Engine, rules: Workspace, now: datetime) -> Plan:
    """What the planner did."""
    with write(engine) as connection:
        return plan(connection, rules, now)
