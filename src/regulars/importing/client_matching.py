"""Matches rows to clients: by an outside id, an alias, or an address.

After `match_clients` the `id` of a row is the outside id of its client: that of an existing client, or a new one. A
client known by address only takes the first real id with that address, and keeps everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from regulars.consent.merge import IDENTITY, merge_clients
from regulars.consent.rights import ConsentRecord, write_log
from regulars.core.errors import RegularsError
from regulars.db.rowset import ids as keys
from regulars.db.rowset import lookup
from regulars.db.tables import customers
from regulars.importing.rows import Row
from regulars.profile.identity import PERSONAL, clients_named, different_people, only_addressed
from regulars.profile.shared_mailbox import shares_mailbox

BY_ADDRESS = "by_address"
"""Set in rows that identify the client by an address only."""

_Living = Mapping[str, list[dict[str, Any]]]
"""By the hash of an address: the clients with it (erased ones apart)."""


def match_clients(
    connection: Connection, rows: Sequence[Row], hashes: Mapping[int, str], *, now: datetime, source: str
) -> list[Row]:
    """Gives every row the id of its client; rows of one client are merged, with precedence of the first."""
    named = [row for row in rows if not row.get(BY_ADDRESS)]
    known = clients_named(connection, (row.get("id") for row in named), customers.c.external_id)
    for row in named:
        row.values["id"] = known.get(row.get("id"), row.get("id"))
    living = _living(connection, hashes.values())
    _adopt(connection, [row for row in named if row.get("id") not in known], hashes, living, now, source)
    for row in named:  # new clients of this batch
        if row.line not in hashes:
            continue
        mailbox = living.setdefault(hashes[row.line], [])
        if row.get("id") not in {client["external_id"] for client in mailbox}:
            mailbox.append({"external_id": row.get("id"), **{name: row.get(name) for name in PERSONAL}})
    for row in rows:
        if row.get(BY_ADDRESS):
            mailbox = living.get(hashes.get(row.line, ""), [])
            if len(mailbox) == 1 and not different_people(row.values, mailbox[0]):
                row.values["id"] = mailbox[0]["external_id"]
    return _one_row_each(rows)


def _living(connection: Connection, mailboxes: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    columns = [customers.c[name] for name in ("id", "external_id", *PERSONAL)]
    found = lookup(connection, customers.c.email_hash, mailboxes, *columns, customers.c.erased_at)
    return {
        mailbox: [
            dict(zip(("id", "external_id", *PERSONAL), row[:-1], strict=True))
            for row in sorted(rows, key=lambda row: row[0])
            if row[-1] is None
        ]
        for mailbox, rows in found.items()
    }


def _adopt(
    connection: Connection, rows: Iterable[Row], hashes: Mapping[int, str], living: _Living, now: datetime, source: str
) -> None:
    """Gives clients who only had an address the new ids of their rows."""
    adopted: list[dict[str, Any]] = []
    for row in rows:
        mailbox = living.get(hashes.get(row.line, ""), [])
        nameless = [client for client in mailbox if only_addressed(client["external_id"])]
        if only_addressed(row.get("id")) or len(nameless) != 1 or different_people(row.values, nameless[0]):
            continue
        nameless[0]["external_id"] = row.get("id")
        adopted.append({"key": nameless[0]["id"], "new_id": row.get("id")})
    if not adopted:
        return
    renamed = update(customers).where(customers.c.id == bindparam("key"))
    connection.execute(renamed.values(external_id=bindparam("new_id"), updated_at=now), adopted)
    for one in adopted:
        word = ConsentRecord(IDENTITY, now, source, {"known by address until then": True, "id": one["new_id"]})
        write_log(connection, [one["key"]], word, granted=True)


def _one_row_each(rows: Sequence[Row]) -> list[Row]:
    first: dict[str, Row] = {}
    for row in rows:
        kept = first.setdefault(row.get("id"), row)
        if kept is not row:  # the line identifies the address
            line = kept.line if kept.get("email") else row.line
            first[row.get("id")] = replace(kept, line=line, values={**row.values, **kept.values})
    return list(first.values())


@dataclass(frozen=True, slots=True)
class Joined:
    """The result of joining clients by address: the keys of removed clients, and those kept apart."""

    gone: frozenset[int]
    apart: tuple[tuple[int, str, str], ...]
    """Key and outside id, and the outside id of another with the address."""


def join_by_address(connection: Connection, mailboxes: Iterable[str], *, now: datetime, source: str) -> Joined:
    """Joins clients of one address, the later into the earlier, unless their names or birthdays differ.

    If some of them differ, a client without a name could be any of them, and is kept apart.
    """
    gone: set[int] = set()
    apart: list[tuple[int, str, str]] = []
    for clients in _living(connection, mailboxes).values():
        differ = any(different_people(one, other) for one, other in combinations(clients, 2))
        people = clients[:1]
        for client in clients[1:]:
            known = next((one for one in people if _is_same(client, one, certain=differ)), None)
            if known is not None and _merged(connection, known["id"], client["id"], now, source):
                gone.add(client["id"])
                known |= {name: client[name] for name in PERSONAL if known[name] is None}
            else:
                people.append(client)
                apart.append((client["id"], client["external_id"], people[0]["external_id"]))
    return Joined(frozenset(gone), tuple(apart))


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any], *, certain: bool) -> bool:
    """Whether nothing distinguishes the two and, to be `certain`, both have a name or birthday."""
    shared = any(one[name] is not None and other[name] is not None for name in PERSONAL)
    return not different_people(one, other) and (shared or not certain)


def _merged(connection: Connection, kept: int, gone: int, now: datetime, source: str) -> bool:
    try:
        merge_clients(connection, kept, gone, now=now, by=source)
    except RegularsError:  # an email to one is being sent, or the address was erased: left to the next import
        return False
    return True


def second_clients(connection: Connection, added: Iterable[int]) -> list[tuple[str, str]]:
    """Of these new clients those whose address another has too: their outside ids, each with the other's."""
    other = customers.alias("other")
    query = (
        select(customers.c.external_id, other.c.external_id)
        .select_from(customers.join(other, shares_mailbox(customers, other)))
        .where(customers.c.id.in_(keys(connection, added)), other.c.erased_at.is_(None))
        .order_by(customers.c.id, other.c.id)
    )
    found: dict[str, str] = {}
    for name, known in connection.execute(query):
        found.setdefault(name, known)
    return list(found.items())
