"""Fields computed on demand from facts: with the clock, a value set by hand, or a threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, Connection, Double, FromClause, Text, case, cast, func, literal, select, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.db.json_fields import readable, regulars_field_text
from regulars.db.sql_functions import alive, regulars_alive, regulars_over
from regulars.db.tables import buying_model, return_times
from regulars.db.types import DAY, to_micros
from regulars.profile.traits import MOTIVATIONS
from regulars.rules.fields import FieldType

WEEK = 7 * DAY
BY_HAND = "motivation_by_hand"
"""The workspace's field that overrides the computed motivation, where it names one."""
BANDS = (("secure", 0.9), ("favourable", 0.8), ("vulnerable", 0.7))
"""Bands of the Secure Customer Index and where they begin; `at risk` is below all of them."""
AT_RISK = "at risk"

Column = ColumnElement[Any]
Known = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """The BG/NBD parameters in force, in weeks."""

    r: float
    alpha: float
    a: float
    b: float
    returns: Mapping[int, Sequence[tuple[int, float]]] = field(default_factory=dict)
    """By visit (1: the first, 2: a later one) days after a purchase, ascending, and the share of returns by then."""


def model_in_force(connection: Connection) -> Model | None:
    """The latest model; None before the first `regulars learn`."""
    row = connection.execute(select(*(buying_model.c[n] for n in ("r", "alpha", "a", "b")))).first()
    if row is None:
        return None
    returns: dict[int, list[tuple[int, float]]] = {}
    times = return_times.c
    for visit, days, share in connection.execute(select(times.visit, times.days, times.share).order_by(times.days)):
        returns.setdefault(visit, []).append((days, share))
    r, alpha, a, b = row
    return Model(r, alpha, a, b, returns)


def _overdue(fields: Known, _: Model | None, moment: int) -> float | None:
    last, rhythm = fields.get("last_purchase_at"), fields.get("rhythm")
    return None if last is None or not rhythm else float(moment - to_micros(last)) / float(DAY) / rhythm


def _overdue_in_sql(_: FromClause, facts: FromClause, now: Column) -> Column:
    since = cast(now - type_coerce(facts.c.last_purchase_at, BigInteger), Double)
    return regulars_over(regulars_over(since, literal(float(DAY), Double)), facts.c.rhythm)


def _motivation(fields: Known, _: Model | None, __: int) -> Any:
    by_hand = readable(FieldType.TEXT, fields.get(BY_HAND))
    return by_hand if by_hand in MOTIVATIONS else fields.get("motivation")


def _motivation_in_sql(clients: FromClause, facts: FromClause, _: Column) -> Column:
    by_hand = regulars_field_text(clients.c.attrs, literal(BY_HAND, Text))
    return case((by_hand.in_([literal(m, Text) for m in MOTIVATIONS]), by_hand), else_=facts.c.motivation)


def _band(fields: Known, _: Model | None, __: int) -> str | None:
    sci = fields.get("sci")
    return None if sci is None else next((band for band, least in BANDS if sci >= least), AT_RISK)


def _band_in_sql(_: FromClause, facts: FromClause, __: Column) -> Column:
    sci = facts.c.sci
    bands = [(sci >= literal(least, Double), literal(band, Text)) for band, least in BANDS]
    return case(*bands, (sci.is_not(None), literal(AT_RISK, Text)))


def _alive(fields: Known, model: Model | None, moment: int) -> float | None:
    first, last = fields.get("first_purchase_at"), fields.get("last_purchase_at")
    if model is None or first is None or last is None:
        return None
    recency = float(to_micros(last) - to_micros(first)) / float(WEEK)
    age = float(moment - to_micros(first)) / float(WEEK)
    return alive(float((fields.get("days") or 0) - 1), recency, age, model.r, model.alpha, model.a, model.b)


def _alive_in_sql(_: FromClause, facts: FromClause, now: Column) -> Column:
    first = type_coerce(facts.c.first_purchase_at, BigInteger)
    last = type_coerce(facts.c.last_purchase_at, BigInteger)
    week = literal(float(WEEK), Double)
    recency = cast(last - first, Double) / week
    age = cast(now - first, Double) / week
    parameters = [select(buying_model.c[n]).scalar_subquery() for n in ("r", "alpha", "a", "b")]
    # Unknown for clients without a purchase, who have no age.
    return regulars_alive(cast(facts.c.days - 1, Double), recency, age, *parameters)


def _others_returned(fields: Known, model: Model | None, moment: int) -> float | None:
    last, days = fields.get("last_purchase_at"), fields.get("days") or 0
    if model is None or last is None:
        return None
    since = moment - to_micros(last)
    passed = [share for after, share in model.returns.get(1 if days < 2 else 2, ()) if after * DAY <= since]
    return passed[-1] if passed else None


def _others_returned_in_sql(_: FromClause, facts: FromClause, now: Column) -> Column:
    since = now - type_coerce(facts.c.last_purchase_at, BigInteger)
    times = return_times.c
    visit = case((facts.c.days < 2, 1), else_=2)
    # Shares increase with the days; the first is at 0 days.
    passed = select(func.max(times.share)).where(times.visit == visit, times.days * literal(DAY, BigInteger) <= since)
    return passed.correlate_except(return_times).scalar_subquery()


class ByTime(Enum):
    """How a computed value changes while nothing happens."""

    NEVER = "it does not"
    RETURNS = "at the ages of a purchase in `return_times`"
    OVERDUE = "evenly: it is the time since the last purchase, in the client's rhythms"
    FLOWS = "at any time"


@dataclass(frozen=True, slots=True)
class Computation:
    """How one field is computed: for one client and in SQL, with the same operations in the same order."""

    made_of: tuple[str, ...]
    """Columns of `facts`."""
    of_client: Callable[[Known, Model | None, int], Any]
    """From these columns and the workspace's own fields, the model in force, and now in microseconds."""
    in_sql: Callable[[FromClause, FromClause, Column], Column]
    """Over clients, the facts joined to them, and now in microseconds."""
    by_time: ByTime
    """How the value changes while nothing happens."""


COMPUTED: Mapping[str, Computation] = {
    "overdue": Computation(("last_purchase_at", "rhythm"), _overdue, _overdue_in_sql, ByTime.OVERDUE),
    "motivation": Computation(("motivation",), _motivation, _motivation_in_sql, ByTime.NEVER),
    "sci_band": Computation(("sci",), _band, _band_in_sql, ByTime.NEVER),
    "p_alive": Computation(("first_purchase_at", "last_purchase_at", "days"), _alive, _alive_in_sql, ByTime.FLOWS),
    "others_returned": Computation(
        ("last_purchase_at", "days"), _others_returned, _others_returned_in_sql, ByTime.RETURNS
    ),
}
"""Every field of origin COMPUTED."""
