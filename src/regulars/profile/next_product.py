"""The next product of a client: from a declared sequence, else by learned links, else a popular product.

None of them offers a product that the client has, unless it is consumable. Missing accessories are counted here
too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)

from regulars.db.as_of import Moment, Restriction, as_of_filter
from regulars.db.rowset import ids
from regulars.db.tables import learned_links, popular_products, product_links, products, purchase_lines, purchases
from regulars.db.types import DAY, Instant

USUAL_GAP = 30
"""Default days until the next purchase, where the link has none."""
MONTH = 30
"""Days before the last learning within which a popular product was bought."""
LATEST = 20
"""The client's latest products from which links are followed; as many as in `knowledge.product_prediction`."""


def declared(now: Moment | None, customer_ids: Restriction | None) -> Subquery:
    """The declared next products per client; `place` 1 is the one offered.

    Earliest rank first, then the link from the most recent purchase; ties are broken by key.
    """
    bought = _bought("bought", _linked(product_links, "next"), now, customer_ids)
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
            bought.c.product_id.label("from_id"),
            bought.c.at.label("from_at"),
            product_links.c.after_days,
        )
        .join(product_links, and_(product_links.c.product_id == bought.c.product_id, product_links.c.kind == "next"))
        .join(products, products.c.id == product_links.c.target_id)
        .outerjoin(had, and_(had.c.customer_id == bought.c.customer_id, had.c.product_id == product_links.c.target_id))
        .where(or_(had.c.customer_id.is_(None), products.c.consumable))
        .subquery("following")
    )


def learned(now: Moment | None, customer_ids: Restriction | None) -> Subquery:
    """The same by learned links: the strongest sum over what the client bought last; the due date is the latest link's.

    A link from a product to itself counts as often as the client bought it, however long ago.
    """
    reached = _reached(now, customer_ids)
    consumable = select(products.c.id).where(products.c.consumable)
    later = reached.c.had_at + reached.c.days
    place = func.row_number().over(
        partition_by=reached.c.customer_id, order_by=(reached.c.score.desc(), reached.c.target_id)
    )
    ranked = (
        select(
            reached.c.customer_id,
            reached.c.target_id,
            case((later > reached.c.due, later), else_=reached.c.due).label("due"),
            place.label("place"),
        )
        .where(or_(reached.c.had_at.is_(None), reached.c.target_id.in_(consumable)))
        .subquery("ranked")
    )
    # One row for each client already; grouped all the same, because SQLite then makes an index of it for joins.
    return (
        select(
            ranked.c.customer_id,
            func.max(ranked.c.target_id).label("next_product_id"),
            type_coerce(func.max(ranked.c.due), Instant).label("next_product_at"),
            func.max(ranked.c.place).label("place"),
        )
        .where(ranked.c.place == 1)
        .group_by(ranked.c.customer_id)
        .subquery("learned")
    )


def _reached(now: Moment | None, customer_ids: Restriction | None) -> Subquery:
    """Client and target product of learned links: `score`, latest `due`, most `days`, and `had_at`."""
    bought, again = _owned("owned", now, customer_ids), _bought_again("owned_again", now, customer_ids)
    links = learned_links.c
    days = func.coalesce(links.after_days, USUAL_GAP) * literal(DAY, BigInteger)
    nothing, unknown = literal(0, BigInteger), null().cast(BigInteger)

    def led(owned: CTE, score: ColumnElement[Any], restriction: ColumnElement[bool]) -> Select[Any]:
        due = type_coerce(owned.c.at, BigInteger) + days
        columns = (owned.c.customer_id, links.target_id, score.label("score"), due.label("due"), days.label("days"))
        query = select(*columns, unknown.label("had_at")).join(learned_links, links.product_id == owned.c.product_id)
        return query.where(restriction)

    onward = led(bought, links.strength, and_(bought.c.latest <= LATEST, links.product_id != links.target_id))
    loops = led(again, links.strength * again.c.times, links.product_id == links.target_id)
    at = type_coerce(bought.c.at, BigInteger)
    # Owned products are grouped with the links' targets: a join would need an index that SQLite does not create.
    had = select(bought.c.customer_id, bought.c.product_id, nothing, unknown, unknown, at)
    each = union_all(onward, loops, had).subquery("each_led")
    return (
        select(
            each.c.customer_id, each.c.target_id, func.sum(each.c.score).label("score"),
            func.max(each.c.due).label("due"), func.max(each.c.days).label("days"),
            func.max(each.c.had_at).label("had_at"),
        )
        .group_by(each.c.customer_id, each.c.target_id)
        .having(func.sum(each.c.score) > 0)
        .subquery("reached")
    )  # fmt: skip


def popular() -> Subquery:
    """The popular products by `place`, without gaps from 1: `next_product_id`, `after_days`, whether `consumable`."""
    return (
        select(
            popular_products.c.product_id.label("next_product_id"),
            func.row_number().over(order_by=(popular_products.c.rank, popular_products.c.product_id)).label("place"),
            popular_products.c.after_days,
            products.c.consumable,
        )
        .join(products, products.c.id == popular_products.c.product_id)
        .subquery("popular")
    )


def popular_place(now: Moment | None, customer_ids: Restriction | None) -> Subquery:
    """The `place` of the first popular product that may be offered, for every client who has bought one of them.

    Counted, not searched: while a client has all of them, the n-th popular product that the client has is also
    the n-th of all.
    """
    goods = popular()
    bought = _bought("owned_popular", [select(popular_products.c.product_id)], now, customer_ids)
    nth = func.row_number().over(partition_by=bought.c.customer_id, order_by=goods.c.place)
    owned = (
        select(bought.c.customer_id, goods.c.place, nth.label("nth"))
        .join(goods, goods.c.next_product_id == bought.c.product_id)
        .where(~goods.c.consumable)
        .subquery("owned_places")
    )
    return (
        select(
            owned.c.customer_id,
            (1 + func.sum(case((owned.c.place == owned.c.nth, 1), else_=0))).label("place"),
        )
        .group_by(owned.c.customer_id)
        .subquery("popular_place")
    )


def missing(now: Moment | None, customer_ids: Restriction | None) -> Subquery:
    """Per client: how many accessories of what they bought they have not bought."""
    bought = _bought("having", _linked(product_links, "accessory"), now, customer_ids)
    had = bought.alias("having_it")
    return (
        select(
            bought.c.customer_id,
            cast(func.count(product_links.c.target_id.distinct()), BigInteger).label("accessories_missing"),
        )
        .join(
            product_links,
            and_(product_links.c.product_id == bought.c.product_id, product_links.c.kind == "accessory"),
        )
        .outerjoin(had, and_(had.c.customer_id == bought.c.customer_id, had.c.product_id == product_links.c.target_id))
        .where(had.c.customer_id.is_(None))
        .group_by(bought.c.customer_id)
        .subquery("missing")
    )


def missing_accessories(connection: Connection, customer_ids: Collection[int], now: datetime) -> dict[int, list[int]]:
    """By client the products that `missing` counts: accessories of the latest purchase first."""
    bought = _bought("having", _linked(product_links, "accessory"), now, ids(connection, customer_ids))
    had = bought.alias("having_it")
    goes_with = and_(product_links.c.product_id == bought.c.product_id, product_links.c.kind == "accessory")
    query = (
        select(bought.c.customer_id, product_links.c.target_id)
        .join(product_links, goes_with)
        .outerjoin(had, and_(had.c.customer_id == bought.c.customer_id, had.c.product_id == product_links.c.target_id))
        .where(had.c.customer_id.is_(None))
        .order_by(bought.c.at.desc(), product_links.c.rank, product_links.c.target_id)
    )
    found: dict[int, list[int]] = {}
    for customer, product in connection.execute(query):
        if product not in found.setdefault(customer, []):
            found[customer].append(product)
    return found


def declared_link(connection: Connection, customer_id: int, now: datetime) -> tuple[str, datetime, int | None] | None:
    """The declared link to a client's next product: from which sku, when that was bought, usual days; or None."""
    found = declared(now, [customer_id])
    query = select(products.c.sku, found.c.from_at, found.c.after_days).join(products, products.c.id == found.c.from_id)
    row = connection.execute(query.where(found.c.place == 1)).first()
    return None if row is None else (str(row[0]), row[1], row[2])


def learned_links_to_next(
    connection: Connection, customer_id: int, now: datetime
) -> list[tuple[str, datetime, int | None, int, float, int]]:
    """The learned links whose sum makes a client's next product, the strongest first.

    Each is the source sku, when that was bought, usual days, support, lift, and how often that was bought.
    """
    best, links = learned(now, [customer_id]), learned_links.c
    owned, again = _owned("owned_each", now, [customer_id]), _bought_again("owned_again_each", now, [customer_id])
    times = func.coalesce(again.c.times, 1)
    query = (
        select(products.c.sku, owned.c.at, links.after_days, links.support, links.lift, times)
        .join(owned, owned.c.product_id == products.c.id)
        .join(learned_links, links.product_id == owned.c.product_id)
        .join(best, and_(best.c.next_product_id == links.target_id, best.c.place == 1))
        .outerjoin(again, again.c.product_id == links.product_id)
        .where(or_(owned.c.latest <= LATEST, links.product_id == links.target_id))
        .order_by(links.strength.desc(), products.c.sku)
    )
    return [
        (str(sku), at, days, int(support), float(lift), int(bought))
        for sku, at, days, support, lift, bought in connection.execute(query)
    ]


def popular_buyers(connection: Connection, customer_id: int, now: datetime) -> int | None:
    """How many clients bought the popular product that may be offered to a client within the month before learning."""
    goods, free = popular(), popular_place(now, [customer_id])
    place = func.coalesce(select(free.c.place).where(free.c.customer_id == customer_id).scalar_subquery(), 1)
    query = (
        select(popular_products.c.clients)
        .join(goods, goods.c.next_product_id == popular_products.c.product_id)
        .where(goods.c.place == place)
    )
    return connection.scalar(query)


def has_followers(connection: Connection, customer_id: int, now: datetime) -> bool:
    """Whether any product that a client bought has a declared or learned link."""
    for links, kind in ((product_links, "next"), (learned_links, None)):
        owned = _bought("owned_any", _linked(links, kind), now, [customer_id])
        query = select(links.c.target_id).join(owned, owned.c.product_id == links.c.product_id)
        query = query if kind is None else query.where(links.c.kind == kind)
        if connection.execute(query.limit(1)).first() is not None:
            return True
    return False


def _linked(links: Table, kind: str | None) -> list[Select[tuple[int]]]:
    """Both ends of the links."""
    ends = [select(links.c.product_id), select(links.c.target_id)]
    return ends if kind is None else [end.where(links.c.kind == kind) for end in ends]


def _owned(name: str, now: Moment | None, customer_ids: Restriction | None) -> CTE:
    """`_bought` for learned links; `latest` 1 is what the client bought last."""
    at, sold = func.max(purchases.c.occurred_at), purchase_lines.c.product_id
    latest = func.row_number().over(partition_by=purchases.c.customer_id, order_by=(at.desc(), sold))
    columns = (at.label("at"), latest.label("latest"))
    return _sold(name, columns, _linked(learned_links, None), now, customer_ids, most=True)


def _bought_again(name: str, now: Moment | None, customer_ids: Restriction | None) -> CTE:
    """The same for products with a link to themselves: how many `times` the client bought each."""
    links = learned_links.c
    times = func.count(purchases.c.occurred_at.distinct())
    columns = (func.max(purchases.c.occurred_at).label("at"), times.label("times"))
    loops = select(links.product_id).where(links.product_id == links.target_id)
    return _sold(name, columns, [loops], now, customer_ids)


def _bought(name: str, linked: list[Select[tuple[int]]], now: Moment | None, customer_ids: Restriction | None) -> CTE:
    """Client, product and when it was last bought, for products that have links."""
    return _sold(name, (func.max(purchases.c.occurred_at).label("at"),), linked, now, customer_ids)


def _sold(
    name: str, columns: Iterable[ColumnElement[Any]], linked: Iterable[Select[tuple[int]]], now: Moment | None,
    customer_ids: Restriction | None, *, most: bool = False,
) -> CTE:  # fmt: skip
    """Client, product and these columns for what was sold of products that are linked; `most`: these are most products.

    Nested, because the sqlite3 module counts rows only for statements that begin with INSERT.
    """
    # Most lines in the order of an index are most pages of the table, each read many times; a sum uses no index.
    product = purchase_lines.c.product_id + 0 if most else purchase_lines.c.product_id
    query = (
        select(purchases.c.customer_id, purchase_lines.c.product_id, *columns)
        .join(purchase_lines, purchase_lines.c.purchase_id == purchases.c.id)
        .where(or_(*(product.in_(some) for some in linked)))
        .group_by(purchases.c.customer_id, purchase_lines.c.product_id)
    )
    return as_of_filter(query, purchases, now, customer_ids).cte(name, nesting=True)
