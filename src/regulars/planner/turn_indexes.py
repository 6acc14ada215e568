"""The indexes that incremental plans of the rules in force need, on PostgreSQL: made and dropped as rules change.

Most turns are looked up by indexes that every database has, on instants of purchases and events. A field's own
instant, a number of rhythms, the beginning of a visit, and a pause between two emails need one each, which only rules
that ask for it pay for. Without them plans are right, and slower. SQLite, for lists of its size, does without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from regulars.audience.turned_clients import rhythms_sql
from regulars.audience.turns import Begins, EventAge, FieldAge, Moment, Returns, Rhythms, Span
from regulars.context.plan_context import Ruleset
from regulars.core.errors import EnvironmentFailed
from regulars.core.ids import digest
from regulars.db.locks import AdvisoryLock
from regulars.db.tables import customers
from regulars.planner.affected import turns_of

_PREFIX = "ix_turn_"
_TIME_LIMITS = ("SET lock_timeout = '60s'", "SET statement_timeout = '30min'")
_EXISTING = text(
    "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relnamespace = current_schema()::regnamespace AND c.relname LIKE 'ix_turn_%'"
)
_TRY_LOCK = text("SELECT pg_try_advisory_lock(:lock)")
_LARGE = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    " AND pg_relation_size(oid) > 4 * 1024 * 1024"
)
"""Tables that are worth an index; smaller ones are read in a few milliseconds."""


def needed(rules: Ruleset, keys: Mapping[str, str]) -> dict[str, str]:
    """By name: what the index is on, as SQL after ON. `keys` are the campaigns' keys in the ledger by name."""
    found = set[str]()
    for campaign in rules.rulebook.campaigns.values():
        found.update(_of_spans(turns_of(rules, campaign).spans))
        if campaign.when is not None and campaign.reentry.after:
            found.add(f"promises (due_at) WHERE campaign = {_quoted(keys.get(campaign.name, campaign.name))}")
    return {f"{_PREFIX}{digest(one)[:16]}": one for one in sorted(found)}


def differences(connection: Connection, wanted: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The statements that make what is missing, and those that drop what is not needed or was left half made.

    Each is run outside a transaction, for they let writers go on.
    """
    if connection.dialect.name != "postgresql":
        return [], []
    existing = {row[0]: row[1] for row in connection.execute(_EXISTING)}
    large = set(connection.scalars(_LARGE))
    drop = [name for name, valid in existing.items() if name not in wanted or not valid]
    make = [name for name, on in wanted.items() if not existing.get(name, False) and on.split()[0] in large]
    return (
        [f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {wanted[name]}" for name in make],
        [f"DROP INDEX CONCURRENTLY IF EXISTS {name}" for name in drop],
    )


def keep_up(engine: Engine, wanted: Mapping[str, str]) -> list[str]:
    """Makes and drops indexes, and clears away what a bulk import left in the emptied queue, which every plan reads.

    Returns the statements that were run; none where another process is at it. On a connection of its own, which keeps
    its limits of time to itself. Raises EnvironmentFailed where a long transaction stands in the way.
    """
    if engine.dialect.name != "postgresql":
        return []
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()
            if not connection.scalar(_TRY_LOCK, {"lock": int(AdvisoryLock.TURN_INDEXES)}):
                return []
            make, drop = differences(connection, wanted)
            sweep = ["VACUUM touched_clients"] if "touched_clients" in connection.scalars(_LARGE).all() else []
            for statement in (*_TIME_LIMITS, *sweep, *drop, *make):
                connection.exec_driver_sql(statement)
            return [*sweep, *drop, *make]
    except SQLAlchemyError as error:
        raise EnvironmentFailed(str(error)) from error


def _of_spans(spans: Iterable[Span]) -> Iterator[str]:
    for span in spans:
        match span:
            case FieldAge():
                yield f"{'customers' if span.name in customers.c else 'facts'} ({span.name})"
            case Rhythms():
                yield f"facts (({rhythms_sql(span)}))"
            case Begins():
                yield f"events ((data ->> {_quoted(span.field)})) WHERE name = {_quoted(span.event)}"
            case EventAge() | Returns() | Moment():
                pass


def _quoted(text: str) -> str:
    """A name of a rule file as an SQL literal; such names have no other characters."""
    if not re.fullmatch(r"[\w.~-]+", text):
        raise ValueError(f"{text!r} is no name")
    return f"'{text}'"
