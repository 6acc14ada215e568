"""Facts that are finished when they are asked for: with the clock, a hand-set word, or a threshold.

Each stands here twice, for one person and in SQL, with the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Double, FromClause, Text, case, cast, func, literal, select, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.db.json_fields import readable, regulars_field_text
from regulars.db.sql_functions import alive, regulars_alive
from regulars.db.tables import buying_model, worth
from regulars.db.types import DAY, to_micros
from regulars.profile.traits import MOTIVATIONS
from regulars.rules.fields import FieldType

WEEK = 7 * DAY
BY_HAND = "motivation_by_hand"
"""The workspace's own field that, where it names a motivation, wins over the one worked out."""
BANDS = (("secure", 0.9), ("favourable", 0.8), ("vulnerable", 0.7))
"""Bands of the Secure Customer Index and where they begin; `at risk` is below all of them."""
AT_RISK = "at risk"

SCORES = tuple(f"{name}_score" for name in MOTIVATIONS)
_LOYALTY = ("points", "points_earned", "level", "next_level", "points_to_next_level")
PLAIN = ("stage", "motivation", *SCORES, "sci", "nps", "accessories_missing", *_LOYALTY, "days")
"""Columns of the facts that these are made of."""

FINISHED = ("stage", "motivation", *SCORES, "sci", "sci_band", "nps", "p_alive", "clv", "accessories_missing",
            *_LOYALTY)  # fmt: skip
"""Every fact that is finished here."""

Column = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Model:
    """The parameters of BG/NBD that are in force, in weeks."""

    r: float
    alpha: float
    a: float
    b: float


def model_in_force(connection: Connection) -> Model | None:
    """The model learned last; None before anything was learned."""
    row = connection.execute(select(*(buying_model.c[n] for n in ("r", "alpha", "a", "b")))).first()
    return None if row is None else Model(*row)


def finished(name: str, fields: Mapping[str, Any], model: Model | None, moment: int) -> Any:
    """The fact of one person; `fields` has the columns of the facts, `moment` is now in microseconds."""
    match name:
        case "motivation":
            by_hand = readable(FieldType.TEXT, fields.get(BY_HAND))
            return by_hand if by_hand in MOTIVATIONS else fields.get("motivation")
        case "sci_band":
            sci = fields.get("sci")
            return None if sci is None else next((band for band, least in BANDS if sci >= least), AT_RISK)
        case "points" | "points_earned" | "accessories_missing":
            return float(fields.get(name) or 0)
        case "points_to_next_level":
            left = fields.get(name)
            return None if left is None else float(left)
        case "p_alive":
            return _alive(fields, model, moment)
    return fields.get(name)


def _alive(fields: Mapping[str, Any], model: Model | None, moment: int) -> float | None:
    first, last = fields.get("first_purchase_at"), fields.get("last_purchase_at")
    if model is None or first is None or last is None:
        return None
    recency = float(to_micros(last) - to_micros(first)) / float(WEEK)
    age = float(moment - to_micros(first)) / float(WEEK)
    return alive(float((fields.get("days") or 0) - 1), recency, age, model.r, model.alpha, model.a, model.b)


def in_sql(name: str, clients: FromClause, facts: FromClause, now: Column) -> Column | None:
    """The same as SQL over clients joined to facts; None for a name that is no such fact."""
    match name:
        case "motivation":
            by_hand = regulars_field_text(clients.c.attrs, literal(BY_HAND, Text))
            return case((by_hand.in_([literal(m, Text) for m in MOTIVATIONS]), by_hand), else_=facts.c.motivation)
        case "sci_band":
            sci = facts.c.sci
            bands = [(sci >= literal(least, Double), literal(band, Text)) for band, least in BANDS]
            return case(*bands, (sci.is_not(None), literal(AT_RISK, Text)))
        case "points_to_next_level":
            return cast(facts.c[name], Double)
        case "points" | "points_earned" | "accessories_missing":
            return cast(func.coalesce(facts.c[name], 0), Double)
        case "p_alive":
            return _alive_in_sql(facts, now)
        case "clv":
            value = select(worth.c.clv).where(worth.c.customer_id == clients.c.id)
            return value.correlate(clients).scalar_subquery()
        case "stage" | "sci" | "nps" | "level" | "next_level":
            return facts.c[name]
    return facts.c[name] if name in SCORES else None


def _alive_in_sql(facts: FromClause, now: Column) -> Column:
    first = type_coerce(facts.c.first_purchase_at, BigInteger)
    last = type_coerce(facts.c.last_purchase_at, BigInteger)
    week = literal(float(WEEK), Double)
    recency = cast(last - first, Double) / week
    age = cast(now - first, Double) / week
    parameters = [select(buying_model.c[n]).scalar_subquery() for n in ("r", "alpha", "a", "b")]
    # Unknown to all who never bought: without a first purchase there is no age.
    return regulars_alive(cast(facts.c.days - 1, Double), recency, age, *parameters)
