"""Merging the promises of two clients: none is lost, and no email is sent twice because of it.

Of two promises with one key the sent one keeps it, else the one that can still be sent. The other stays in the ledger
under another step name (`welcome~417`), so that the links of a sent email keep working.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from regulars.core.errors import RegularsError
from regulars.db.states import COUNTED, HELD_OUT, Reason, State
from regulars.db.tables import claims, coupons, members, promises, values_seen
from regulars.ledger.recall import recall_promises
from regulars.ledger.sequence_rows import merge_decisions
from regulars.rules.model import Kind

_OPEN = (State.PLANNED, State.HELD)
_COLUMNS = ("id", "campaign", "step", "customer_id", "occurrence", "state", "reason", "kind", "recipient", "next_at")
_Renamed = Mapping[tuple[str, int, str], str]
"""By campaign, client and occurrence of a stay: its occurrence after the merge."""
_Promise = Row[Any]


@dataclass(frozen=True, slots=True)
class MergedPromises:
    """The result for the promises of the removed client: how many were moved, and how many existed twice."""

    moved: int
    twice: int


def merge_promises(connection: Connection, kept: int, gone: int, now: datetime) -> MergedPromises:
    """Moves promises, decisions, coupons, stays in states and values of `gone` to `kept`; the caller has the plan lock.

    Open promises of both are recalled. Those of a campaign step that the other had too are held, and the next plan
    decides whether they are the same email. Raises RegularsError while an email to one of the two is
    being sent.
    """
    columns = [promises.c[name] for name in _COLUMNS]
    query = select(*columns).where(promises.c.customer_id.in_([kept, gone])).order_by(promises.c.id)
    rows = connection.execute(query).all()
    _require_at_rest(connection, {row.id for row in rows})
    recall_promises(connection, [row.id for row in rows if row.state == State.PLANNED])
    renamed = _merge_stays(connection, kept, gone)
    _merge_values(connection, kept, gone)
    _merge_coupons(connection, kept, gone, renamed)
    merge_decisions(connection, kept, gone, renamed)
    twice = _rewrite(connection, rows, renamed, kept, now)
    return MergedPromises(sum(row.customer_id == gone for row in rows), twice)


def _require_at_rest(connection: Connection, ids: set[int]) -> None:
    """Requires that no worker is sending one of the promises: a worker must settle the promise that it sends."""
    for held in connection.execute(select(claims.c.sending).order_by(claims.c.id).with_for_update()):
        if ids.intersection(held.sending or ()):
            raise RegularsError("an email to one of the two is being sent at this moment; try again in a minute")


def _merge_stays(connection: Connection, kept: int, gone: int) -> dict[tuple[str, int, str], str]:
    """Of two stays in one state the current one, else the earlier, takes over the other's promises."""
    found: dict[str, list[_Promise]] = {}
    for row in connection.execute(select(members).where(members.c.customer_id.in_([kept, gone]))):
        found.setdefault(row.campaign, []).append(row)
    renamed: dict[tuple[str, int, str], str] = {}
    for campaign, stays in found.items():
        stays.sort(key=lambda stay: (stay.left_at is not None, stay.entered_at, stay.customer_id != kept))
        for other in stays[1:]:
            renamed[campaign, other.customer_id, other.occurrence] = stays[0].occurrence
            other_stay = (members.c.campaign == campaign, members.c.customer_id == other.customer_id)
            connection.execute(delete(members).where(*other_stay))
    connection.execute(update(members).where(members.c.customer_id == gone).values(customer_id=kept))
    return renamed


def _merge_values(connection: Connection, kept: int, gone: int) -> None:
    """A value that either has had is new to neither; baseline values stay baseline."""
    other = values_seen.alias("other")
    same = (other.c.campaign == values_seen.c.campaign, other.c.value == values_seen.c.value)
    both = select(other.c.value).where(*same, other.c.customer_id == gone)
    of_kept = values_seen.c.customer_id == kept
    connection.execute(update(values_seen).where(of_kept, both.where(other.c.baseline).exists()).values(baseline=True))
    theirs = select(other.c.value).where(*same, other.c.customer_id == kept)
    connection.execute(delete(values_seen).where(values_seen.c.customer_id == gone, theirs.exists()))
    connection.execute(update(values_seen).where(values_seen.c.customer_id == gone).values(customer_id=kept))


def _merge_coupons(connection: Connection, kept: int, gone: int, renamed: _Renamed) -> None:
    """Both codes stay valid; where one sequence gave each a code, its further emails show that of `kept`."""
    columns = (coupons.c.id, coupons.c.campaign, coupons.c.customer_id, coupons.c.occurrence)
    query = select(*columns).where(coupons.c.customer_id.in_([kept, gone]))
    rows = sorted(connection.execute(query), key=lambda row: (row.customer_id != kept, row.id))
    taken: set[tuple[str, str]] = set()
    changes = []
    for row in rows:
        occurrence = renamed.get((row.campaign, row.customer_id, row.occurrence), row.occurrence)
        if (row.campaign, occurrence) in taken:
            occurrence = f"{occurrence}~{row.id}"
        taken.add((row.campaign, occurrence))
        changes.append({"key": row.id, "to": occurrence})
    if changes:
        statement = update(coupons).where(coupons.c.id == bindparam("key"))
        aside = [{"key": change["key"], "to": f"{change['to']}~~{change['key']}"} for change in changes]
        connection.execute(statement.values(occurrence=bindparam("to")), aside)  # avoids key conflicts
        connection.execute(statement.values(occurrence=bindparam("to"), customer_id=kept), changes)


def _rewrite(connection: Connection, rows: Sequence[_Promise], renamed: _Renamed, kept: int, now: datetime) -> int:
    """Rewrites every promise of the two under its key for `kept`; returns the number of those that existed twice."""
    by_key: dict[tuple[str, str, str], list[_Promise]] = {}
    for row in rows:
        occurrence = renamed.get((row.campaign, row.customer_id, row.occurrence), row.occurrence)
        by_key.setdefault((row.campaign, row.step, occurrence), []).append(row)
    standing: list[tuple[_Promise, str]] = []
    twice: list[tuple[_Promise, str]] = []
    for (_, _, occurrence), found in by_key.items():
        found.sort(key=lambda row: (_rank(row), row.customer_id != kept, row.id))
        standing.append((found[0], occurrence))
        twice += [(row, occurrence) for row in found[1:]]
    _write(connection, [(row, occurrence, f"{row.step}~{row.id}") for row, occurrence in twice], kept)
    _settle(connection, [row.id for row, _ in twice if row.state in _OPEN], now)
    moved = [(row, to) for row, to in standing if row.customer_id != kept or row.occurrence != to]
    _write(connection, [(row, occurrence, f"{row.step}~{row.id}") for row, occurrence in moved], kept)
    _write(connection, [(row, occurrence, row.step) for row, occurrence in moved], kept)
    _hold_doubtful(connection, [row for row, _ in standing], now)
    return len(twice)


def _rank(row: _Promise) -> int:
    """The rank among promises with one key: the lowest keeps it."""
    if row.state in (State.SENT, State.UNCERTAIN, State.BOUNCED):
        return 0
    if row.state == State.SKIPPED and row.reason in HELD_OUT:
        return 1
    return 2 if row.state in _OPEN else 3


def _write(connection: Connection, changes: Iterable[tuple[_Promise, str, str]], kept: int) -> None:
    given = [{"key": row.id, "to": occurrence, "as_step": step} for row, occurrence, step in changes]
    if given:
        statement = update(promises).where(promises.c.id == bindparam("key"))
        values = {"occurrence": bindparam("to"), "step": bindparam("as_step"), "customer_id": kept}
        connection.execute(statement.values(values), given)


def _settle(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Settles open promises beside another with their key."""
    ended = {"state": State.SKIPPED, "reason": Reason.MERGED, "detail": None, "settled_at": now}
    connection.execute(update(promises).where(promises.c.id.in_(ids)).values(ended))


def _hold_doubtful(connection: Connection, rows: Sequence[_Promise], now: datetime) -> None:
    """Holds open promises of a step that the other client had for another occurrence: it may be the same email."""
    had: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        if row.state in COUNTED or row.state in _OPEN:
            had.setdefault((row.campaign, row.step), set()).add(row.customer_id)
    doubtful = [
        row
        for row in rows
        if row.state in _OPEN and row.kind == Kind.MARKETING and row.recipient == "customer"
        and len(had[row.campaign, row.step]) > 1
    ]  # fmt: skip
    for row in doubtful:
        soon = row.state == State.PLANNED or row.reason == Reason.NO_COUPON
        values = {"state": State.HELD, "reason": Reason.MERGED, "detail": None}
        statement = update(promises).where(promises.c.id == row.id)
        connection.execute(statement.values(**values, next_at=now if soon else row.next_at))
