"""Dry dispatch: planned promises are claimed, checked again and settled as sent, by the real code.

Nothing is rendered and no server is used, so failures of templates and servers are not predicted, nor are emails
that would show an expired coupon: `regulars check` warns about these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from regulars.context.active_campaign import ActiveCampaign, load_active_campaigns
from regulars.context.plan_context import Ruleset, plan_context
from regulars.coupons.assignment import assign_coupons, coupon_keys
from regulars.coupons.stock import hold_or_skip_unassigned, offers_of
from regulars.db.states import State
from regulars.eligibility.examine import examine_claimed
from regulars.ledger.arms import arms_of_promises
from regulars.ledger.claims import claim, release
from regulars.ledger.settle import Settlement, settle
from regulars.rules.model import Kind

_BATCH = 5_000
_LEASE = timedelta(days=1)


def send(
    connection: Connection, rules: Ruleset, now: datetime, kinds: Collection[str] = tuple(Kind), most: int | None = None
) -> list[int]:  # fmt: skip
    """Settles as sent all promises of these kinds that can be sent at `now`, at most `most`; returns their ids."""
    sent: list[int] = []
    while (room := _BATCH if most is None else min(_BATCH, most - len(sent))) > 0:
        taken = claim(
            connection, kinds=[str(kind) for kind in kinds], limit=room, now=now, lease=_LEASE, worker="rehearsal"
        )  # fmt: skip
        if taken is None:
            break
        active_campaigns = load_active_campaigns(connection, rules.rulebook)
        going = _with_coupons(
            connection,
            rules,
            active_campaigns,
            examine_claimed(connection, plan_context(connection, rules, now), active_campaigns, taken),
            now,
        )
        settle(connection, taken.id, [Settlement(one, State.SENT) for one in going], now, frozenset(taken.rows))
        release(connection, taken.id)
        sent += going
    return sent


def _with_coupons(
    connection: Connection,
    rules: Ruleset,
    active_campaigns: Mapping[str, ActiveCampaign],
    ids: Sequence[int],
    now: datetime,
) -> list[int]:
    """The promises that get their coupon, where coupons may run out."""
    offers = offers_of(active_campaigns.values())
    limited = {offer.campaign for offer in offers if offer.coupon.limited}
    if not limited:
        return list(ids)
    places = coupon_keys(connection, ids, limited)
    arms = arms_of_promises(connection, ids, limited)
    forms = {place: active_campaigns[place.campaign].campaign.for_arm(arms.get(one)) for place, one in places.items()}
    wanted = {place: form.offer.coupon for place, form in forms.items() if form.offer is not None}
    own = {place: form.variant for place, form in forms.items() if form.variant is not None and form.own_offer}
    given = assign_coupons(connection, wanted, now, rules.rulebook.company.timezone, variants=own)
    lacking = {places[place]: reason for place, reason in given.refused.items()}
    hold_or_skip_unassigned(connection, lacking, now)
    return [one for one in ids if one not in lacking]
