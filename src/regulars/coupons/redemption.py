"""Checks and redeems coupons. Tills, files and events all use `redeem`, so that limits apply.

Each use is one atomic update of the database, and an event `coupon.redeemed` of the client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from regulars.db.engine import insert
from regulars.db.tables import coupon_codes, coupons, customers, events
from regulars.ledger.webhook_outbox import OutboxEvent, add_events
from regulars.profile import facts
from regulars.profile.identity import client_named
from regulars.rules.notify_rules import OutboundEvent

REDEEMED = "coupon.redeemed"


class CouponStatus(StrEnum):
    """The status of a code, as answered to a till."""

    VALID = "valid"
    REDEEMED = "redeemed"  # just now, or before under the same reference
    USED_UP = "used-up"
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    NOT_THEIRS = "not-theirs"  # it is not this client's
    WHOSE = "whose"  # many share it: the client must be named
    UNKNOWN = "unknown"  # never given to anybody


@dataclass(frozen=True, slots=True)
class CheckedCoupon:
    """A code as a till sees it; `offer` is {"percent": 50}, {"amount": "10"}, {"service": "…"} or {"gift": "…"}."""

    standing: CouponStatus
    code: str
    offer: Mapping[str, Any] | None = None
    uses_left: int = 0
    valid_until: datetime | None = None
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A reported redemption: the code, the reference (an order, a receipt), the time, and the client if known."""

    code: str
    reference: str
    at: datetime
    customer: int | str | None = None
    """Key, or external id, where it is known who used it."""
    data: Mapping[str, Any] | None = None
    """What else the event is to keep."""


def check(connection: Connection, code: str, now: datetime, customer: int | str | None = None) -> CheckedCoupon:
    """The value of the code at `now`, for the client if given; changes nothing."""
    rows = _rows(connection, code, customer)
    return rows if isinstance(rows, CheckedCoupon) else _best(rows, now)


def redeem(connection: Connection, use: Use, received: datetime) -> tuple[CheckedCoupon, bool]:
    """Uses a coupon once, as of `use.at`; and whether that is new: the same reference again uses nothing more."""
    return redeem_all(connection, [use], received)[0]


def redeem_all(connection: Connection, uses: Sequence[Use], received: datetime) -> list[tuple[CheckedCoupon, bool]]:
    """The same for many, each with its own outcome, in their order.

    Coupons are locked in the order of their codes, and facts last, to avoid deadlocks.
    """
    found: dict[int, tuple[CheckedCoupon, bool]] = {}
    noted: list[int] = []
    for number in sorted(range(len(uses)), key=lambda number: (normalized(uses[number].code), number)):
        coupon, event = _redeem(connection, uses[number], received)
        found[number] = (coupon, event is not None)
        noted += [event] if event is not None else []
    if noted:
        facts.refresh_after_events(connection, noted)
    return [found[number] for number in range(len(uses))]


def _redeem(connection: Connection, use: Use, received: datetime) -> tuple[CheckedCoupon, int | None]:
    rows = _rows(connection, use.code, use.customer)
    if isinstance(rows, CheckedCoupon):
        return rows, None
    best = _best(rows, use.at)
    name = f"coupon/{best.code}/{use.reference}"
    event = _insert_event(connection, name, _in_order(rows, use.at)[0], use, received)
    if event is None:
        return replace(best, standing=CouponStatus.REDEEMED), None
    if not any(_count_use(connection, row["id"], use.at) for row in _in_order(rows, use.at)):
        connection.execute(delete(events).where(events.c.id == event))
        return _best(_reload(connection, rows), use.at), None
    row = _in_order(rows, use.at)[0]
    data = {"code": row["code"], "reference": use.reference}
    found = OutboxEvent(OutboundEvent.REDEEMED, name, use.at, row["customer_id"], campaign=row["campaign"], data=data)
    add_events(connection, [found])
    return replace(_best(_reload(connection, rows), use.at), standing=CouponStatus.REDEEMED), event


def add_codes(connection: Connection, pool: str, codes: Sequence[str], now: datetime) -> tuple[int, set[str]]:
    """Adds codes to a pool; returns the number of new ones, and those that belong to another pool or a client."""
    own = select(coupons.c.code).where(coupons.c.code.in_(codes))
    known = select(coupon_codes.c.code, coupon_codes.c.pool).where(coupon_codes.c.code.in_(codes))
    given = {row.code: row.pool for row in connection.execute(known)}
    foreign = {code for code, of in given.items() if of != pool}
    foreign |= {code for code in connection.scalars(own) if code not in given}
    new = [code for code in dict.fromkeys(codes) if code not in given and code not in foreign]
    if new:
        rows = [{"code": code, "pool": pool, "added_at": now} for code in new]
        connection.execute(insert(connection, coupon_codes).on_conflict_do_nothing(), rows)
    return len(new), foreign


def normalized(code: str) -> str:
    """The code as we make them, whatever the case and blanks it was typed with."""
    return "".join(code.split()).upper()


def _rows(connection: Connection, code: str, customer: int | str | None) -> Sequence[RowMapping] | CheckedCoupon:
    """The coupons that the code can mean; or why there is none."""
    with_client = select(coupons, customers.c.external_id).join(customers, customers.c.id == coupons.c.customer_id)
    for spelt in dict.fromkeys((code.strip(), normalized(code))):  # a code from elsewhere may have small letters
        query = with_client.where(coupons.c.code == spelt)
        if customer is not None:
            key = customer if isinstance(customer, int) else client_named(connection, customer)
            rows = connection.execute(query.where(customers.c.id == key)).mappings().all()
            if rows:
                return rows
        rows = connection.execute(query.limit(2)).mappings().all()
        if not rows:
            continue
        if customer is not None:
            return CheckedCoupon(CouponStatus.NOT_THEIRS, spelt)
        if rows[0]["shared"]:
            return CheckedCoupon(CouponStatus.WHOSE, spelt, rows[0]["offer"])
        return rows
    return CheckedCoupon(CouponStatus.UNKNOWN, normalized(code))


def _reload(connection: Connection, rows: Sequence[RowMapping]) -> Sequence[RowMapping]:
    joined = select(coupons, customers.c.external_id).join(customers, customers.c.id == coupons.c.customer_id)
    return connection.execute(joined.where(coupons.c.id.in_([row["id"] for row in rows]))).mappings().all()


def _status(row: RowMapping, now: datetime) -> CouponStatus:
    if row["used"] >= row["uses"]:
        return CouponStatus.USED_UP
    if now < row["valid_from"]:
        return CouponStatus.NOT_YET
    return CouponStatus.EXPIRED if now > row["valid_until"] else CouponStatus.VALID


def _in_order(rows: Sequence[RowMapping], now: datetime) -> list[RowMapping]:
    """A client may have been given a shared code twice: what holds comes first, and of that what ends first."""
    return sorted(rows, key=lambda row: (_status(row, now) is not CouponStatus.VALID, row["valid_until"], row["id"]))


def _best(rows: Sequence[RowMapping], now: datetime) -> CheckedCoupon:
    row = _in_order(rows, now)[0]
    left = row["uses"] - row["used"]
    return CheckedCoupon(_status(row, now), row["code"], row["offer"], left, row["valid_until"], row["external_id"])


def _count_use(connection: Connection, key: int, at: datetime) -> bool:
    """Counts one use, if one is left and the coupon is valid."""
    statement = update(coupons).where(
        coupons.c.id == key, coupons.c.used < coupons.c.uses, coupons.c.valid_from <= at, coupons.c.valid_until >= at
    )
    return connection.execute(statement.values(used=coupons.c.used + 1, redeemed_at=at)).rowcount > 0


def _insert_event(connection: Connection, name: str, row: RowMapping, use: Use, received: datetime) -> int | None:
    """Writes the event and returns its key; None when this reference has used the code already."""
    data = {**(use.data or {}), "code": row["code"], "campaign": row["campaign"], "reference": use.reference}
    statement = insert(connection, events).values(
        external_id=name, customer_id=row["customer_id"], name=REDEEMED, occurred_at=use.at, received_at=received,
        data=data,
    )  # fmt: skip
    return connection.scalars(statement.on_conflict_do_nothing().returning(events.c.id)).first()
