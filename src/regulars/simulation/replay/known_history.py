"""Copies the real database into a scratch one, and gives every row of the past the instant at which it was known.

One read-only transaction of the real database, streamed: a consistent view that blocks neither planners nor workers.
What clients did goes into tables named `past_…`, from where `past_days` takes it when its time has come. Everything
else is copied as it is now: products, learned values, the stock of coupons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Engine, Index, MetaData, Table, select

from regulars.consent.preferences import PREFERENCES
from regulars.db import engine as db
from regulars.db import tables
from regulars.db.types import MICROSECOND, Instant, to_micros

IMPORTED_AFTER = timedelta(days=7)
"""What was received later than that came with an import of history: it counts from when it happened."""
IMPORT = "import"
"""The source of consents that came with a list; the first of a client says nothing about when it was given."""
_ROWS = 2_000
"""Rows in memory at a time."""

_LEFT_BEHIND = frozenset({
    # the life of processes
    "lane_states", "clock_states", "write_probes", "heartbeats", "counters", "buckets", "claims", "switches",
    "outcome_tallies", "canaries", "canary_samples", "restorations",
    # servers and domains, and who hears of what
    "server_states", "server_days", "mail_domains", "domain_limits", "alerts", "latencies", "webhook_endpoints",
    "webhook_messages",
    # what emails looked like and what came back: clients' answers are events
    "copies", "layouts", "hits", "deliveries", "notifications",
    # the files and who applied them
    "applied_versions", "workspace_versions", "workspace_files", "file_contents", "audit_log", "rule_versions",
    # derived anew
    "facts",
})  # fmt: skip
_OF_NOW = frozenset({"switches", "canaries", "canary_samples", "server_days"})
"""Of these, what a look ahead needs."""
PAST = (
    "customers", "consents", "consent_log", "refusals", "suppressions", "preferences", "signups", "purchases",
    "purchase_lines", "events", "promises",
)  # fmt: skip
"""The tables of what happened in time; their copies begin with `past_`."""
_MADE_LATER = {
    "members": "entered_at", "values_seen": "at", "assignments": "at", "coupons": "given_at", "signups": "asked_at",
}  # fmt: skip
"""When a row of a table of the planner was made, by the table."""
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """What the copy holds: clients, what happened to them, and how much of it was received by an import later."""

    clients: int
    history_rows: int
    imported: int


def past_name(name: str) -> str:
    """The name of a table's copy."""
    return f"past_{name}"


def _past_table(table: Table) -> Table:
    known = Column("known_at", Instant)
    copied = Table(past_name(table.name), MetaData(), *(Column(c.name, c.type) for c in table.c), known)
    Index(f"ix_{copied.name}_known", known)
    return copied


def copy_history(
    real: Engine, scratch: Engine, since: datetime, progress: Progress = lambda _: None, *, present: bool = False
) -> Copied:
    """Fills an empty scratch database: the state as it was at `since`, and all that was known later in `past_…`.

    With `present`, `since` is now: everything is known, and what is paused or tried out stays so.
    """
    left_behind = _LEFT_BEHIND - _OF_NOW if present else _LEFT_BEHIND
    with db.write(scratch) as into:
        tables.metadata.create_all(into)
        with db.read(real) as source:
            for table in tables.metadata.sorted_tables:
                if table.name not in left_behind:
                    progress(table.name)
                    _copy(source, table, into)
        _know(into, since)
        if present:
            for name in PAST:
                into.exec_driver_sql(f"UPDATE past_{name} SET known_at = min(known_at, :at)", {"at": to_micros(since)})
        return _counted(into)


def _copy(source: Connection, table: Table, into: Connection) -> None:
    target = table
    if table.name in PAST:
        target = _past_table(table)
        target.create(into)
    rows = source.execution_options(yield_per=_ROWS).execute(select(table))
    for part in rows.mappings().partitions(_ROWS):
        into.execute(target.insert(), [dict(row) for row in part])


_HAPPENED_AT = """
UPDATE past_{table} SET known_at =
    CASE WHEN received_at - occurred_at > :late THEN occurred_at ELSE max(occurred_at, received_at) END
"""
_CLIENTS = """
WITH first AS (
    SELECT customer_id, min(at) AS at FROM (
        SELECT customer_id, min(known_at) AS at FROM past_purchases GROUP BY 1
        UNION ALL SELECT customer_id, min(known_at) FROM past_events GROUP BY 1
        UNION ALL SELECT customer_id, min(created_at) FROM past_promises GROUP BY 1
        UNION ALL SELECT id, created_at FROM past_customers
    ) GROUP BY customer_id
)
UPDATE past_customers SET known_at = first.at FROM first WHERE first.customer_id = past_customers.id
"""
# A client and topic without a line in the log has the one decision that is stored.
_CONSENT_LOG = """
INSERT INTO past_consents (customer_id, topic, granted, at, source, wording, known_at)
SELECT customer_id, topic, granted, at, source, NULL, at FROM past_consent_log WHERE topic <> :preferences
"""
_UNLOGGED = """
DELETE FROM past_consents WHERE known_at IS NULL AND EXISTS (
    SELECT 1 FROM past_consent_log AS log
    WHERE log.customer_id = past_consents.customer_id AND log.topic = past_consents.topic
)
"""
_CONSENTS = """
UPDATE past_consents SET known_at = max(
    client.known_at,
    CASE WHEN past_consents.granted AND past_consents.source = :import AND NOT EXISTS (
        SELECT 1 FROM past_consent_log AS earlier
        WHERE earlier.customer_id = past_consents.customer_id AND earlier.topic = past_consents.topic
            AND earlier.at < past_consents.at
    ) THEN 0 ELSE past_consents.at END
) FROM past_customers AS client WHERE client.id = past_consents.customer_id
"""
_AS_OF = {
    "refusals": "at", "suppressions": "at", "preferences": "at", "signups": "asked_at", "promises": "created_at",
}  # fmt: skip


def _know(into: Connection, since: datetime) -> None:
    """Sets `known_at` of every copied row, and takes back what planners did after `since`."""

    def run(text: str, **values: object) -> None:
        into.exec_driver_sql(text, values)

    run("CREATE INDEX past_log_client ON past_consent_log (customer_id, topic)")
    run("CREATE INDEX past_lines_purchase ON past_purchase_lines (purchase_id)")
    for name in ("purchases", "events"):
        run(_HAPPENED_AT.format(table=name), late=IMPORTED_AFTER // MICROSECOND)
    run("CREATE UNIQUE INDEX past_clients_id ON past_customers (id)")
    run(_CLIENTS)
    run(_UNLOGGED)
    run(_CONSENT_LOG, preferences=PREFERENCES)
    run(_CONSENTS, **{"import": IMPORT})
    for name, column in _AS_OF.items():
        run(f"UPDATE past_{name} SET known_at = {column}")
    at = to_micros(since)
    for name, column in _MADE_LATER.items():
        if name not in PAST:
            run(f"DELETE FROM {name} WHERE {column} > :at", at=at)
    run("DELETE FROM decisions WHERE created_at > :at", at=at)
    undecided = "branch = NULL, at = NULL, decided_at = NULL, cause = NULL"
    run(f"UPDATE decisions SET {undecided} WHERE decided_at > :at", at=at)
    run("UPDATE decisions SET moved_to = NULL, moved_at = NULL WHERE moved_at > :at", at=at)
    run("UPDATE members SET left_at = NULL WHERE left_at > :at", at=at)
    run("UPDATE coupons SET used = 0, redeemed_at = NULL WHERE redeemed_at > :at", at=at)
    run("UPDATE coupon_codes SET given_at = NULL WHERE given_at > :at", at=at)
    run("DELETE FROM due_tallies WHERE day >= :day", day=f"{since:%Y-%m-%d}")
    _forget_later_rules(into, at)


def _forget_later_rules(into: Connection, at: int) -> None:
    """A campaign whose trigger came into force later begins anew: it keeps its key and loses its members."""
    later = "SELECT key FROM campaigns WHERE applied_at > :at"
    for name in ("members", "values_seen"):
        into.exec_driver_sql(f"DELETE FROM {name} WHERE campaign IN ({later})", {"at": at})
    into.exec_driver_sql(
        "UPDATE campaigns SET rule = '', trigger = '', planned_at = NULL WHERE applied_at > :at", {"at": at}
    )
    into.exec_driver_sql("UPDATE campaigns SET planned_at = min(planned_at, :at)", {"at": at})
    into.exec_driver_sql("UPDATE campaigns SET retired_at = NULL WHERE retired_at > :at", {"at": at})


def _counted(into: Connection) -> Copied:
    def number(text: str) -> int:
        return int(into.exec_driver_sql(text).scalar_one())

    happened = "FROM (SELECT occurred_at, received_at FROM past_purchases UNION ALL"
    happened += " SELECT occurred_at, received_at FROM past_events)"
    late = IMPORTED_AFTER // MICROSECOND
    return Copied(
        number("SELECT count(*) FROM past_customers"),
        number(f"SELECT count(*) {happened}"),
        number(f"SELECT count(*) {happened} WHERE received_at - occurred_at > {late}"),
    )
