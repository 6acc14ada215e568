"""An offer in words."""

from __future__ import annotations

from datetime import datetime

from regulars.audience.field_labels import date_words, quoted
from regulars.core.clock import words
from regulars.rules.offer import VALID, Coupon


def coupon_phrase(coupon: Coupon, currency: str) -> str:
    """What the coupon gives, until when, and its limits."""
    what = _benefit(coupon, currency)
    if coupon.shared is not None:
        what += f" by the code {quoted(coupon.shared)} that all share"
    if coupon.pool is not None:
        what += f" by codes of the pool {quoted(coupon.pool)}"
    valid = f"valid until {_day_or_time(coupon.until)}" if coupon.until else f"valid {words(coupon.valid or VALID)}"
    valid += f", not before {_day_or_time(coupon.starts)}" if coupon.starts else ""
    uses = {1: "one use", 2: "two uses"}.get(coupon.uses, f"{coupon.uses} uses")
    limits = [f"{coupon.stock:,} in all"] if coupon.stock is not None else []
    limits += [f"{coupon.per_client} for each client"] if coupon.per_client is not None else []
    return f"{what} ({', '.join((valid, uses, *limits))})"


def _day_or_time(stamp: str) -> str:
    """A day, or a time in the company's time zone, as in the rule file."""
    moment = datetime.fromisoformat(stamp)
    return date_words(moment.date()) + (f" at {moment:%H:%M}" if ":" in stamp else "")


def _benefit(coupon: Coupon, currency: str) -> str:
    if coupon.percent is not None:
        return f"a coupon of {coupon.percent} %"
    if coupon.amount is not None:
        return f"a coupon of {coupon.amount} {currency}"
    return f"a coupon for {coupon.gift}" if coupon.gift is not None else f"a coupon for {coupon.service} free of charge"
