"""Column types that mean the same on SQLite and PostgreSQL.

Instants are integers (microseconds since 1970, UTC) and money is an integer (ten-thousandths), so that
comparison and arithmetic are exact and the same in both; docs/decisions/0001-instants-are-integers.md.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, JSON, BigInteger, Dialect, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000
"""Microseconds in a day."""
MONEY_SCALE = 10_000


def to_micros(moment: datetime) -> int:
    """Microseconds since the epoch; raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place on the time line")
    return (moment - EPOCH) // MICROSECOND


def from_micros(value: int) -> datetime:
    """The UTC instant of a number of microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as microseconds since the epoch."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(int(value))


class Money(TypeDecorator[Decimal]):
    """A Decimal amount, stored in ten-thousandths of the currency's unit."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int((value * MONEY_SCALE).to_integral_value())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(int(value)) / MONEY_SCALE


Key = BigInteger().with_variant(Integer(), "sqlite")
"""A surrogate key; SQLite auto-increments only INTEGER."""
Json = JSON().with_variant(JSONB(), "postgresql")
Keys = JSON().with_variant(ARRAY(BigInteger), "postgresql")
"""A list of surrogate keys."""
