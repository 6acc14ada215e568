"""Coupons at the till: looked at, and used, each use counted by the database itself, however many tills ask at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, select, update

from regulars.store.engine import insert
from regulars.store.tables import coupons, customers, events

REDEEMED = "coupon.redeemed"


class Standing(StrEnum):
    """What a till is told of a code."""

    VALID = "valid"
    REDEEMED = "redeemed"  # just now, or before under the same reference
    USED_UP = "used-up"
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Coupon:
    """A code as a till sees it; `offer` is {"percent": 50}, {"amount": "10"} or {"gift": "…"}."""

    standing: Standing
    code: str
    offer: Mapping[str, Any] | None = None
    uses_left: int = 0
    valid_until: datetime | None = None
    customer: str | None = None


def check(connection: Connection, code: str, now: datetime) -> Coupon:
    """What the code is worth now; changes nothing."""
    code = tidy(code)
    row = connection.execute(
        select(coupons, customers.c.external_id)
        .join(customers, customers.c.id == coupons.c.customer_id)
        .where(coupons.c.code == code)
    ).first()
    if row is None:
        return Coupon(Standing.UNKNOWN, code)
    standing = Standing.VALID
    if row.used >= row.uses:
        standing = Standing.USED_UP
    elif now < row.valid_from:
        standing = Standing.NOT_YET
    elif now > row.valid_until:
        standing = Standing.EXPIRED
    return Coupon(standing, code, row.offer, row.uses - row.used, row.valid_until, row.external_id)


def redeem(connection: Connection, code: str, reference: str, now: datetime) -> Coupon:
    """Uses the code once for `reference` (an order, a receipt); the same reference again uses nothing more.

    A use is an event `coupon.redeemed` of the client, with the code, the campaign and the reference.
    """
    found = check(connection, code, now)
    if found.standing is Standing.UNKNOWN:
        return found
    name = f"coupon/{found.code}/{reference}"
    if not _noted(connection, name, found.code, reference, now):
        return Coupon(Standing.REDEEMED, found.code, found.offer, found.uses_left, found.valid_until, found.customer)
    taken = connection.execute(
        update(coupons)
        .where(
            coupons.c.code == found.code,
            coupons.c.used < coupons.c.uses,
            coupons.c.valid_from <= now,
            coupons.c.valid_until >= now,
        )
        .values(used=coupons.c.used + 1, redeemed_at=now)
    ).rowcount
    if not taken:
        connection.execute(delete(events).where(events.c.external_id == name))
        return check(connection, code, now)
    left = check(connection, code, now).uses_left
    return Coupon(Standing.REDEEMED, found.code, found.offer, left, found.valid_until, found.customer)


def _noted(connection: Connection, name: str, code: str, reference: str, now: datetime) -> bool:
    """Writes the event; False when this reference has used the code already."""
    row = connection.execute(select(coupons.c.customer_id, coupons.c.campaign).where(coupons.c.code == code)).one()
    data = {"code": code, "campaign": row.campaign, "reference": reference}
    statement = insert(connection, events).values(
        external_id=name, customer_id=row.customer_id, name=REDEEMED, occurred_at=now, received_at=now, data=data
    )
    return connection.scalars(statement.on_conflict_do_nothing().returning(events.c.id)).first() is not None


def tidy(code: str) -> str:
    """The code as it is kept, whatever the case and blanks it was typed with."""
    return "".join(code.split()).upper()
