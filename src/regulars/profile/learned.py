"""Input and output of learning, as SQL: the histories to learn from, and the results.

`knowledge` computes the numbers; this module reads and writes them, and recomputes the facts that changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Double,
    Integer,
    String,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from regulars.db.engine import insert
from regulars.db.rowset import Types, rowset
from regulars.db.tables import (
    buying_model,
    facts,
    learned_links,
    next_product_model,
    popular_products,
    products,
    purchase_lines,
    purchases,
    return_times,
    worth,
)
from regulars.db.types import DAY, MONEY_SCALE, Instant, Key, Money, to_micros
from regulars.profile import facts as fact_store

_LINK: Types = {"product_id": Key, "target_id": Key, "strength": Integer(), "support": Integer(), "lift": Double(),
         "after_days": Integer()}  # fmt: skip
_POPULAR: Types = {"product_id": Key, "rank": Integer(), "clients": Integer(), "after_days": Integer()}
_CHUNK = 20_000


def buyers(connection: Connection, now: datetime, *, stale_only: bool = False) -> list[tuple[Any, ...]]:
    """Per client who bought: key, days with a purchase, days from the first to the last and to now, purchases, spent.

    With `stale_only` only clients whose purchases or sum have changed since their worth was computed.
    """
    first, last = (type_coerce(facts.c[n], BigInteger) for n in ("first_purchase_at", "last_purchase_at"))
    query = select(
        facts.c.customer_id,
        facts.c.days,
        cast(last - first, Double) / float(DAY),
        cast(literal(to_micros(now), BigInteger) - first, Double) / float(DAY),
        facts.c.purchases,
        cast(type_coerce(facts.c.spent, BigInteger), Double) / float(MONEY_SCALE),
    ).where(facts.c.days > 0, facts.c.last_purchase_at <= now)
    if stale_only:
        query = query.outerjoin(worth, worth.c.customer_id == facts.c.customer_id).where(
            or_(
                worth.c.purchases.is_distinct_from(facts.c.purchases),
                worth.c.spent.is_distinct_from(facts.c.spent),
            )
        )
    return [tuple(row) for row in connection.execute(query.order_by(facts.c.customer_id))]


def purchased_products_until(connection: Connection, now: datetime) -> Iterator[Sequence[tuple[int, int, str]]]:
    """Every purchase with products up to `now`, in batches, unordered: client, instant in microseconds, products.

    The products are keys with commas between them: a text per purchase is read ten times as fast as a row per line.
    """
    sold = func.aggregate_strings(cast(purchase_lines.c.product_id, String), ",")
    query = (
        select(purchases.c.customer_id, type_coerce(purchases.c.occurred_at, BigInteger), sold)
        .join(purchase_lines, purchase_lines.c.purchase_id == purchases.c.id)
        .where(purchases.c.occurred_at <= now, purchase_lines.c.product_id.is_not(None))
        .group_by(purchases.c.id)
    )
    for some in connection.execute(query, execution_options={"yield_per": _CHUNK}).partitions():
        yield [tuple(row) for row in some]


def gaps(connection: Connection, now: datetime) -> dict[int, tuple[dict[int, int], dict[int, int]]]:
    """By visit (1: the first, 2: a later one): purchases by whole days to the client's next, and to `now` without one.

    Days with a purchase count, not receipts.
    """
    day = type_coerce(purchases.c.occurred_at, BigInteger).op("/")(literal(DAY, BigInteger))
    bought = select(purchases.c.customer_id, type_coerce(day, BigInteger).label("day"))
    days = bought.where(purchases.c.occurred_at <= now).distinct().subquery("days_bought")
    window: Any = {"partition_by": days.c.customer_id, "order_by": days.c.day}
    each = select(
        case((func.row_number().over(**window) == 1, 1), else_=2).label("visit"),
        (func.lead(days.c.day).over(**window) - days.c.day).label("gap"),
        (literal(to_micros(now) // DAY, BigInteger) - days.c.day).label("waiting"),
    ).subquery("each_day")
    length = func.coalesce(each.c.gap, each.c.waiting)
    query = select(each.c.visit, each.c.gap.is_not(None), length, func.count()).group_by(
        each.c.visit, each.c.gap.is_not(None), length
    )
    found: dict[int, tuple[dict[int, int], dict[int, int]]] = {1: ({}, {}), 2: ({}, {})}
    for visit, again, gap, count in connection.execute(query):
        found[visit][0 if again else 1][int(gap)] = int(count)
    return found


def keep_return_times(connection: Connection, curves: Mapping[int, Sequence[tuple[int, float]]]) -> None:
    """Replaces the shares of clients who were back after so many days, by visit."""
    connection.execute(delete(return_times))
    rows = [{"visit": v, "days": days, "share": share} for v, curve in curves.items() for days, share in curve]
    if rows:
        connection.execute(insert(connection, return_times), rows)


def consumable_products(connection: Connection) -> set[int]:
    """The keys of consumable products."""
    return set(connection.scalars(select(products.c.id).where(products.c.consumable)))


def keep_model(connection: Connection, model: Mapping[str, float | None], clients: int, now: datetime) -> None:
    """Replaces the model in force."""
    connection.execute(delete(buying_model))
    row = {"id": 1, "clients": clients, "learned_at": now, **model}
    connection.execute(insert(connection, buying_model).values(row))


def model(connection: Connection) -> dict[str, float | None] | None:
    """The parameters in force by name, or None."""
    names = ("r", "alpha", "a", "b", "p", "q", "v")
    row = connection.execute(select(*(buying_model.c[name] for name in names))).mappings().first()
    return None if row is None else dict(row)


def oldest_age(connection: Connection) -> float | None:
    """Days from the first purchase of all to the latest learning; None where nothing was learned."""
    first = select(func.min(type_coerce(facts.c.first_purchase_at, BigInteger))).scalar_subquery()
    age = type_coerce(buying_model.c.learned_at, BigInteger) - first
    found = connection.scalar(select(age))
    return None if found is None else float(found) / DAY


def forget_worth(connection: Connection) -> None:
    """Deletes the worth of all clients."""
    connection.execute(delete(worth))


def keep_worth(connection: Connection, values: Iterable[tuple[int, float, int, float]], now: datetime) -> int:
    """Writes the worth of clients, rows of (client, clv, purchases, spent); returns their number."""
    rows = [[key, clv, bought, round(spent * MONEY_SCALE)] for key, clv, bought, spent in values]
    types: Types = {"customer_id": Key, "clv": Double(), "purchases": Integer(), "spent": Money()}
    for start in range(0, len(rows), _CHUNK):
        given = rowset(connection, "given", types, rows[start : start + _CHUNK])
        fresh = select(given.c.customer_id, given.c.clv, literal(now, Instant), given.c.purchases, given.c.spent)
        names = ["customer_id", "clv", "at", "purchases", "spent"]
        statement = insert(connection, worth).from_select(names, fresh.where(given.c.customer_id.is_not(None)))
        new = {name: statement.excluded[name] for name in names[1:]}
        connection.execute(statement.on_conflict_do_update(index_elements=["customer_id"], set_=new))
    return len(rows)


def keep_next_products(
    connection: Connection, method: str, trials: Sequence[Mapping[str, Any]], links: Iterable[list[Any]],
    popular: Iterable[list[Any]], now: datetime,
) -> None:  # fmt: skip
    """Replaces the predictions of the next product, and recomputes the facts of buyers.

    Each link is product, target, strength in millionths, support, lift, days (or None); each popular product its key,
    rank, clients, days (or None).
    """
    for table in (learned_links, popular_products, next_product_model):
        connection.execute(delete(table))
    found = list(links)
    for start in range(0, len(found), _CHUNK):
        given = rowset(connection, "given", _LINK, found[start : start + _CHUNK])
        connection.execute(insert(connection, learned_links).from_select(list(_LINK), select(given)))
    given = rowset(connection, "given", _POPULAR, popular)
    connection.execute(insert(connection, popular_products).from_select(list(_POPULAR), select(given)))
    row = {"id": 1, "method": method, "trials": list(trials), "learned_at": now}
    connection.execute(insert(connection, next_product_model).values(row))
    buying = select(purchases.c.customer_id).join(purchase_lines).distinct()
    fact_store.refresh(connection, list(connection.scalars(buying)))


def count_links(connection: Connection) -> int:
    """The number of learned links."""
    return connection.scalar(select(func.count()).select_from(learned_links)) or 0
