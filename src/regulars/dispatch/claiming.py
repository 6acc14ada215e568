"""Claims for a lane: no more than it may send now, and under limits by receiving domain no more than they allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import Connection

from regulars.dispatch.allowance import Allowance
from regulars.dispatch.lane import Lane
from regulars.ledger.claims import Claim, claim, waiting

ClaimWithin = Callable[..., tuple[Claim | None, Mapping[int, str]]]
"""A claim under limits by receiving domain, with the label of each row."""


class Idle(IntEnum):
    """Why a lane has no batch."""

    NOTHING = 0
    THROTTLED = 1
    """Emails wait for a rate, and some may go within seconds."""


class Taken(NamedTuple):
    """A claim, what its lane may send, and the labels of its rows where domains are limited."""

    claim: Claim
    allowance: Allowance
    now: datetime
    labels: Mapping[int, str]


def take(
    connection: Connection, lane: Lane, allowed: Allowance, lease: timedelta, worker: str, within: ClaimWithin | None
) -> Taken | Idle:  # fmt: skip
    """Claims what the lane may send now; `within` claims under limits by receiving domain, where there are any.

    What is claimed under such limits is counted by its servers' limits at once: the transaction ends after it.
    """
    now, kinds = allowed.now, lane.kinds
    if allowed.most < 1:
        return Idle.THROTTLED if not allowed.waits and waiting(connection, kinds, now) else Idle.NOTHING
    if within is None:
        found = claim(connection, kinds=kinds, limit=allowed.most, now=now, lease=lease, worker=worker)
        return Idle.NOTHING if found is None else Taken(found, allowed, now, {})
    found, labels = within(connection, kinds=kinds, limit=allowed.most, now=now, lease=lease, worker=worker)
    if found is None:
        return Idle.THROTTLED if waiting(connection, kinds, now) else Idle.NOTHING
    allowed.spend(connection, len(found.rows))
    return Taken(found, allowed, now, labels)
