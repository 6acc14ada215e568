"""Pretending to send: planned promises are claimed, looked at once more and settled as sent, by the code that does it.

Nothing is rendered and no server is asked, so failures of templates and servers are not foreseen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from regulars.clearance import Ruleset, confirm, ground, live
from regulars.ledger import Settlement, State, claim, release, settle
from regulars.rules.model import Kind

_BATCH = 5_000
_LEASE = timedelta(days=1)


def send(connection: Connection, rules: Ruleset, now: datetime) -> list[int]:
    """Settles all that may go at `now` as sent; the promises' ids."""
    sent: list[int] = []
    kinds = [str(kind) for kind in Kind]
    while taken := claim(
        connection, kinds=kinds, limit=_BATCH, now=now, wall=now, lease=_LEASE, worker="rehearsal"
    ):  # fmt: skip
        going = confirm(connection, ground(connection, rules, now), live(connection, rules.rulebook), taken.id)
        settle(connection, taken.id, [Settlement(one, State.SENT) for one in going], now)
        release(connection, taken.id)
        sent += going
    return sent
