"""The guards that look at what came back, once for each plan; and the log of those that fired."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from regulars.context.active_campaign import load_active_campaigns
from regulars.eligibility.guards import Alarm, guard_returns
from regulars.feedback.notification import Kind
from regulars.ledger.switches import Scope, Target
from regulars.rules.model import Rulebook

_LOG = logging.getLogger(__name__)
KINDS = {"bounces": (Kind.HARD_BOUNCE, Kind.SOFT_BOUNCE), "complaints": (Kind.COMPLAINT,)}
"""The kinds of notification that each guard counts."""


def watch(connection: Connection, book: Rulebook, lanes: Mapping[str, frozenset[str]], now: datetime) -> list[Alarm]:
    """Stops campaigns and lanes of whose emails too many came back; `lanes` has the kinds of email by name."""
    targets = [Target(Scope.LANE, name, kinds) for name, kinds in lanes.items()]
    return guard_returns(connection, book, load_active_campaigns(connection, book), targets, KINDS, now)


def log_alarms(alarms: Iterable[Alarm], names: Mapping[str, str]) -> None:
    """A warning for each guard that fired, with its numbers and how to resume; `names` are campaigns by key."""
    for alarm in alarms:
        _LOG.warning(
            "a guard has paused %s: %s; `regulars resume %s` lets it go on", alarm.target.words(names), alarm.why,
            alarm.target.argument(names),
        )  # fmt: skip
