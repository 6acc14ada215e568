"""Offers that run out: promises without a coupon are held with that reason until there are coupons again.

Planned promises are counted here; the coupon itself is assigned when the email is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, and_, case, delete, false, func, or_, select, type_coerce, update
from sqlalchemy.sql import ColumnElement, exists

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.states import HELD_OUT, Reason, State
from regulars.db.tables import coupon_codes, coupons, customers, promises
from regulars.ledger.arms import arm_of
from regulars.rules.model import Campaign
from regulars.rules.offer import Coupon


@dataclass(frozen=True, slots=True)
class CampaignOffer:
    """The coupon of a campaign (by key), or of one of its variants that has an offer of its own."""

    campaign: str
    rule: Campaign
    coupon: Coupon
    variant: str | None = None

    @property
    def of_coupons(self) -> ColumnElement[bool]:
        """The coupons of this offer."""
        own = coupons.c.variant.is_(None) if self.variant is None else coupons.c.variant == self.variant
        return and_(coupons.c.campaign == self.campaign, own)

    @property
    def of_promises(self) -> ColumnElement[bool]:
        """The promises whose email shows a coupon of this offer, as far as the draw is known or can be foretold."""
        of_campaign = promises.c.campaign == self.campaign
        others = [one.name for one in self.rule.variants if one.offer is not None]
        if not others:
            return of_campaign
        client = (
            select(arm_of(self.campaign, self.rule))
            .where(customers.c.id == promises.c.customer_id)
            .correlate(promises)
            .scalar_subquery()
        )
        chosen = client.not_in(others) if self.variant is None else client == self.variant
        return and_(of_campaign, chosen)


Offers = Sequence[CampaignOffer]
_RECENT = timedelta(days=60)
"""Coupons older than this are not looked at by every plan: an email is tried for days, not for months."""
_CHUNK = 1_000


def offers_of(active_campaigns: Iterable[ActiveCampaign]) -> list[CampaignOffer]:
    """The offers of the campaigns and of their variants."""
    found = []
    for active in active_campaigns:
        rule = active.campaign
        given = [(None, rule.offer), *((one.name, one.offer) for one in rule.variants)]
        found += [CampaignOffer(active.key, rule, offer.coupon, name) for name, offer in given if offer is not None]
    return found


def ended_offers(context: PlanContext, given: Offers) -> list[CampaignOffer]:
    """The offers that have ended: their coupons would hold no longer."""
    zone = context.rulebook.company.timezone
    ends = [(offer, offer.coupon.last_instant(zone)) for offer in given]
    return [offer for offer, end in ends if end is not None and end < context.now]


def take_back_unsent(connection: Connection, context: PlanContext, given: Offers) -> None:
    """Takes back coupons of limited offers whose email certainly never went: all of the sequence failed or was skipped.

    Such a coupon no longer counts, and the code of a pool can be given to somebody else. One that was used, and one
    whose email may have arrived (sent, uncertain, bounced) or may still go, stays.
    """
    limited = sorted({offer.campaign for offer in given if offer.coupon.limited})
    if not limited:
        return
    of_sequence = (
        promises.c.campaign == coupons.c.campaign,
        promises.c.customer_id == coupons.c.customer_id,
        promises.c.occurrence == coupons.c.occurrence,
    )
    never_went = (State.FAILED, State.SKIPPED)
    unsent = delete(coupons).where(
        coupons.c.campaign.in_(limited),
        coupons.c.used == 0,
        coupons.c.given_at > context.now - _RECENT,
        context.is_selected(coupons.c.customer_id),
        exists().where(*of_sequence),
        ~exists().where(*of_sequence, promises.c.state.not_in(never_went)),
    )
    codes = connection.scalars(unsent.returning(case((~coupons.c.shared, coupons.c.code)))).all()
    free = [code for code in codes if code is not None]
    for start in range(0, len(free), _CHUNK):
        of_pool = coupon_codes.c.code.in_(free[start : start + _CHUNK])
        connection.execute(update(coupon_codes).where(of_pool).values(given_at=None))


def release_restocked(connection: Connection, context: PlanContext, given: Offers) -> None:
    """Releases promises held for lack of coupons, where there are coupons again."""
    lacking = (promises.c.state == State.HELD, promises.c.reason == Reason.NO_COUPON)
    waiting = set(connection.scalars(select(promises.c.campaign).where(*lacking).distinct()))
    if not waiting:
        return
    used_up = [offer.of_promises for offers, left in _limits(connection, given) if left <= 0 for offer in offers]
    woken = update(promises).where(*lacking, promises.c.campaign.in_(sorted(waiting)), ~or_(false(), *used_up))
    connection.execute(woken.values(next_at=context.now))


def hold_without_coupon(connection: Connection, given: Offers, chosen: ColumnElement[bool]) -> None:
    """Holds the chosen promises for which no coupon is left, the least important ones, until they are too late."""
    present = set(connection.scalars(select(promises.c.campaign).where(chosen).distinct()))
    for offers, left in _limits(connection, given):
        if any(offer.campaign in present for offer in offers):
            _hold_beyond(connection, offers, left, chosen)


def skip_over_limit(connection: Connection, context: PlanContext, given: Offers, chosen: ColumnElement[bool]) -> None:
    """Skips the chosen promises of clients who had as many coupons of the campaign as one client gets."""
    for offer in given:
        if offer.coupon.per_client is None:
            continue
        had = (
            select(func.count())
            .where(coupons.c.campaign == offer.campaign, coupons.c.customer_id == promises.c.customer_id)
            .correlate(promises)
            .scalar_subquery()
        )
        place = func.row_number().over(partition_by=promises.c.customer_id, order_by=(promises.c.due_at, promises.c.id))
        each = (
            select(promises.c.id, (place + had).label("number"))
            .where(offer.of_promises, chosen, ~_has_coupon())
            .subquery()
        )
        connection.execute(
            update(promises)
            .where(promises.c.id == each.c.id, each.c.number > offer.coupon.per_client)
            .values(state=State.SKIPPED, reason=Reason.COUPON_LIMIT, detail=None, settled_at=context.now)
        )


def hold_or_skip_unassigned(connection: Connection, lacking: Mapping[int, Reason], now: datetime) -> None:
    """Holds or skips claimed promises that got no coupon, each with its reason."""
    for reason in sorted(set(lacking.values())):
        with_reason = promises.c.id.in_([key for key, why in lacking.items() if why is reason])
        held = {"state": State.HELD, "reason": reason, "detail": None, "next_at": too_late()}
        skipped = {"state": State.SKIPPED, "reason": reason, "detail": None, "settled_at": now}
        values = held if reason is Reason.NO_COUPON else skipped
        connection.execute(update(promises).where(with_reason).values(**values))


def too_late() -> ColumnElement[int]:
    """When a promise held for a coupon is examined at the latest: when it is skipped."""
    return type_coerce(promises.c.expires_at, BigInteger) + 1


def _limits(connection: Connection, given: Offers) -> list[tuple[Offers, int]]:
    """The number of coupons left, by the offers that share them."""
    limits: list[tuple[Offers, int]] = []
    for offer in given:
        if offer.coupon.stock is not None:
            used = connection.scalar(select(func.count()).where(offer.of_coupons)) or 0
            limits.append(([offer], offer.coupon.stock - used - _promised(connection, [offer])))
    pools: dict[str, list[CampaignOffer]] = {}
    for offer in given:
        if offer.coupon.pool is not None:
            pools.setdefault(offer.coupon.pool, []).append(offer)
    for pool, offers in pools.items():
        free = select(func.count()).where(coupon_codes.c.pool == pool, coupon_codes.c.given_at.is_(None))
        limits.append((offers, (connection.scalar(free) or 0) - _promised(connection, offers)))
    return limits


def _promised(connection: Connection, offers: Offers) -> int:
    """Planned promises without a coupon."""
    count = select(func.count()).where(
        or_(*(offer.of_promises for offer in offers)), promises.c.state == State.PLANNED, ~_has_coupon()
    )
    return connection.scalar(count.select_from(promises)) or 0


def _hold_beyond(connection: Connection, offers: Offers, left: int, chosen: ColumnElement[bool]) -> None:
    # Who will be held out gets no coupon, so the next in order gets it.
    gets_one = case((promises.c.reason.in_(HELD_OUT), 0), else_=1)
    before = func.sum(gets_one).over(
        order_by=(promises.c.priority.desc(), promises.c.due_at, promises.c.id), rows=(None, -1)
    )
    ranked = (
        select(promises.c.id, (func.coalesce(before, 0) + 1).label("place"))
        .where(or_(*(offer.of_promises for offer in offers)), chosen, ~_has_coupon())
        .subquery()
    )
    connection.execute(
        update(promises)
        .where(promises.c.id == ranked.c.id, ranked.c.place > left)
        .values(state=State.HELD, reason=Reason.NO_COUPON, detail=None, next_at=too_late())
    )


def _has_coupon() -> ColumnElement[bool]:
    """Whether the sequence already has its coupon, from its first email."""
    return exists().where(
        coupons.c.campaign == promises.c.campaign,
        coupons.c.customer_id == promises.c.customer_id,
        coupons.c.occurrence == promises.c.occurrence,
    )
