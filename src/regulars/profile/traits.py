"""Traits of a client: signals counted from purchases and events, and scores computed from them.

Every score is computed from whole numbers by the same few operations, so that both databases and Python give the same
double. docs/knowledge.md has the definitions in words.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Double,
    FromClause,
    Integer,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.sql import ColumnElement

from regulars.db.as_of import Moment, Restriction, as_of_filter
from regulars.db.json_fields import regulars_field_number, regulars_field_text
from regulars.db.sql_functions import regulars_whole
from regulars.db.tables import events, products, purchase_lines, purchases
from regulars.db.types import DAY

Column = ColumnElement[Any]

PRICE_REQUEST = "price.requested"
BELONGING = ("change.requested", "planning.proposed", "exchange.proposed", "advice.given", "referral.made")
"""Signals of belonging: requests for changes, proposals to plan together or swap services, advice, referrals."""
COMPLAINT, REFERRED, ANSWERED = "complaint.opened", "referral.made", "survey.answered"
REDEEMED = "coupon.redeemed"
"""A discount by a coupon of ours: redeemed within a day of a purchase, or with its id as `reference`."""
SIGNALS = (PRICE_REQUEST, *BELONGING, COMPLAINT, ANSWERED, REDEEMED)
"""The events from which traits are computed."""
ANSWERS = ("satisfaction", "return", "recommend")
"""The three answers of the Secure Customer Index, from 0 to 10, in the data of `survey.answered`."""
FIVE_POINTS = {"satisfaction": "score", "return": "again", "recommend": "recommend"}
"""The same in the survey `loyalty`, from 1 to 5. In the survey `nps`, `score` is whether they would recommend."""
NOVEL_DAYS = 60
"""A purchase this soon after a product's launch counts as a novelty."""
ENOUGH = 3
"""Signals of one kind within a year that make a full score."""
YEAR = 365
"""Days of that year; it ends with the last purchase or signal, so that scores change only with a new one."""
REGULAR = 3
"""Minimum days with a purchase for a regular buyer."""
STEADY = 0.3
"""Minimum steadiness of the gaps of a regular buyer: of two, neither is more than eleven times as long as the other."""
CLEAR = 0.3
"""Minimum score for a motivation."""
MOTIVATIONS = ("price", "novelty", "belonging", "stability")
PROMOTER = 9.0


def purchase_signals(now: Moment | None, customer_ids: Restriction | None) -> Subquery:
    """Per client who bought: `novel` purchases, and `discounted` ones but for those with a coupon of ours."""
    about = type_coerce(events.c.occurred_at, BigInteger) - type_coerce(purchases.c.occurred_at, BigInteger)
    redeemed = select(literal(1)).where(
        events.c.customer_id == purchases.c.customer_id,
        events.c.name == REDEEMED,
        or_(
            about.between(literal(-DAY, BigInteger), literal(DAY, BigInteger)),
            regulars_field_text(events.c.data, literal("reference", Text)) == purchases.c.external_id,
        ),
    )
    ours = as_of_filter(redeemed, events, now).correlate(purchases).exists()
    novel = (
        select(literal(1))
        .select_from(purchase_lines.join(products, products.c.id == purchase_lines.c.product_id))
        .where(
            purchase_lines.c.purchase_id == purchases.c.id,
            type_coerce(purchases.c.occurred_at, BigInteger) - type_coerce(products.c.launched_at, BigInteger)
            <= literal(NOVEL_DAYS * DAY, BigInteger),
            purchases.c.occurred_at >= products.c.launched_at,
        )
        .correlate(purchases)
        .exists()
    )
    query = select(
        purchases.c.customer_id,
        _count(and_(type_coerce(purchases.c.discount, BigInteger) > 0, ~ours)).label("discounted"),
        _count(novel).label("novel"),
    ).group_by(purchases.c.customer_id)
    return as_of_filter(query, purchases, now, customer_ids).subquery("manner")


def gap_signals(now: Moment | None, customer_ids: Restriction | None) -> Subquery:
    """Per client who bought: `days` with a purchase, and number, sum and sum of squares of the gaps between them."""
    day = type_coerce(purchases.c.occurred_at, BigInteger).op("/")(literal(DAY, BigInteger))  # whole days, UTC
    days = as_of_filter(
        select(purchases.c.customer_id, type_coerce(day, BigInteger).label("day")), purchases, now, customer_ids
    )
    each = days.distinct().subquery("days_bought")
    before = func.lag(each.c.day).over(partition_by=each.c.customer_id, order_by=each.c.day)
    gaps = select(each.c.customer_id, (each.c.day - before).label("gap")).subquery("gaps")
    return (
        select(
            gaps.c.customer_id,
            func.count().label("days"),
            func.count(gaps.c.gap).label("gaps"),
            cast(func.sum(gaps.c.gap), BigInteger).label("gap_sum"),
            cast(func.sum(gaps.c.gap * gaps.c.gap), BigInteger).label("gap_squares"),
        )
        .group_by(gaps.c.customer_id)
        .subquery("steps")
    )


def event_signals(now: Moment | None, customer_ids: Restriction | None) -> Subquery:
    """Per client with any event: the `event_count`, signals counted, and the latest answers."""
    answered = events.c.name == ANSWERED
    values = {key: _answer(key) for key in ANSWERS}
    columns: list[Column] = [events.c.customer_id, events.c.name]
    for key, value in values.items():
        known: Column = case((answered, value))
        place = func.row_number().over(
            partition_by=events.c.customer_id,
            order_by=(case((known.is_(None), 1), else_=0), events.c.occurred_at.desc(), events.c.id.desc()),
        )
        columns += [known.label(key), place.label(f"{key}_place")]
    at = type_coerce(events.c.occurred_at, BigInteger)
    signal = func.max(case((events.c.name.in_(SIGNALS), at))).over(partition_by=events.c.customer_id)
    columns += [at.label("at"), signal.label("last_signal_at")]
    each = as_of_filter(select(*columns), events, now, customer_ids).subquery("said_each")
    last = as_of_filter(
        select(purchases.c.customer_id, func.max(type_coerce(purchases.c.occurred_at, BigInteger)).label("at"))
        .group_by(purchases.c.customer_id), purchases, now, customer_ids,
    ).subquery("bought_last")  # fmt: skip
    end = case((last.c.at > each.c.last_signal_at, last.c.at), else_=each.c.last_signal_at)
    recent = each.c.at > end - literal(YEAR * DAY, BigInteger)
    return (
        select(
            each.c.customer_id,
            func.count().label("event_count"),
            _count(and_(each.c.name == PRICE_REQUEST, recent)).label("price_requests"),
            _count(and_(each.c.name.in_(BELONGING), recent)).label("belongings"),
            _count(each.c.name == COMPLAINT).label("complaints"),
            _count(each.c.name == REFERRED).label("referrals"),
            *(func.max(case((each.c[f"{key}_place"] == 1, each.c[key]))).label(key) for key in ANSWERS),
        )
        .select_from(each.outerjoin(last, last.c.customer_id == each.c.customer_id))
        .group_by(each.c.customer_id)
        .subquery("said")
    )


def scores(purchases_made: Column, manner: FromClause, steps: FromClause, words: FromClause) -> dict[str, Column]:
    """The four scores of motivation, from 0 to 1, by name."""
    return {
        "price": literal(0.7, Double) * _share(manner.c.discounted, purchases_made)
        + literal(0.3, Double) * _full(words.c.price_requests),
        "novelty": _share(manner.c.novel, purchases_made),
        "belonging": _full(words.c.belongings),
        "stability": _steady(steps) / (literal(1.0, Double) + cast(func.coalesce(words.c.complaints, 0), Double)),
    }


def motivation(found: dict[str, Column]) -> Column:
    """The name of the highest score, none where all are low; ties go to the first of MOTIVATIONS."""
    whens = []
    for name in MOTIVATIONS:
        others = [found[name] >= found[other] for other in MOTIVATIONS if other != name]
        whens.append((and_(found[name] >= literal(CLEAR, Double), *others), literal(name, Text)))
    return case(*whens, else_=cast(null(), Text))


def stage(steps: FromClause, words: FromClause) -> Column:
    """potential, visitor, buyer, client (buys regularly) or advocate (came back, and speaks for us)."""
    days = func.coalesce(steps.c.days, 0)
    refers = or_(func.coalesce(words.c.referrals, 0) > 0, func.coalesce(words.c.recommend, 0.0) >= PROMOTER)
    return case(
        (and_(days >= 2, refers), literal("advocate", Text)),
        (and_(days >= REGULAR, _steady(steps) >= literal(STEADY, Double)), literal("client", Text)),
        (days >= 1, literal("buyer", Text)),
        (words.c.customer_id.is_not(None), literal("visitor", Text)),
        else_=literal("potential", Text),
    )


def secure(words: FromClause) -> Column:
    """The Secure Customer Index, 0 to 1: the mean of those of the three answers that are known, each to a tenth.

    Summed in whole tenths, so that a mean of exactly 0.9 is 0.9.
    """
    answers = [words.c[key] for key in ANSWERS]
    ten, half = literal(10.0, Double), literal(0.5, Double)
    total = sum(
        (func.coalesce(regulars_whole(answer * ten + half), 0) for answer in answers), start=literal(0, BigInteger)
    )
    known = sum((case((answer.is_not(None), 1), else_=0) for answer in answers), start=literal(0, BigInteger))
    return case((known > 0, cast(total, Double) / cast(known * 100, Double)))


def _answer(key: str) -> Column:
    """One of ANSWERS, scaled to 0 to 10, from any survey that asked it."""
    survey = regulars_field_text(events.c.data, literal("survey", Text))
    five = _answer_in(FIVE_POINTS[key], 1.0, 5.0)
    plain = _answer_in(key, 0.0, 10.0)
    if key == "satisfaction":
        plain = func.coalesce(plain, case((func.coalesce(survey, "") != "nps", _answer_in("score", 0.0, 10.0))))
    if key == "recommend":
        plain = func.coalesce(plain, case((survey == "nps", _answer_in("score", 0.0, 10.0))))
    return case((survey == "loyalty", (five - literal(1.0, Double)) * literal(2.5, Double)), else_=plain)


def _answer_in(key: str, least: float, most: float) -> Column:
    value = regulars_field_number(events.c.data, literal(key, Text))
    return case((value.between(least, most), value))


def _count(condition: Column) -> Column:
    return cast(func.sum(case((condition, 1), else_=0)), Integer)


def _share(part: Column, whole: Column) -> Column:
    return func.coalesce(cast(part, Double) / cast(func.nullif(whole, 0), Double), literal(0.0, Double))


def _full(count: Column) -> Column:
    some = func.coalesce(count, 0)
    return cast(case((some > ENOUGH, ENOUGH), else_=some), Double) / literal(float(ENOUGH), Double)


def _steady(steps: FromClause) -> Column:
    """1 for equal gaps between purchases, 0 where their spread reaches their mean; 0 below three."""
    squares = cast(steps.c.gaps, Double) * cast(steps.c.gap_squares, Double)
    whole = cast(steps.c.gap_sum, Double) * cast(steps.c.gap_sum, Double)
    calm = literal(1.0, Double) - (squares / whole - literal(1.0, Double))
    return case((and_(steps.c.gaps >= 2, calm > 0), calm), else_=literal(0.0, Double))
