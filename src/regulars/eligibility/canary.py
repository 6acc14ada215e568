"""Canaries: of a new or changed campaign a random sample goes first, and the rest waits to see what comes of it.

The plan that puts the rule into force begins the canary (`begin_canaries`). Each plan then holds all but the sample
(`hold_canaries`) before places and coupons are given away, and records who of the sample was let go (`record_samples`).
The wait begins when the last of the sample is settled; then the rest goes by itself, unless a guard has stopped the
campaign. The sample is random, but a function of the rule and the clients' buckets: every plan draws the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, cast, func, insert, literal, select, update
from sqlalchemy.sql import ColumnElement, and_, exists

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core import ids
from regulars.core.clock import words
from regulars.db.states import Reason, State
from regulars.db.tables import canaries, canary_samples, customers, promises
from regulars.eligibility.draw import takes_place
from regulars.rules.guard import Canary
from regulars.rules.guard_in_force import canary_of
from regulars.rules.model import Rulebook

LOOK_AGAIN = timedelta(minutes=1)
"""When held promises are examined again while the sample is not yet complete, or not yet settled."""
_UNDER_WAY = (Reason.RENDER_ERROR, Reason.RETRY, Reason.SERVER_AWAY, Reason.KILLS_WORKERS)


@dataclass(frozen=True, slots=True)
class OpenCanary:
    """A canary that is not over. `size` emails go first; the others wait for `wait` after the last of them."""

    id: int
    campaign: str
    rule: str
    size: int
    wait: timedelta

    @property
    def words(self) -> str:
        """`50 go first, the rest 30 minutes after the last of them`."""
        return f"{self.size:,} go first, the rest {words(self.wait)} after the last of them"


def begin_canaries(
    connection: Connection, book: Rulebook, active_campaigns: Mapping[str, ActiveCampaign], names: Sequence[str],
    now: datetime,
) -> None:  # fmt: skip
    """Begins a canary for each of these new or changed campaigns that has one, once for each rule version."""
    for key, active in active_campaigns.items():
        if active.campaign.name not in names:
            continue
        _close(connection, key, now)
        canary, rule = canary_of(active.campaign, book.policy), book.digest(active.campaign)
        had = select(canaries.c.id).where(canaries.c.campaign == key, canaries.c.rule == rule).limit(1)
        if canary is not None and connection.scalar(had) is None:
            begin_canary(connection, key, rule, canary, now)


def begin_canary(connection: Connection, key: str, rule: str, canary: Canary, now: datetime) -> None:
    """Begins a canary for the campaign, which ends an open one."""
    _close(connection, key, now)
    row = {"campaign": key, "rule": rule, "size": canary.size, "wait_seconds": int(canary.wait.total_seconds())}
    connection.execute(insert(canaries).values(**row, began_at=now))


def open_canaries(connection: Connection) -> dict[str, OpenCanary]:
    """The canaries that are not over, by the key of the campaign."""
    rows = connection.execute(select(canaries).where(canaries.c.over_at.is_(None)))
    return {
        row.campaign: OpenCanary(row.id, row.campaign, row.rule, row.size, timedelta(seconds=row.wait_seconds))
        for row in rows
    }


def hold_canaries(connection: Connection, context: PlanContext, chosen: ColumnElement[bool]) -> list[OpenCanary]:
    """Holds all but the sample of each open canary; returns the canaries whose sample is not yet complete."""
    incomplete = []
    for canary in open_canaries(connection).values():
        taken, last, under_way = _sample(connection, canary)
        if taken >= canary.size and not under_way and last is not None and last + canary.wait <= context.now:
            _close(connection, canary.campaign, context.now)
            continue
        if taken < canary.size:
            incomplete.append(canary)
            next_at = context.now + canary.wait
        else:
            known = context.now if last is None or under_way else last + canary.wait
            next_at = max(known, context.now + LOOK_AGAIN)
        others = _others(canary, chosen, canary.size - taken)
        held = {"state": State.HELD, "reason": Reason.CANARY, "detail": canary.words, "next_at": next_at}
        connection.execute(update(promises).where(promises.c.id.in_(others)).values(held))
    return incomplete


def record_samples(
    connection: Connection, context: PlanContext, chosen: ColumnElement[bool], incomplete: Sequence[OpenCanary]
) -> None:
    """Records the chosen promises, which may go now, in their samples; looks again soon where a sample is not full."""
    for canary in incomplete:
        going = select(promises.c.id, literal(canary.id)).where(
            chosen, promises.c.campaign == canary.campaign, ~_sampled()
        )
        connection.execute(insert(canary_samples).from_select(["promise_id", "canary_id"], going))
        if _sample(connection, canary)[0] < canary.size:
            waiting = (promises.c.state == State.HELD, promises.c.reason == Reason.CANARY)
            soon = context.now + min(LOOK_AGAIN, canary.wait)
            connection.execute(
                update(promises).where(promises.c.campaign == canary.campaign, *waiting).values(next_at=soon)
            )


def _others(canary: OpenCanary, chosen: ColumnElement[bool], places: int) -> ColumnElement[int]:
    """The chosen promises that are neither in the sample nor have one of its last places."""
    a, b = ids.salt(f"{canary.campaign} canary {canary.rule}")
    place = (cast(customers.c.bucket, BigInteger) * a + b) % ids.PRIME
    # Held-out clients take no place, but wait with the others, so that both groups differ in the email only.
    running = func.sum(takes_place()).over(order_by=(place, promises.c.id), rows=(None, 0))
    ranked = (
        select(promises.c.id, running.label("running"))
        .join(customers, customers.c.id == promises.c.customer_id)
        .where(chosen, promises.c.campaign == canary.campaign, ~_sampled())
        .subquery()
    )
    return select(ranked.c.id).where(ranked.c.running > max(places, 0)).scalar_subquery()


def _sampled() -> ColumnElement[bool]:
    """Whether the promise belongs to a sample, of this canary or an earlier one."""
    return exists().where(canary_samples.c.promise_id == promises.c.id)


def _sample(connection: Connection, canary: OpenCanary) -> tuple[int, datetime | None, bool]:
    """How many are in the sample, when the last was settled, and whether any is still on its way."""
    rows = connection.execute(
        select(promises.c.state, promises.c.reason, promises.c.settled_at)
        .join(canary_samples, canary_samples.c.promise_id == promises.c.id)
        .where(canary_samples.c.canary_id == canary.id)
    ).all()
    last = max((row.settled_at for row in rows if row.settled_at is not None), default=None)
    under_way = any(
        row.state == State.PLANNED or (row.state == State.HELD and row.reason in _UNDER_WAY) for row in rows
    )
    return len(rows), last, under_way


def _close(connection: Connection, key: str, now: datetime) -> None:
    still = and_(canaries.c.campaign == key, canaries.c.over_at.is_(None))
    connection.execute(update(canaries).where(still).values(over_at=now))
