"""Offers of campaigns: the coupon, the source of its code, its validity and its stock."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from regulars.core.calendar import instant, local_date
from regulars.rules import grammar
from regulars.rules.phrase_types import Duration, Name, Part, Stamp

BENEFITS = ("percent", "amount", "service", "gift")
VALID = timedelta(days=14)
"""The default validity of a code."""
DAY_END = time(23, 59, 59)
_EXCLUSIVE = (("shared", "pool"), ("shared", "prefix"), ("pool", "prefix"), ("valid", "until"))


def coupon_faults(keys: Collection[str]) -> list[tuple[str, str]]:
    """Faults in the combination of a coupon's keys, as (key, words)."""
    return [
        (second, f"a coupon has `{first}` or `{second}`, not both")
        for first, second in _EXCLUSIVE
        if first in keys and second in keys
    ]


class Coupon(Part):
    """A code with a benefit; unless it is shared or from a pool, it is made for one client."""

    percent: int | None = Field(default=None, ge=1, le=100, description="Per cent off")
    amount: Decimal | None = Field(default=None, gt=0, description="Amount off, in the company's currency")
    service: str | None = Field(default=None, min_length=1, description="A free service, in words")
    gift: str | None = Field(default=None, min_length=1, description="A gift, in words")
    valid: Duration | None = Field(
        default=None,
        description="Validity of the code, from when it was issued (or `from`); days end at midnight in the client's"
        " time zone; 14 days by default",
    )
    starts: Stamp | None = Field(default=None, alias="from", description="Start of validity; company's time zone")
    until: Stamp | None = Field(
        default=None,
        description="End of validity; a date alone ends at midnight in the client's time zone. After it, in the"
        " company's time zone, no email of the offer is sent",
    )
    uses: int = Field(default=1, ge=1, description="Number of uses per client")
    prefix: str = Field(default="", pattern=r"^[A-Z0-9]{0,8}$", description="Prefix of the code")
    shared: str | None = Field(
        default=None, pattern=r"^[A-Z0-9][A-Z0-9-]{2,39}$", description="One code for everybody: `SUMMER26`"
    )
    pool: Name | None = Field(
        default=None, description="Codes made elsewhere: those of `regulars import coupons FILE --pool NAME`"
    )
    stock: int | None = Field(default=None, ge=1, description="Maximum number of coupons in total")
    per_client: int | None = Field(default=None, ge=1, description="Maximum coupons of this campaign per client")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        given = {name for name in type(self).model_fields if getattr(self, name) not in (None, "")}
        if len(given.intersection(BENEFITS)) != 1:
            raise PydanticCustomError("one_benefit", "a coupon gives exactly one of {of}", {"of": ", ".join(BENEFITS)})
        for _, fault in coupon_faults(given):
            raise PydanticCustomError("one_of_two", "{said}", {"said": fault})
        if self.ends and self.begins and self.ends <= self.begins:
            raise PydanticCustomError("ends_first", "the offer ends before it begins")
        return self

    @property
    def benefit(self) -> dict[str, Any]:
        """The one benefit as JSON-ready data: {"percent": 50}, {"amount": "10"}, {"service": "…"} or {"gift": "…"}."""
        if self.amount is not None:
            return {"amount": str(self.amount)}
        return {name: getattr(self, name) for name in BENEFITS if getattr(self, name) is not None}

    @property
    def begins(self) -> datetime | None:
        """When codes become valid, as a naive local time; None: at once."""
        return grammar.local_time(self.starts, time()) if self.starts else None

    @property
    def ends(self) -> datetime | None:
        """When the offer ends, as a naive local time; None: never."""
        return grammar.local_time(self.until, DAY_END) if self.until else None

    def last_instant(self, zone: str) -> datetime | None:
        """The last instant at which codes are valid, in the company's time zone; None: unlimited."""
        return instant(self.ends, zone) if self.ends else None

    def window(self, now: datetime, zone: str, home: str | None = None) -> tuple[datetime, datetime]:
        """The validity of a code issued now, for a client in the zone `home`.

        `zone` is the company's. Where the offer names days, the code is valid to the end of the last one at `home`,
        where the client reads "until November 28". It may have expired already.
        """
        home = home or zone
        start = max(now, instant(self.begins, zone)) if self.begins else now
        if self.ends is not None:
            return start, instant(self.ends, home if self.ends.time() == DAY_END else zone)
        valid = self.valid or VALID
        end = start + valid
        if valid % timedelta(days=1):  # times are exact to the minute
            return start, end
        return start, instant(datetime.combine(local_date(end, home), DAY_END), home)

    @property
    def limited(self) -> bool:
        """Whether it can run out."""
        return self.pool is not None or self.stock is not None or self.per_client is not None


class Offer(Part):
    """What an email gives."""

    coupon: Coupon = Field(description="A code with a benefit")
