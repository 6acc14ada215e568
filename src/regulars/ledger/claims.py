"""Claims on promises, so that two workers never hold the same one and a dead worker holds none.

1. `claim` writes planned rows into a new claim with a lease. Nothing has been sent, and the rows do not change:
   only the claim lists them, so that a row is written once, when it is settled.
2. `begin` writes into the claim which of its rows, a chunk, are handed to the server next. It does not return
   rows that were taken away in the meantime; they must not be sent: that is the fence. It returns the latest pause,
   too: if that is not the claim's, something was paused or resumed since (`switches`).
3. `settle` (its own module) settles each row with its own outcome.
4. `recover` ends claims whose lease expired: their rows that were being sent, one chunk at most, become
   `uncertain` (or are sent again, if the policy says so); the others become free, in smaller batches (`poison`).

Code that takes rows out of a claim locks the claim first, so that `begin`, `recover` and `recall` wait for each other.
Leases use the database's clock, which all workers share: with their own, a worker two hours ahead that dies would
keep its rows for two hours, and one that is behind would lose them to others while it lives.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Select, Text, bindparam, delete, func, insert, select, true, update

from regulars.core.ids import message_id, promise_key
from regulars.db.database_time import database_micros
from regulars.db.key_lists import among, keys_column, listing, size
from regulars.db.states import Reason, State
from regulars.db.tables import claims, customers, promises
from regulars.db.types import EPOCH, MICROSECOND
from regulars.ledger.poison import Poison, count_lost, together
from regulars.ledger.switches import NONE, Pauses, newest_pause, pauses

# Built once: building the statement for every chunk would cost more than executing it.
_RENEW = (
    update(claims)
    .where(claims.c.id == bindparam("claim"))
    .values(lease_until=database_micros() + bindparam("lease", type_=BigInteger))
    .returning(size(claims.c.rows), newest_pause())
)
_ROWS = select(claims.c.rows).where(claims.c.id == bindparam("claim"))
_BEGIN = _RENEW.values(sending=keys_column(bindparam("chunk", type_=Text)))
# States are compared in Python: with a filter on planned rows, PostgreSQL may scan all of them.
_STATES = select(promises.c.id, promises.c.state).where(among(promises.c.id, bindparam("chunk", type_=Text)))


@dataclass(frozen=True, slots=True)
class Claim:
    """Rows claimed by one worker, by priority; `id` is the fence."""

    id: int
    rows: tuple[int, ...]
    steps: frozenset[tuple[str, str]] = frozenset()
    """The campaign keys and steps of the rows."""
    newest_pause: int = 0
    """The number of the latest pause when it was made; what was paused then is not in it."""


def claim(
    connection: Connection, *, kinds: Collection[str], limit: int, now: datetime, lease: timedelta, worker: str,
    only: Collection[int] | None = None,
) -> Claim | None:  # fmt: skip
    """Claims up to `limit` planned promises of the kinds that are not paused, by priority; None when there are none.

    With `only`, from among these.
    """
    paused = NONE
    while found := connection.execute(
        _free(connection, kinds, paused, now, only).limit(limit).with_for_update(skip_locked=True, of=promises)
    ).all():
        if (found[0].newest or 0) != paused.newest:  # something is paused: searched again without that
            paused = pauses(connection)
            continue
        # Checked again under the lock: another claim may have been made since the search.
        taken = in_hand(connection)
        unclaimed = together(row for row in found if row[0] not in taken)
        if unclaimed:
            # Random, not sequential: SQLite reuses the numbers of deleted rows, and a fence must never be reused.
            made = Claim(
                secrets.randbits(62),
                tuple(row[0] for row in unclaimed),
                frozenset((row[1], row[2]) for row in unclaimed),
                paused.newest,
            )
            values = {
                "id": made.id, "worker": worker, "taken_at": database_micros(),
                "lease_until": database_micros() + bindparam("lease", lease // MICROSECOND, BigInteger),
            }  # fmt: skip
            connection.execute(insert(claims).values(**values, rows=keys_column(made.rows)))
            return made
    return None


def _free(
    connection: Connection, kinds: Collection[str], paused: Pauses, now: datetime, only: Collection[int] | None = None
) -> Select[Any]:
    """Planned promises in nobody's hand, each with the number of the latest pause."""
    # Found by id, PostgreSQL must not scan the planned rows.
    state = promises.c.state if only is None else func.coalesce(promises.c.state, "")
    query = (
        select(
            promises.c.id, promises.c.campaign, promises.c.step, promises.c.lost_claims, newest_pause().label("newest")
        )
        .where(state == State.PLANNED, promises.c.next_at <= now)
        .where(promises.c.kind.in_(paused.open_kinds(kinds)))
        .where(promises.c.id.not_in(held(connection)))
        .order_by(promises.c.priority.desc(), promises.c.next_at, promises.c.id)
    )
    query = query if only is None else query.where(among(promises.c.id, sorted(only)))
    return query.where(promises.c.campaign.not_in(sorted(paused.campaigns))) if paused.campaigns else query


def waiting(connection: Connection, kinds: Collection[str], now: datetime) -> bool:
    """Whether any promise of the kinds can be sent now, is not claimed and is not paused."""
    return connection.scalar(_free(connection, kinds, pauses(connection), now).limit(1)) is not None


def in_hand(connection: Connection) -> set[int]:
    """The promises in claims."""
    return set(connection.scalars(held(connection)).all())


def held(connection: Connection) -> Select[int]:
    """A SELECT of the promises in claims."""
    if connection.dialect.name == "postgresql":
        return select(func.unnest(claims.c.rows, type_=BigInteger()).label("id"))
    each = func.json_each(claims.c.rows).table_valued("value")
    return select(each.c.value).select_from(claims.join(each, true()))


def renew(
    connection: Connection, claim: Claim, *, lease: timedelta, sending: Sequence[int] | None = None
) -> frozenset[int]:
    """Renews the lease; returns the rows still in the claim, none when it is no longer ours.

    Call it first in every transaction that settles or moves rows of a claim, as `recover` does: one lock order avoids
    deadlocks.
    """
    return _renew(connection, claim, lease=lease, sending=sending)[0]


def _renew(
    connection: Connection, claim: Claim, *, lease: timedelta, sending: Sequence[int] | None
) -> tuple[frozenset[int], int]:
    given: dict[str, Any]
    noted, given = _RENEW, {"claim": claim.id, "lease": lease // MICROSECOND}
    if sending is not None:
        noted, given = _BEGIN, {**given, "chunk": listing(sending)}
    row = connection.execute(noted, given).first()
    left, newest = (None, None) if row is None else row
    if left == len(claim.rows):  # rows are only ever removed from a claim
        return frozenset(claim.rows), newest or 0
    return frozenset(connection.scalar(_ROWS, {"claim": claim.id}) or ()), newest or 0


class Begun(NamedTuple):
    """The rows in a claim when a chunk begins, the rows of the chunk that may be sent, and the latest pause."""

    held: frozenset[int]
    ours: frozenset[int]
    newest_pause: int


def begin(connection: Connection, claim: Claim, ids: Sequence[int], *, lease: timedelta) -> Begun:
    """Records a chunk as being sent and renews the lease; returns which of its rows are still ours.

    The chunk before must have been settled, or be settled in this transaction.
    """
    left, newest = _renew(connection, claim, lease=lease, sending=ids)
    if not left:
        return Begun(left, left, newest)
    states = connection.execute(_STATES, {"chunk": listing(ids)})
    return Begun(left, left.intersection(row[0] for row in states if row[1] == State.PLANNED), newest)


def release(connection: Connection, claim_id: int) -> None:
    """Ends the claim: rows not begun become free. Rows begun must have been settled."""
    connection.execute(delete(claims).where(claims.c.id == claim_id))


@dataclass(frozen=True, slots=True)
class EndedClaim:
    """A claim whose lease ran out, and what became of its rows."""

    worker: str
    returned: int
    uncertain: tuple[int, ...]
    """The ids of the promises that were being sent."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """The outcome for the rows of dead workers. `poison` is held, because workers died of it."""

    ended: tuple[EndedClaim, ...] = ()
    poison: tuple[Poison, ...] = ()

    @property
    def returned(self) -> int:
        """Rows that are free again."""
        return sum(one.returned for one in self.ended)

    @property
    def uncertain(self) -> int:
        """Rows of which nobody knows whether a server has them."""
        return sum(len(one.uncertain) for one in self.ended)


def expire_all(connection: Connection) -> None:
    """Ends every lease: after a restore, the workers that have them are those of another database."""
    connection.execute(update(claims).values(lease_until=EPOCH))


def recover(connection: Connection, *, now: datetime, resend: bool = False, domain: str | None = None) -> Recovery:
    """Resolves every claim whose lease has expired by the database's clock.

    With the `domain` of Message-IDs, uncertain rows get theirs, under which a mail server's log has the answer.
    """
    late = select(claims.c.id, claims.c.worker, claims.c.rows, claims.c.sending).where(
        claims.c.lease_until < database_micros()
    )
    dead = connection.execute(late.with_for_update(skip_locked=True)).all()
    ended: list[EndedClaim] = []
    poison: list[Poison] = []
    for one in dead:
        sending = set(one.sending or ()).intersection(one.rows)
        begun = [] if resend else sorted(sending)
        # If the owner is still alive, it can still settle the row with the real outcome, by the claim's id.
        lost = {
            "state": State.UNCERTAIN, "reason": Reason.WORKER_LOST, "detail": None, "settled_at": now,
            "claim_id": one.id,
        }  # fmt: skip
        chosen = (among(promises.c.id, begun), promises.c.state == State.PLANNED)
        mark = update(promises).where(*chosen).values(lost).returning(promises.c.id)
        uncertain = tuple(connection.scalars(mark)) if begun else ()
        unsent = (among(promises.c.id, one.rows), promises.c.state == State.PLANNED)
        free = frozenset(connection.scalars(select(promises.c.id).where(*unsent)))
        held = count_lost(connection, free - sending)
        poison += held
        ended.append(EndedClaim(one.worker, len(free) - len(held), uncertain))
    if dead:
        keys = [one.id for one in dead]
        if domain is not None and any(one.uncertain for one in ended):
            _set_message_ids(connection, keys, domain)
        connection.execute(delete(claims).where(claims.c.id.in_(keys)))
    return Recovery(tuple(ended), tuple(poison))


def _set_message_ids(connection: Connection, dead: Sequence[int], domain: str) -> None:
    rows = connection.execute(
        select(promises.c.id, promises.c.campaign, promises.c.step, customers.c.uid, promises.c.occurrence)
        .join(customers)
        .where(promises.c.claim_id.in_(dead), promises.c.state == State.UNCERTAIN, promises.c.message_id.is_(None))
    ).all()
    named = [{"row": row[0], "name": message_id(promise_key(*row[1:]), domain)} for row in rows]
    if named:
        connection.execute(
            update(promises).where(promises.c.id == bindparam("row")).values(message_id=bindparam("name")), named
        )
