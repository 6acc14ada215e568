"""Facts of clients: one definition, stored in `facts` and recomputed where it changed.

Every client has exactly one row, including those who bought nothing. The definition is a SELECT (`as_of`), so
that the maintained table and the facts of a past day cannot disagree. No column changes merely because time
passes: what does (overdue, p_alive) is computed from these columns by the query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Double,
    FromClause,
    Integer,
    MetaData,
    Select,
    Subquery,
    Table,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    type_coerce,
    union,
    union_all,
    update,
)
from sqlalchemy.schema import CreateTable

from regulars.db.as_of import Moment, Restriction, among, as_of_filter
from regulars.db.engine import insert
from regulars.db.rowset import ids
from regulars.db.statistics import count_again
from regulars.db.tables import customers, events, facts, points_tariff, products, purchase_lines, purchases
from regulars.db.types import DAY, Instant, Money, to_micros
from regulars.profile import next_product, points, traits
from regulars.profile.next_product import USUAL_GAP

__all__ = ["USUAL_GAP", "Restriction", "as_of", "refresh", "refresh_after_events", "source", "materialized"]

_READ = (customers, purchases, purchase_lines, events, products, facts)
"""The tables that facts are made of, and their own."""
_CHUNK = 5_000
"""Clients recomputed by one statement."""
_COUNTED = {"preserve_rowcount": True}
_KEYS, _NOW = "regulars_given_keys", "regulars_given_now"
_STATEMENTS: dict[tuple[str, str], str] = {}
"""By database name and purpose: building a statement takes ten times as long as running it for one client."""


def _temporary(name: str) -> Table:
    columns = (Column(c.name, c.type, primary_key=c.primary_key) for c in facts.c)
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


PAST_FACTS = _temporary("facts_then")
"""The facts at a past instant of clients with later events; a temporary table of the transaction."""
EARLIER_FACTS = _temporary("facts_before")
"""The facts of some clients at an instant before that of the transaction's plan; a temporary table, too."""
_FACT_EVENTS = (*traits.SIGNALS, *points.EVENTS)
"""The events from which facts are computed; any other only makes the client a visitor."""


def as_of(now: Moment | None = None, customer_ids: Restriction | None = None) -> Select[Any]:
    """The facts of every client (or of some) from what happened up to `now`, both ends included.

    Columns and types are those of the table `facts`. `rhythm` is in days; `next_product_at` counts from the
    purchase that leads to the product, and for a consumable from its own last purchase if that was later.
    """
    total, manner = _totals(now, customer_ids), traits.purchase_signals(now, customer_ids)
    steps, words = traits.gap_signals(now, customer_ids), traits.event_signals(now, customer_ids)
    earned, missing = points.sums(now, customer_ids), next_product.missing(now, customer_ids)
    next_one, learned = next_product.declared(now, customer_ids), next_product.learned(now, customer_ids)
    popular, free = next_product.popular(), next_product.popular_place(now, customer_ids)
    scores = traits.scores(total.c.purchases, manner, steps, words)
    joined = customers.outerjoin(total, total.c.customer_id == customers.c.id)
    for one in (manner, steps, words, earned, missing, free):
        joined = joined.outerjoin(one, one.c.customer_id == customers.c.id)
    for one in (next_one, learned):
        joined = joined.outerjoin(one, and_(one.c.customer_id == customers.c.id, one.c.place == 1))
    offered = case((total.c.customer_id.is_not(None), func.coalesce(free.c.place, 1)))
    joined = joined.outerjoin(popular, popular.c.place == offered)
    query = (
        select(
            customers.c.id.label("customer_id"),
            func.coalesce(total.c.purchases, 0).label("purchases"),
            type_coerce(func.coalesce(total.c.spent, literal_column("0")), Money).label("spent"),
            total.c.first_purchase_at,
            total.c.last_purchase_at,
            _rhythm(total).label("rhythm"),
            func.coalesce(next_one.c.next_product_id, learned.c.next_product_id, popular.c.next_product_id).label(
                "next_product_id"
            ),
            _next_product_at(total, next_one, learned, popular).label("next_product_at"),
            cast(func.coalesce(steps.c.days, 0), Integer).label("days"),
            traits.stage(steps, words).label("stage"),
            traits.motivation(scores).label("motivation"),
            *(scores[name].label(f"{name}_score") for name in traits.MOTIVATIONS),
            traits.secure(words).label("sci"),
            words.c.recommend.label("nps"),
            cast(func.coalesce(missing.c.accessories_missing, 0), Integer).label("accessories_missing"),
            cast(func.coalesce(earned.c.points, 0), BigInteger).label("points"),
            cast(func.coalesce(earned.c.points_earned, 0), BigInteger).label("points_earned"),
            *points.level_columns(earned),
        )
        .select_from(joined)
        .where(customers.c.id.is_not(None))  # SQLite needs a WHERE between a join and ON CONFLICT
    )
    return query if customer_ids is None else query.where(among(customers.c.id, customer_ids))


def _next_product_at(total: Subquery, declared: Subquery, learned: Subquery, popular: Subquery) -> ColumnElement[Any]:
    """When the next product is usually bought; for a popular one, the usual interval after the last purchase."""
    days = func.coalesce(popular.c.after_days, USUAL_GAP) * literal(DAY, BigInteger)
    usual = type_coerce(total.c.last_purchase_at, BigInteger) + days
    found = case(
        (declared.c.next_product_id.is_not(None), type_coerce(declared.c.next_product_at, BigInteger)),
        (learned.c.next_product_id.is_not(None), type_coerce(learned.c.next_product_at, BigInteger)),
        (popular.c.next_product_id.is_not(None), usual),
    )
    return type_coerce(found, Instant)


def _rhythm(total: Subquery) -> ColumnElement[Any]:
    """The mean number of days between purchases; NULL below two of them, or when all were made at once."""
    first, last = total.c.first_purchase_at, total.c.last_purchase_at
    span = type_coerce(last, BigInteger) - type_coerce(first, BigInteger)
    between = cast(literal(DAY, BigInteger) * (total.c.purchases - 1), Double)
    return case((and_(total.c.purchases > 1, span > 0), cast(span, Double) / between))


def refresh(connection: Connection, customer_ids: Restriction | None = None) -> int:
    """Recomputes the stored facts of these clients (None: all); returns the number of changed rows."""
    if customer_ids is None:
        count_again(connection, _READ)  # perhaps they were filled by this transaction
    if customer_ids is None or isinstance(customer_ids, Select | ColumnElement):
        _lock_facts(connection, true() if customer_ids is None else among(facts.c.customer_id, customer_ids))
        if customer_ids is None:
            return connection.exec_driver_sql(_refresh_all_sql(connection), execution_options=_COUNTED).rowcount
        statement = _write(connection, as_of(None, customer_ids))
        return connection.execute(statement, execution_options=_COUNTED).rowcount
    keys = sorted(set(customer_ids))
    changed = 0
    for start in range(0, len(keys), _CHUNK):
        given = {"keys": _listed(connection, keys[start : start + _CHUNK])}
        _lock_facts(connection, facts.c.customer_id.in_(ids(connection, keys[start : start + _CHUNK])))
        changed += connection.exec_driver_sql(_refresh_some_sql(connection), given, execution_options=_COUNTED).rowcount
    return changed


def recount_points(connection: Connection) -> int:
    """Recomputes everybody's points after a change of the tariff, and nothing else; returns how many rows changed."""
    count_again(connection, _READ)
    _lock_facts(connection, true())
    known, earned = facts.alias("known"), points.sums()
    counted = (
        select(
            known.c.customer_id,
            cast(func.coalesce(earned.c.points, 0), BigInteger).label("points"),
            cast(func.coalesce(earned.c.points_earned, 0), BigInteger).label("points_earned"),
            *points.level_columns(earned),
        )
        .select_from(known.outerjoin(earned, earned.c.customer_id == known.c.customer_id))
        .subquery("counted")
    )
    derived = [c for c in counted.c if c.name != "customer_id"]
    statement = (
        update(facts)
        .values({c.name: c for c in derived})
        .where(
            facts.c.customer_id == counted.c.customer_id, or_(*(facts.c[c.name].is_distinct_from(c) for c in derived))
        )
    )
    return connection.execute(statement, execution_options=_COUNTED).rowcount


def refresh_after_events(connection: Connection, event_ids: Iterable[int]) -> int:
    """Updates the facts of the clients of these events; most events change no fact and cost little."""
    new = ids(connection, event_ids)
    concerned = (
        select(events.c.customer_id)
        .join(facts, facts.c.customer_id == events.c.customer_id)
        .where(events.c.id.in_(new), or_(events.c.name.in_(_FACT_EVENTS), facts.c.stage == "potential"))
    )
    return refresh(connection, list(connection.scalars(concerned.distinct())))


def _lock_facts(connection: Connection, whose: ColumnElement[bool]) -> None:
    """Waits for transactions that recompute the same clients, so that their data are seen and not overwritten.

    SQLite has one writer at a time. The tariff is read before any row is locked: a transaction that
    changes it waits for those that use it, and a lock in the other order would deadlock.
    """
    if connection.dialect.name == "postgresql":
        rows = select(facts.c.customer_id).select_from(facts.outerjoin(points_tariff, true())).where(whose)
        taken = rows.order_by(facts.c.customer_id).with_for_update(of=facts).subquery()
        connection.execute(select(func.count()).select_from(taken))


def source(connection: Connection, now: datetime) -> FromClause:
    """The facts as of `now`, under the column names of the table `facts`.

    The table itself when nothing happened later; else the stored rows of clients without later events, and
    recomputed rows of the others.
    """
    found = [table for table in (purchases, events) if connection.scalar(select(_after(table, now).exists()))]
    if not found:
        return facts
    _avoid_nested_loops(connection)
    whom = _later(now, found)
    return union_all(_unchanged(whom), as_of(now, whom)).subquery("facts_then")


def materialized(connection: Connection, now: datetime, only: int | None = None) -> FromClause:
    """The same for a writing transaction with many queries: recomputed facts are stored until its end.

    It returns one of two relations, however often it is called; a call replaces the content of the one before.
    With `only`, the rows of other clients are undefined.
    """
    if not any(connection.scalar(select(_after(table, now).exists())) for table in (purchases, events)):
        return facts
    _avoid_nested_loops(connection)
    connection.execute(CreateTable(PAST_FACTS, if_not_exists=True))
    connection.execute(delete(PAST_FACTS))
    if only is None:
        connection.exec_driver_sql(_past_facts_sql(connection), {"now": to_micros(now)})
    else:
        connection.exec_driver_sql(
            _past_facts_of_some_sql(connection), {"now": to_micros(now), "keys": _listed(connection, [only])}
        )
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {PAST_FACTS.name}"))
    return _FACTS_THEN


def keep_for_walk(connection: Connection, known: FromClause, customer_ids: Select[Any]) -> FromClause:
    """A copy of these clients' facts, for `step_back`; beside what `materialized` returned, until the next call."""
    connection.execute(CreateTable(EARLIER_FACTS, if_not_exists=True))
    connection.execute(delete(EARLIER_FACTS))
    rows = select(*(known.c[column.name] for column in EARLIER_FACTS.c)).where(known.c.customer_id.in_(customer_ids))
    connection.execute(EARLIER_FACTS.insert().from_select(list(EARLIER_FACTS.c), rows))
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {EARLIER_FACTS.name}"))
    return EARLIER_FACTS


def step_back(connection: Connection, later: datetime, now: datetime) -> None:
    """Changes the copy from the facts as of `later` to those as of `now`, which is earlier.

    Only clients to whom something happened in between are recomputed.
    """
    between = [
        select(table.c.customer_id).where(table.c.occurred_at > now, table.c.occurred_at <= later)
        for table in (purchases, events)
    ]
    concerned = select(EARLIER_FACTS.c.customer_id).where(EARLIER_FACTS.c.customer_id.in_(union(*between)))
    keys = sorted(connection.scalars(concerned))
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        connection.execute(delete(EARLIER_FACTS).where(EARLIER_FACTS.c.customer_id.in_(ids(connection, chunk))))
        given = {"now": to_micros(now), "keys": _listed(connection, chunk)}
        connection.exec_driver_sql(_earlier_facts_sql(connection), given)


def _avoid_nested_loops(connection: Connection) -> None:
    # PostgreSQL expects a handful of recomputed rows, and would go through all of them for each client that it joins.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL enable_nestloop = off"))


def _later(now: Moment, found: Iterable[Table] = (purchases, events)) -> Select[tuple[int]]:
    """The clients with purchases or events after `now`."""
    later = union(*(_after(table, now) for table in found)).subquery("later")
    return select(later.c.customer_id)


def _after(table: Table, now: Moment) -> Select[tuple[int]]:
    return select(table.c.customer_id).where(table.c.occurred_at > now)


def _unchanged(whom: Select[tuple[int]]) -> Select[Any]:
    return select(facts).where(facts.c.customer_id.not_in(whom))


_FACTS_THEN = union_all(_unchanged(select(PAST_FACTS.c.customer_id)), select(PAST_FACTS)).subquery("facts_at_the_time")


def _totals(now: Moment | None, customer_ids: Restriction | None) -> Subquery:
    """Count, sum, first and last per client who bought."""
    query = select(
        purchases.c.customer_id,
        func.count().label("purchases"),
        cast(func.sum(type_coerce(purchases.c.amount, BigInteger)), BigInteger).label("spent"),
        func.min(purchases.c.occurred_at).label("first_purchase_at"),
        func.max(purchases.c.occurred_at).label("last_purchase_at"),
    ).group_by(purchases.c.customer_id)
    return as_of_filter(query, purchases, now, customer_ids).subquery("totals")


def _refresh_all_sql(connection: Connection) -> str:
    """The SQL that recomputes everybody."""
    return _prepared(connection, "everybody", lambda: _write(connection, as_of()))


def _refresh_some_sql(connection: Connection) -> str:
    """The SQL that recomputes the clients whose keys it is given as one parameter, `keys`."""
    return _prepared(connection, "some", lambda: _write(connection, as_of(None, _given_keys(connection.dialect))))


def _past_facts_sql(connection: Connection) -> str:
    """The SQL that computes the facts at a past instant, `now` in microseconds."""
    now = literal_column(_NOW, Instant())
    return _prepared(
        connection, "then", lambda: PAST_FACTS.insert().from_select(list(PAST_FACTS.c), as_of(now, _later(now)))
    )


def _past_facts_of_some_sql(connection: Connection) -> str:
    """The same for clients whose keys it is given as one parameter, `keys`."""
    return _prepared(connection, "then-some", lambda: _facts_of_some(connection, PAST_FACTS))


def _earlier_facts_sql(connection: Connection) -> str:
    return _prepared(connection, "before-some", lambda: _facts_of_some(connection, EARLIER_FACTS))


def _facts_of_some(connection: Connection, table: Table) -> Any:
    found = as_of(literal_column(_NOW, Instant()), _given_keys(connection.dialect))
    return table.insert().from_select(list(table.c), found)


def _listed(connection: Connection, keys: list[int]) -> str:
    """Keys as the parameter `keys`."""
    some = orjson.dumps(keys).decode()
    return "{" + some[1:-1] + "}" if connection.dialect.name == "postgresql" else some


def _prepared(connection: Connection, what: str, build: Callable[[], Any]) -> str:
    kind = (connection.dialect.name, what)
    if kind not in _STATEMENTS:
        sql = str(build().compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
        for token, name in ((_KEYS, "keys"), (_NOW, "now")):
            sql = sql.replace(token, f"%({name})s" if connection.dialect.name == "postgresql" else f":{name}")
        _STATEMENTS[kind] = sql
    return _STATEMENTS[kind]


def _given_keys(dialect: Dialect) -> Restriction:
    keys: Any = literal_column(_KEYS, Text)
    if dialect.name == "postgresql":
        # Of an array PostgreSQL knows the length, so that one client is looked up by index in every part.
        return cast(keys, ARRAY(BigInteger))
    each = func.json_each(keys).table_valued("value", name="given")
    return select(cast(each.c.value, BigInteger))


def _write(connection: Connection, rows: Select[Any]) -> Any:
    statement = insert(connection, facts).from_select([c.name for c in facts.c], rows.order_by(customers.c.id))
    derived = [c for c in facts.c if not c.primary_key]
    return statement.on_conflict_do_update(
        index_elements=["customer_id"],
        set_={c.name: statement.excluded[c.name] for c in derived},
        where=or_(*(c.is_distinct_from(statement.excluded[c.name]) for c in derived)),
    )
