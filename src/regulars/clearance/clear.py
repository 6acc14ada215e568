"""The order in which a promise is examined, set-wise: late, doubts, a break, quiet hours, caps, and then it may go.

`clear` examines what waits in the ledger; `confirm` examines once more what a worker has claimed.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, case, select, update
from sqlalchemy.sql import ColumnElement, and_, or_

from regulars.clearance.caps import hold_capped
from regulars.clearance.doubts import doubts
from regulars.clearance.glance import seen, spotless
from regulars.clearance.ground import Ground
from regulars.clearance.live import Live
from regulars.clearance.offers import hold_lacking, offers, over, skip_limited, wake_lacking
from regulars.clearance.quiet import hold_quiet
from regulars.clearance.wishes import hold_paused, hold_spaced
from regulars.ledger import Claim, Reason, State
from regulars.store.keys import among
from regulars.store.tables import promises


def clear(connection: Connection, ground: Ground, lives: Mapping[str, Live]) -> int:
    """Examines every held promise whose time to be looked at has come; the number that may go now."""
    given = offers(live for live in lives.values() if live.campaign.enabled)
    wake_lacking(connection, ground, given)
    waiting = and_(
        promises.c.state == State.HELD, promises.c.next_at <= ground.now, ground.mine(promises.c.customer_id)
    )
    if connection.scalar(select(promises.c.id).where(waiting).limit(1)) is None:
        return 0
    _skip_removed(connection, ground, lives, waiting)
    paused = sorted(key for key, live in lives.items() if not live.campaign.enabled)
    active = and_(waiting, promises.c.campaign.not_in(paused))
    connection.execute(update(promises).where(waiting, promises.c.campaign.in_(paused)).values(reason=Reason.PAUSED))
    _skip_late(connection, ground, waiting)
    _skip_doubtful(connection, ground, lives, active)
    _skip_over(connection, ground, lives, active)
    hold_paused(connection, ground, active)
    hold_quiet(connection, ground, lives.values(), active)
    skip_limited(connection, ground, given, active)
    hold_lacking(connection, given, active)
    hold_capped(connection, ground, active, ground.rulebook.policy.cap)
    hold_spaced(connection, ground, active)
    return connection.execute(
        update(promises).where(active).values(state=State.PLANNED, reason=None, detail=None)
    ).rowcount


def confirm(connection: Connection, ground: Ground, lives: Mapping[str, Live], claim: Claim) -> list[int]:
    """Examines a claim's rows once more at the moment of sending; the ids that still may go.

    The rest of the rows stop waiting to go, each with its reason. The cap is not asked again: a planned row
    has its place.
    """
    sound = spotless(connection, ground, lives, claim)
    rest = [row for row in claim.rows if row not in sound]
    if not rest:
        return list(claim.rows)
    mine = and_(among(promises.c.id, rest), seen(promises.c.state) == State.PLANNED)
    _skip_removed(connection, ground, lives, mine)
    _skip_late(connection, ground, mine)
    _skip_doubtful(connection, ground, lives, mine)
    _skip_over(connection, ground, lives, mine)
    hold_paused(connection, ground, mine)
    hold_quiet(connection, ground, lives.values(), mine)
    paused = sorted(key for key, live in lives.items() if not live.campaign.enabled)
    if paused:
        connection.execute(
            update(promises).where(mine, promises.c.campaign.in_(paused)).values(state=State.HELD, reason=Reason.PAUSED)
        )
    return [*sound, *connection.scalars(select(promises.c.id).where(mine))]


def _skip_removed(
    connection: Connection, ground: Ground, lives: Mapping[str, Live], chosen: ColumnElement[bool]
) -> None:
    # A step that its rule no longer has is as gone as a campaign that no file has.
    gone: list[ColumnElement[bool]] = [promises.c.campaign.not_in(sorted(lives))]
    for key, live in lives.items():
        steps = [step.key for step in live.campaign.all_steps]
        gone.append(and_(promises.c.campaign == key, promises.c.step.not_in(steps)))
    _skip(connection, ground, and_(chosen, or_(*gone)), Reason.REMOVED)


def _skip_late(connection: Connection, ground: Ground, chosen: ColumnElement[bool]) -> None:
    # What kept it waiting says more than that it is late now.
    why = case(
        (promises.c.reason.in_([Reason.RENDER_ERROR, Reason.RETRY, Reason.CAP, Reason.NO_COUPON]), promises.c.reason),
        else_=Reason.LATE,
    )
    _skip(connection, ground, and_(chosen, promises.c.expires_at < ground.now), why)


def _skip_over(connection: Connection, ground: Ground, lives: Mapping[str, Live], chosen: ColumnElement[bool]) -> None:
    ended = over(ground, offers(lives.values()))
    if ended:
        _skip(connection, ground, and_(chosen, promises.c.campaign.in_(ended)), Reason.OFFER_OVER)


def _skip(
    connection: Connection, ground: Ground, chosen: ColumnElement[bool], reason: Reason | ColumnElement[str]
) -> None:
    connection.execute(update(promises).where(chosen).values(state=State.SKIPPED, reason=reason, settled_at=ground.now))


def _skip_doubtful(
    connection: Connection, ground: Ground, lives: Mapping[str, Live], chosen: ColumnElement[bool]
) -> None:
    present = connection.scalars(select(promises.c.campaign).where(chosen).distinct())
    for key in sorted(present):
        doubtful = doubts(ground, lives[key], and_(promises.c.campaign == key, chosen)).subquery()
        connection.execute(
            update(promises)
            .where(promises.c.id == doubtful.c.id, doubtful.c.reason.is_not(None))
            .values(state=State.SKIPPED, reason=doubtful.c.reason, settled_at=ground.now)
        )
