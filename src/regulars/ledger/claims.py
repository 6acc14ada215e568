"""Taking promises in hand, so that two workers never hold the same one and a dead worker holds none.

1. `claim` moves planned rows to `claimed` under a new claim with a lease. Nothing has been sent.
2. `begin` writes into the claim which of its rows, a chunk, are handed to the server next. A row that was
   taken away in the meantime is not among those it gives back, and must not be sent: that is the fence.
3. `settle` (its own module) ends each row on its own outcome.
4. `recover` looks for claims whose lease ran out: of their `claimed` rows, those being sent, one chunk at
   most, become `uncertain` (or go again, if the policy says so); the others return to `planned`.

Whatever moves rows of a claim locks the claim first, so that `begin`, `recover` and `recall` wait for one another.
Leases are counted on the wall clock: `wall` is the real time even when `now` is a rehearsal's.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    any_,
    bindparam,
    delete,
    exists,
    insert,
    literal,
    not_,
    select,
    update,
)

from regulars.core.ids import message_id, promise_key
from regulars.ledger.states import Reason, State
from regulars.store import engine as store
from regulars.store.tables import buckets, claims, customers, promises


@dataclass(frozen=True, slots=True)
class Claim:
    """Rows in one worker's hands; `id` is the fence."""

    id: int
    rows: tuple[int, ...]


def claim(
    connection: Connection, *, kinds: Collection[str], limit: int, now: datetime, wall: datetime,
    lease: timedelta, worker: str,
) -> Claim | None:  # fmt: skip
    """Takes up to `limit` planned promises of the kinds, the most important first; None when there are none."""
    waiting = (
        select(promises.c.id)
        .where(promises.c.state == State.PLANNED, promises.c.next_at <= now, promises.c.kind.in_(sorted(kinds)))
        .order_by(promises.c.priority.desc(), promises.c.next_at, promises.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = connection.scalars(waiting).all()
    if not ids:
        return None
    # Drawn, not counted: SQLite counts the numbers of deleted rows again, and a fence must never come back.
    claim_id = secrets.randbits(62)
    connection.execute(insert(claims).values(id=claim_id, worker=worker, taken_at=wall, lease_until=wall + lease))
    connection.execute(update(promises).where(_among(connection, ids)).values(state=State.CLAIMED, claim_id=claim_id))
    return Claim(claim_id, tuple(int(i) for i in ids))


def waiting(connection: Connection, kinds: Collection[str], now: datetime) -> bool:
    """Whether any promise of the kinds may go now."""
    mine = promises.c.kind.in_(sorted(kinds))
    query = select(promises.c.id).where(promises.c.state == State.PLANNED, promises.c.next_at <= now, mine).limit(1)
    return connection.scalar(query) is not None


def renew(connection: Connection, claim_id: int, *, wall: datetime, lease: timedelta) -> bool:
    """Prolongs the claim; whether it is still ours.

    First in every transaction that ends or moves rows of a claim, as in `recover`: who locks in one order cannot
    lock each other out.
    """
    return (
        connection.execute(update(claims).where(claims.c.id == claim_id).values(lease_until=wall + lease)).rowcount == 1
    )


def begin(connection: Connection, claim_id: int, ids: Sequence[int], *, wall: datetime, lease: timedelta) -> set[int]:
    """Notes a chunk as being sent and renews the lease; gives the rows that are still ours.

    The chunk before must have been settled, or be settled in this transaction.
    """
    noted = update(claims).where(claims.c.id == claim_id).values(lease_until=wall + lease, sending=list(ids))
    if connection.execute(noted).rowcount != 1:
        return set()
    ours = select(promises.c.id).where(
        _among(connection, ids), promises.c.claim_id == claim_id, promises.c.state == State.CLAIMED
    )
    return {int(i) for i in connection.scalars(ours)}


def release(connection: Connection, claim_id: int) -> int:
    """Gives back what was claimed and not begun, and ends the claim; the number of rows given back."""
    begun = connection.scalar(select(claims.c.sending).where(claims.c.id == claim_id)) or []
    mine = and_(promises.c.claim_id == claim_id, promises.c.state == State.CLAIMED)
    returned = connection.execute(
        update(promises).where(mine, not_(_among(connection, begun))).values(state=State.PLANNED, claim_id=None)
    )
    connection.execute(delete(claims).where(claims.c.id == claim_id, ~exists().where(mine)))
    return returned.rowcount


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of the rows of dead workers."""

    returned: int
    uncertain: int


def recover(
    connection: Connection, *, now: datetime, wall: datetime, resend: bool = False, domain: str | None = None
) -> Recovery:
    """Resolves every claim whose lease ran out before `wall`.

    With the `domain` of Message-IDs, uncertain rows get theirs, under which a mail server's log has the answer.
    """
    late = select(claims.c.id, claims.c.sending).where(claims.c.lease_until < wall)
    dead = {row.id: row.sending or [] for row in connection.execute(late.with_for_update(skip_locked=True))}
    if not dead:
        return Recovery(0, 0)
    held = and_(promises.c.claim_id.in_(dead), promises.c.state == State.CLAIMED)
    begun = _among(connection, [row for sending in dead.values() for row in sending])
    uncertain = 0
    if not resend:
        # The claim id stays: the owner, if it lives after all, may still settle the row with the truth.
        lost = {"state": State.UNCERTAIN, "reason": Reason.WORKER_LOST, "settled_at": now}
        uncertain = connection.execute(update(promises).where(held, begun).values(lost)).rowcount
        if domain is not None:
            _name(connection, list(dead), domain)
    returned = connection.execute(update(promises).where(held).values(state=State.PLANNED, claim_id=None)).rowcount
    connection.execute(delete(claims).where(claims.c.id.in_(dead)))
    return Recovery(returned, uncertain)


def _name(connection: Connection, dead: Sequence[int], domain: str) -> None:
    rows = connection.execute(
        select(promises.c.id, promises.c.campaign, promises.c.step, customers.c.external_id, promises.c.occurrence)
        .join(customers)
        .where(promises.c.claim_id.in_(dead), promises.c.state == State.UNCERTAIN, promises.c.message_id.is_(None))
    ).all()
    named = [{"row": row[0], "name": message_id(promise_key(*row[1:]), domain)} for row in rows]
    if named:
        connection.execute(
            update(promises).where(promises.c.id == bindparam("row")).values(message_id=bindparam("name")), named
        )


def allowance(connection: Connection, provider: str, *, rate: float, burst: float, wall: datetime) -> float:
    """Messages the provider may be given now, by a token bucket that every worker shares; may be below 1."""
    row = connection.execute(
        select(buckets.c.tokens, buckets.c.filled_at).where(buckets.c.provider == provider).with_for_update()
    ).one_or_none()
    if row is None:
        full = store.insert(connection, buckets).values(provider=provider, tokens=burst, filled_at=wall)
        first = connection.scalar(full.on_conflict_do_nothing().returning(buckets.c.provider))
        # Another worker may have been the first in the same moment: it has the burst, we come again.
        return 0.0 if first is None else burst
    before: float = row.tokens
    gained: float = max(0.0, (wall - row.filled_at).total_seconds()) * rate
    tokens = min(burst, before + gained)
    connection.execute(update(buckets).where(buckets.c.provider == provider).values(tokens=tokens, filled_at=wall))
    return tokens


def spend(connection: Connection, provider: str, count: int) -> None:
    """Takes `count` messages out of the provider's bucket."""
    connection.execute(update(buckets).where(buckets.c.provider == provider).values(tokens=buckets.c.tokens - count))


def _among(connection: Connection, keys: Sequence[int]) -> ColumnElement[bool]:
    """Whether a promise is one of `keys`, handed over as one parameter however many they are."""
    if connection.dialect.name == "postgresql":
        return promises.c.id == any_(literal(list(keys), ARRAY(BigInteger)))
    return promises.c.id.in_(keys)
