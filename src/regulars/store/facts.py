"""What is derived from a client's purchases: one definition, kept in `facts` and recomputed where it changed.

Every client has exactly one row, also those who bought nothing. The definition is a SELECT (`as_of`), so
that the maintained table and a look at a past day cannot disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Connection,
    Double,
    FromClause,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
    union_all,
)

from regulars.store.engine import insert
from regulars.store.rowset import ids
from regulars.store.tables import customers, facts, product_links, products, purchase_lines, purchases
from regulars.store.types import DAY, Instant, Money

Restriction = Select[Any] | Collection[int]
"""Some clients: their ids, or a SELECT of one column of them."""

USUAL_GAP = 30
"""Days after which the next thing is usually bought, where the link does not say."""
_CHUNK = 5_000
"""Clients recomputed by one statement."""


def as_of(now: datetime | None = None, customer_ids: Restriction | None = None) -> Select[Any]:
    """The facts of every client (or of some) from the purchases up to `now`, both ends included.

    Columns and types are those of the table `facts`. `rhythm` is in days; `next_product_at` counts from the
    purchase that leads to the product, and for a consumable from its own last purchase if that was later.
    """
    total = _totals(now, customer_ids)
    following = _next_products(now, customer_ids)
    first, last = total.c.first_purchase_at, total.c.last_purchase_at
    span = type_coerce(last, BigInteger) - type_coerce(first, BigInteger)
    rhythm = case(
        (
            and_(total.c.purchases > 1, span > 0),
            cast(span, Double) / cast(literal(DAY, BigInteger) * (total.c.purchases - 1), Double),
        )
    )
    query = (
        select(
            customers.c.id.label("customer_id"),
            func.coalesce(total.c.purchases, 0).label("purchases"),
            type_coerce(func.coalesce(total.c.spent, literal_column("0")), Money).label("spent"),
            first,
            last,
            rhythm.label("rhythm"),
            following.c.next_product_id,
            following.c.next_product_at,
        )
        .select_from(customers)
        .outerjoin(total, total.c.customer_id == customers.c.id)
        .outerjoin(following, and_(following.c.customer_id == customers.c.id, following.c.place == 1))
        .where(customers.c.id.is_not(None))  # SQLite needs a WHERE between a join and ON CONFLICT
    )
    return query if customer_ids is None else query.where(customers.c.id.in_(customer_ids))


def refresh(connection: Connection, customer_ids: Restriction | None = None) -> int:
    """Brings the kept facts of these clients (None: all) up to their purchases; gives how many rows changed."""
    return sum(_write(connection, as_of(None, some)) for some in _chunks(connection, customer_ids))


def source(connection: Connection, now: datetime) -> FromClause:
    """The facts as they stood at `now`, under the column names of the table `facts`.

    The table itself when nobody bought anything later; else the kept rows of those who did not, and the
    recomputed rows of those who did.
    """
    if not connection.scalar(select(select(purchases.c.id).where(purchases.c.occurred_at > now).exists())):
        return facts
    later = select(purchases.c.customer_id).where(purchases.c.occurred_at > now).distinct()
    kept = select(facts).where(facts.c.customer_id.not_in(later))
    return union_all(kept, as_of(now, later)).subquery("facts_then")


def _totals(now: datetime | None, customer_ids: Restriction | None) -> Subquery:
    """Count, sum, first and last per client who bought."""
    query = select(
        purchases.c.customer_id,
        func.count().label("purchases"),
        cast(func.sum(type_coerce(purchases.c.amount, BigInteger)), BigInteger).label("spent"),
        func.min(purchases.c.occurred_at).label("first_purchase_at"),
        func.max(purchases.c.occurred_at).label("last_purchase_at"),
    ).group_by(purchases.c.customer_id)
    return _narrowed(query, now, customer_ids).subquery("totals")


def _next_products(now: datetime | None, customer_ids: Restriction | None) -> Subquery:
    """The products that may come next per client, `place` 1 being the one.

    Earliest rank first, then the link from the most recent purchase; keys settle what is left.
    """
    bought = _bought(now, customer_ids)
    had = bought.alias("had")
    since = type_coerce(bought.c.at, BigInteger)
    again = type_coerce(had.c.at, BigInteger)
    after = func.coalesce(product_links.c.after_days, USUAL_GAP) * literal(DAY, BigInteger)
    place = func.row_number().over(
        partition_by=bought.c.customer_id,
        order_by=(product_links.c.rank, bought.c.at.desc(), bought.c.product_id, product_links.c.target_id),
    )
    return (
        select(
            bought.c.customer_id,
            product_links.c.target_id.label("next_product_id"),
            type_coerce(case((again > since, again), else_=since) + after, Instant).label("next_product_at"),
            place.label("place"),
        )
        .join(product_links, and_(product_links.c.product_id == bought.c.product_id, product_links.c.kind == "next"))
        .join(products, products.c.id == product_links.c.target_id)
        .outerjoin(had, and_(had.c.customer_id == bought.c.customer_id, had.c.product_id == product_links.c.target_id))
        .where(or_(had.c.customer_id.is_(None), products.c.consumable))
        .subquery("following")
    )


def _bought(now: datetime | None, customer_ids: Restriction | None) -> CTE:
    """Client, product and when it was last bought, for products that take part in a sequence.

    Nested, because the sqlite3 module counts rows only for statements that begin with INSERT.
    """
    linked = [
        select(column).where(product_links.c.kind == "next")
        for column in (product_links.c.product_id, product_links.c.target_id)
    ]
    query = (
        select(purchases.c.customer_id, purchase_lines.c.product_id, func.max(purchases.c.occurred_at).label("at"))
        .join(purchase_lines, purchase_lines.c.purchase_id == purchases.c.id)
        .where(or_(*(purchase_lines.c.product_id.in_(some) for some in linked)))
        .group_by(purchases.c.customer_id, purchase_lines.c.product_id)
    )
    return _narrowed(query, now, customer_ids).cte("bought", nesting=True)


def _narrowed(query: Select[Any], now: datetime | None, customer_ids: Restriction | None) -> Select[Any]:
    if now is not None:
        query = query.where(purchases.c.occurred_at <= now)
    return query if customer_ids is None else query.where(purchases.c.customer_id.in_(customer_ids))


def _write(connection: Connection, rows: Select[Any]) -> int:
    statement = insert(connection, facts).from_select([c.name for c in facts.c], rows.order_by(customers.c.id))
    derived = [c for c in facts.c if not c.primary_key]
    return connection.execute(
        statement.on_conflict_do_update(
            index_elements=["customer_id"],
            set_={c.name: statement.excluded[c.name] for c in derived},
            where=or_(*(c.is_distinct_from(statement.excluded[c.name]) for c in derived)),
        ),
        execution_options={"preserve_rowcount": True},
    ).rowcount


def _chunks(connection: Connection, customer_ids: Restriction | None) -> Iterator[Restriction | None]:
    if customer_ids is None or isinstance(customer_ids, Select):
        yield customer_ids
        return
    keys = sorted(set(customer_ids))
    for start in range(0, len(keys), _CHUNK):
        yield ids(connection, keys[start : start + _CHUNK])
