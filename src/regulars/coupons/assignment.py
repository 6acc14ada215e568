"""Assigns coupons to a batch: one per client and sequence, the same at every attempt, never more than the stock.

Personal codes are generated here, shared ones are recorded, pool codes are taken in order of import. Concurrent
workers count limits (the stock, the number per client) one after the other under a lock, and lock the pool codes
that they take. The unique index on codes is the final guarantee.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, tuple_, update

from regulars.db.engine import insert
from regulars.db.locks import AdvisoryLock, lock_name
from regulars.db.rowset import ids
from regulars.db.states import Reason, State
from regulars.db.tables import coupon_codes, coupons, customers, promises
from regulars.rules.offer import BENEFITS, Coupon

_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # no characters that are easily confused
_LENGTH = 8  # 30**8 is 6.5e11: with a million codes, one guess in 650,000 is right


class CouponKey(NamedTuple):
    """The owner of a coupon: the campaign's key, the client, the occurrence."""

    campaign: str
    customer_id: int
    occurrence: str


ShownBy = Callable[[str, str], bool]
"""Whether the email of a step shows the coupon, by the campaign's key and the step's."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The result of assignment: the rows of `coupons` by key, and why others got none."""

    rows: Mapping[CouponKey, Mapping[str, Any]]
    refused: Mapping[CouponKey, Reason]


def template_values(row: Mapping[str, Any]) -> dict[str, Any]:
    """A coupon as a template variable."""
    own = {name: row[name] for name in ("code", "valid_from", "valid_until", "uses")}
    return {**own, **dict.fromkeys(BENEFITS), **row["offer"]}


def sample_coupon(offer: Coupon, now: datetime, zone: str, home: str | None = None) -> dict[str, Any]:
    """A coupon of the offer for a preview to a client in the zone `home`; its code is fictitious, or the shared one."""
    code = offer.shared or sample_code(offer)
    return template_values(_row(offer, code, offer.window(now, zone, home), now))


def sample_code(offer: Coupon) -> str:
    """A code that is never given: its letters are not all of the alphabet of codes."""
    return f"{offer.prefix}-SAMPLE99" if offer.prefix else "SAMPLE99"


def received(connection: Connection, places: Iterable[CouponKey]) -> set[CouponKey]:
    """The keys whose client has had an email of the sequence, and so its coupon."""
    key = tuple_(promises.c.campaign, promises.c.customer_id, promises.c.occurrence)
    went = promises.c.state.in_([State.SENT, State.UNCERTAIN, State.BOUNCED])
    query = select(promises.c.campaign, promises.c.customer_id, promises.c.occurrence).where(
        key.in_(list(places)), went
    )
    return {CouponKey(*place) for place in connection.execute(query)}


def assign_coupons(
    connection: Connection,
    wanted: Mapping[CouponKey, Coupon],
    now: datetime,
    zone: str,
    shown_by: ShownBy = lambda campaign, step: True,
    variants: Mapping[CouponKey, str] | None = None,
) -> Assigned:
    """Coupons for the places, in their order; a place that has one keeps it.

    A code that expired before any email with it was sent is renewed: its validity starts now. One that a client has
    seen stays as it is, and may have expired. `zone` is the company's; days end in the client's zone. `variants` has
    the places whose coupon is of their variant's own offer, which has a stock of its own.
    """
    rows = _rows(connection, [place for place, offer in wanted.items() if offer.limited])
    refused: dict[CouponKey, Reason] = {}
    own = variants or {}
    for campaign, variant in sorted({(place.campaign, own.get(place, "")) for place in wanted.keys() - rows.keys()}):
        of_offer = [place for place in wanted if place.campaign == campaign and own.get(place, "") == variant]
        lacking = [place for place in of_offer if place not in rows]
        offer = wanted[lacking[0]]
        if offer.stock is not None or offer.per_client is not None:
            lock_name(connection, AdvisoryLock.COUPONS, campaign)
            rows |= _rows(connection, lacking)  # another worker may have assigned these
            lacking = [place for place in lacking if place not in rows]
        refused |= _over_limit(connection, offer, lacking, variant or None)
        open_places = [place for place in lacking if place not in refused]
        codes = _codes(connection, offer, len(open_places))
        given = list(zip(open_places, codes, strict=False))  # a pool may have fewer
        homes = _homes(connection, [place for place, _ in given], zone)
        new = [
            {
                **place._asdict(),
                "variant": variant or None,
                **_row(offer, code, offer.window(now, zone, homes[place]), now),
            }
            for place, code in given
        ]
        _insert(connection, offer, new, now)
        rows |= _rows(connection, open_places)
        refused |= {place: Reason.NO_COUPON for place in open_places if place not in rows}
    ended = [place for place, row in rows.items() if row["valid_until"] < now]
    if ended:
        rows |= _renew(connection, wanted, rows, ended, now, zone, shown_by)
    return Assigned(rows, refused)


def coupon_keys(connection: Connection, promised: Sequence[int], campaigns: Iterable[str]) -> dict[CouponKey, int]:
    """The promises of these campaigns by coupon key, by priority."""
    columns = (promises.c.campaign, promises.c.customer_id, promises.c.occurrence)
    query = select(promises.c.id, *columns).where(promises.c.id.in_(promised), promises.c.campaign.in_(list(campaigns)))
    rows = connection.execute(query.order_by(promises.c.priority.desc(), promises.c.next_at, promises.c.id))
    return {CouponKey(*place): int(key) for key, *place in rows}


def _rows(connection: Connection, places: Iterable[CouponKey]) -> dict[CouponKey, Mapping[str, Any]]:
    wanted = list(places)
    if not wanted:
        return {}
    key = tuple_(coupons.c.campaign, coupons.c.customer_id, coupons.c.occurrence)
    found = connection.execute(select(coupons).where(key.in_(wanted))).mappings()
    return {CouponKey(row["campaign"], row["customer_id"], row["occurrence"]): dict(row) for row in found}


def _over_limit(
    connection: Connection, offer: Coupon, places: Sequence[CouponKey], variant: str | None
) -> dict[CouponKey, Reason]:
    """Clients at their limit of this offer, and those beyond the stock, which a variant has for itself."""
    refused: dict[CouponKey, Reason] = {}
    if not places:
        return refused
    of_campaign = coupons.c.campaign == places[0].campaign
    if offer.per_client is not None:
        clients = coupons.c.customer_id.in_(ids(connection, {place.customer_id for place in places}))
        counted = (
            select(coupons.c.customer_id, func.count()).where(of_campaign, clients).group_by(coupons.c.customer_id)
        )
        had: Counter[int] = Counter(dict(connection.execute(counted).all()))
        for place in places:
            had[place.customer_id] += 1
            if had[place.customer_id] > offer.per_client:
                refused[place] = Reason.COUPON_LIMIT
    if offer.stock is not None:
        own = coupons.c.variant.is_(None) if variant is None else coupons.c.variant == variant
        left = offer.stock - (connection.scalar(select(func.count()).where(of_campaign, own)) or 0)
        open_places = [place for place in places if place not in refused]
        refused |= dict.fromkeys(open_places[max(0, left) :], Reason.NO_COUPON)
    return refused


def _codes(connection: Connection, offer: Coupon, count: int) -> list[str]:
    """So many codes, or fewer if there are not enough."""
    if offer.shared is not None:
        return [offer.shared] * count
    if offer.pool is None:
        codes = ("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(count))
        return [f"{offer.prefix}-{code}" if offer.prefix else code for code in codes]
    free = select(coupon_codes.c.code).where(coupon_codes.c.pool == offer.pool, coupon_codes.c.given_at.is_(None))
    taken = free.order_by(coupon_codes.c.id).limit(count).with_for_update(skip_locked=True)
    return list(connection.scalars(taken))


def _renew(
    connection: Connection,
    wanted: Mapping[CouponKey, Coupon],
    rows: Mapping[CouponKey, Mapping[str, Any]],
    ended: Sequence[CouponKey],
    now: datetime,
    zone: str,
    shown_by: ShownBy,
) -> dict[CouponKey, Mapping[str, Any]]:
    """The expired coupons that no client has seen, renewed from now; others are left out."""
    key = tuple_(promises.c.campaign, promises.c.customer_id, promises.c.occurrence)
    gone = select(promises.c.campaign, promises.c.customer_id, promises.c.occurrence, promises.c.step).where(
        key.in_(ended), promises.c.state.in_([State.SENT, State.UNCERTAIN, State.BOUNCED])
    )
    seen = {CouponKey(*place) for *place, step in connection.execute(gone) if shown_by(place[0], step)}
    unseen = [place for place in ended if place not in seen]
    homes = _homes(connection, unseen, zone)
    renewed: dict[CouponKey, Mapping[str, Any]] = {}
    for place in unseen:
        begins, ends = wanted[place].window(now, zone, homes[place])
        values = {"given_at": now, "valid_from": begins, "valid_until": ends}
        connection.execute(update(coupons).where(coupons.c.id == rows[place]["id"]).values(**values))
        renewed[place] = {**rows[place], **values}
    return renewed


def _homes(connection: Connection, places: Iterable[CouponKey], zone: str) -> dict[CouponKey, str]:
    """The zone of each client; the company's if unknown."""
    wanted = list(places)
    chosen = customers.c.id.in_(ids(connection, {place.customer_id for place in wanted}))
    query = select(customers.c.id, customers.c.timezone).where(chosen)
    known = {int(key): name for key, name in connection.execute(query)} if wanted else {}
    return {place: known.get(place.customer_id) or zone for place in wanted}


def _row(offer: Coupon, code: str, window: tuple[datetime, datetime], now: datetime) -> dict[str, Any]:
    begins, ends = window
    return {
        "code": code, "shared": offer.shared is not None, "offer": offer.benefit, "uses": offer.uses, "used": 0,
        "given_at": now, "valid_from": begins, "valid_until": ends,
    }  # fmt: skip


def _insert(connection: Connection, offer: Coupon, new: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Writes the coupons; one that another worker has written meanwhile stays, and the code remains free."""
    if not new:
        return
    statement = insert(connection, coupons).on_conflict_do_nothing()
    if offer.pool is None:
        connection.execute(statement, list(new))
        return
    written = connection.scalars(statement.values(list(new)).returning(coupons.c.code)).all()
    used = update(coupon_codes).where(coupon_codes.c.code.in_(written))
    connection.execute(used.values(given_at=now))
