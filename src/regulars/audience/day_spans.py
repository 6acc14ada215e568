"""Days since an instant, as SQL: a number where one is needed, else an equivalent comparison of instants.

A day is 24 hours, and only whole ones count: `days_since(x)` is floor((now - x) / 24 h), negative in the
future. `days_since(x) > 90` is therefore exactly `x <= now - 91 days`, which can use an index.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Double, case, cast, literal
from sqlalchemy.sql import ColumnElement, and_, not_

from regulars.audience.nodes import Comparison
from regulars.db.sql_functions import regulars_day
from regulars.db.types import DAY, to_micros

_SHIFT = 4_000_000
"""More days than the calendar has: with this offset every difference is positive and division rounds down."""
SECOND = 1_000_000
DATED = (to_micros(datetime(1, 1, 3, tzinfo=UTC)), to_micros(datetime(9999, 12, 30, tzinfo=UTC)))
"""The instants that have a date in every zone, in microseconds."""
FARTHEST = 1_000_000
"""Days beyond which a bound would leave the range of instants."""


def days_since(moment: ColumnElement[int], now: ColumnElement[int]) -> ColumnElement[float]:
    """The number of whole days from `moment` to `now`, as a double."""
    shifted = now + literal(_SHIFT * DAY, BigInteger) - moment
    return cast(shifted // literal(DAY, BigInteger), Double) - literal(float(_SHIFT), Double)


def local_day_number(moment: ColumnElement[int], zone: ColumnElement[str]) -> ColumnElement[int]:
    """The date of an instant in the zone, as 20260131; NULL within two days of either end of the calendar."""
    # Whole seconds: a date never turns within one, and PostgreSQL would round microseconds of far instants.
    seconds = (moment + literal(_SHIFT * DAY, BigInteger)) // literal(SECOND, BigInteger) * literal(SECOND, BigInteger)
    first, last = (literal(end, BigInteger) for end in DATED)
    known = case((moment.between(first, last), seconds - literal(_SHIFT * DAY, BigInteger)))
    return regulars_day(known, zone)


def compare(
    op: Comparison, days: float, moment: ColumnElement[int], now: ColumnElement[int], *, until: bool, cheap: bool
) -> ColumnElement[bool] | None:
    """`days_since(moment) op days` as bounds on the moment; None where there is no such form.

    `until` reads it as days_until. `cheap` allows the moment to be written twice, for `==`.
    """
    if until:
        op, days = op.swapped, -days
    if abs(days) > FARTHEST:
        return None
    whole, above = math.ceil(days), math.floor(days) + 1

    def bound(count: int) -> ColumnElement[int]:
        return now - literal(count * DAY, BigInteger)

    forms: dict[Comparison, Callable[[], ColumnElement[bool]]] = {
        Comparison.GT: lambda: moment <= bound(above),
        Comparison.GE: lambda: moment <= bound(whole),
        Comparison.LT: lambda: moment > bound(whole),
        Comparison.LE: lambda: moment > bound(above),
    }
    if op in forms:
        return forms[op]()
    if not cheap or whole != days:
        return None
    same = and_(moment <= bound(whole), moment > bound(above))
    return same if op is Comparison.EQ else not_(same)
