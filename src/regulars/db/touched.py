"""Triggers that put a client into `touched_clients` in the transaction of whoever writes about them.

The database does it, so that no writer can forget: whatever changes what conditions read is seen by the next plan, by
whichever program it was written. On PostgreSQL a statement writes each client once; SQLite writes row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from regulars.db.states import State

_PREFIX = "regulars_touch"
_ENDED = f"'{State.SKIPPED}', '{State.FAILED}'"

_COUNTED = {
    "postgresql": (
        "SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND t.tgname LIKE 'regulars!_touch!_%%' ESCAPE '!'"
        " AND t.tgenabled <> 'D'"
    ),
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'regulars!_touch!_%' ESCAPE '!'",
}


@dataclass(frozen=True, slots=True)
class _Watched:
    """A table whose rows conditions read. `client` is its column with the client, empty where it is about everybody."""

    table: str
    client: str = ""
    actions: Sequence[str] = ("INSERT", "UPDATE", "DELETE")


_WATCHED = (
    _Watched("customers", "id", ("INSERT", "UPDATE")),
    _Watched("purchases", "customer_id"),
    _Watched("events", "customer_id"),
    _Watched("facts", "customer_id"),
    _Watched("worth", "customer_id"),
    _Watched("products"),
    _Watched("managers", actions=("UPDATE",)),
    _Watched("buying_model"),
    _Watched("return_times"),
)


def install(connection: Connection) -> None:
    """Makes the triggers anew; the tables must exist."""
    statements = _postgresql() if connection.dialect.name == "postgresql" else _sqlite()
    for statement in statements:
        connection.exec_driver_sql(statement)


def installed(connection: Connection) -> bool:
    """Whether all of them are there, and none is disabled."""
    wanted = sum(len(watched.actions) for watched in _WATCHED) + 4  # of the lines of purchases, and of promises
    found = connection.exec_driver_sql(_COUNTED[connection.dialect.name]).scalar()
    return found == wanted


def _postgresql() -> Iterator[str]:
    for watched in _WATCHED:
        for action in watched.actions:
            name = f"{_PREFIX}_{watched.table}_{action.lower()}"
            yield _function(name, _changed(watched, action))
            tables = {"INSERT": "NEW TABLE AS new_rows", "DELETE": "OLD TABLE AS old_rows"}
            both = "OLD TABLE AS old_rows NEW TABLE AS new_rows"
            referencing = f"REFERENCING {tables.get(action, both)}" if watched.client else ""
            yield f"DROP TRIGGER IF EXISTS {name} ON {watched.table}"
            yield (
                f"CREATE TRIGGER {name} AFTER {action} ON {watched.table} {referencing}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
            )
    # The lines of a purchase are read through it; they never move to another one.
    for action, rows in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")):
        name = f"{_PREFIX}_purchase_lines_{action.lower()}"
        query = "SELECT DISTINCT p.customer_id FROM changed_rows c JOIN purchases p ON p.id = c.purchase_id"
        yield _function(name, query)
        yield f"DROP TRIGGER IF EXISTS {name} ON purchase_lines"
        yield (
            f"CREATE TRIGGER {name} AFTER {action} ON purchase_lines"
            f" REFERENCING {rows.upper()} TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
    # An email that came to nothing can make room for the next one. By row, for hardly any row is such a one.
    name = f"{_PREFIX}_promises"
    yield _function(name, "SELECT NEW.customer_id")
    yield f"DROP TRIGGER IF EXISTS {name} ON promises"
    yield (
        f"CREATE TRIGGER {name} AFTER UPDATE OF state ON promises FOR EACH ROW"
        f" WHEN (NEW.state IN ({_ENDED}) AND OLD.state NOT IN ({_ENDED})) EXECUTE FUNCTION {name}()"
    )


def _function(name: str, query: str) -> str:
    # `plpgsql` keeps the plan of the statement for the connection. Who writes may have another search path.
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN"
        f" INSERT INTO touched_clients (customer_id) {query}; RETURN NULL; END $$"
    )


def _changed(watched: _Watched, action: str) -> str:
    if not watched.client:
        return "VALUES (NULL::bigint)"
    rows = {"INSERT": ("new_rows",), "DELETE": ("old_rows",)}.get(action, ("new_rows", "old_rows"))
    return " UNION ".join(f"SELECT {watched.client} FROM {name}" for name in rows)  # noqa: S608 (names of this module)


def _sqlite() -> Iterator[str]:
    for watched in _WATCHED:
        for action in watched.actions:
            sides = {"INSERT": ("NEW",), "DELETE": ("OLD",)}.get(action, ("NEW", "OLD"))
            values = [f"SELECT {side}.{watched.client}" if watched.client else "SELECT NULL" for side in sides]
            name = f"{_PREFIX}_{watched.table}_{action.lower()}"
            yield from _made_anew(name, f"AFTER {action} ON {watched.table}", " UNION ".join(values))
    for action, side in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        name = f"{_PREFIX}_purchase_lines_{action.lower()}"
        query = f"SELECT customer_id FROM purchases WHERE id = {side}.purchase_id"  # noqa: S608 (OLD or NEW)
        yield from _made_anew(name, f"AFTER {action} ON purchase_lines", query)
    when = f"WHEN NEW.state IN ({_ENDED}) AND OLD.state NOT IN ({_ENDED})"
    yield from _made_anew(
        f"{_PREFIX}_promises", f"AFTER UPDATE OF state ON promises {when}", "VALUES (NEW.customer_id)"
    )


def _made_anew(name: str, when: str, rows: str) -> Iterator[str]:
    yield f"DROP TRIGGER IF EXISTS {name}"
    yield f"CREATE TRIGGER {name} {when} BEGIN INSERT INTO touched_clients (customer_id) {rows}; END"
