"""Poison messages: emails whose rendering gets the worker killed, for memory or by a time limit.

Recovery frees the rows of a dead worker, and the next one would claim the same rows in the same order and die of the
same one. So each row counts the claims that died with it before it was handed to a server. Rows that were in a lost
claim are claimed in small batches, in the end one by one: the neighbours go their way, and the row that is alone in
claims that die is held by name. A settled row begins anew.

Workers that are killed for another reason cost small batches, and hold nothing: a row that is alone is rendered within
milliseconds, and would have to meet such a kill twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, and_, func, select, update

from regulars.db.key_lists import among
from regulars.db.states import Reason, State
from regulars.db.tables import promises

FEW = 32
"""The largest batch with a row that was in one lost claim; one that was in more is claimed alone."""
MOST_LOST = 4
"""Lost claims after which a row that was alone in the last of them is held: it was alone in two of them at least."""


class _Claimable(Protocol):
    @property
    def lost_claims(self) -> int: ...


_Row = TypeVar("_Row", bound=_Claimable)


@dataclass(frozen=True, slots=True)
class Poison:
    """A promise that is held because workers died of it."""

    id: int
    campaign: str
    step: str

    def __str__(self) -> str:
        return (
            f"promise {self.id} (campaign `{self.campaign}`, step `{self.step}`) is held: {Reason.KILLS_WORKERS.words};"
            " look at its template and at the memory of the workers, then `regulars retry` tries it again, alone"
        )


def together(rows: Iterable[_Row]) -> list[_Row]:
    """The first of the rows, in their order, that may be claimed together."""
    every = list(rows)
    if not any(row.lost_claims for row in every):
        return every
    found: list[_Row] = []
    most = len(every)
    for row in every:
        most = min(most, (most, FEW)[row.lost_claims] if row.lost_claims < 2 else 1)
        if len(found) >= most:
            break
        found.append(row)
    return found


def count_lost(connection: Connection, rows: Collection[int]) -> list[Poison]:
    """Records that a claim with these rows, all of them free again, was lost; returns what is held from now on."""
    free = (among(promises.c.id, sorted(rows)), promises.c.state == State.PLANNED)
    connection.execute(update(promises).where(*free).values(lost_claims=promises.c.lost_claims + 1))
    if len(rows) != 1:
        return []
    detail = f"{MOST_LOST} workers or more died while they had it, the last ones while they had no other"
    held = {
        "state": State.HELD, "reason": Reason.KILLS_WORKERS, "detail": detail, "next_at": promises.c.expires_at,
    }  # fmt: skip
    poison = update(promises).where(*free, promises.c.lost_claims >= MOST_LOST).values(held)
    return _found(connection.execute(poison.returning(promises.c.id, promises.c.campaign, promises.c.step)).all())


def poison(connection: Connection, most: int) -> tuple[int, list[Poison]]:
    """How many promises are held because workers died of them, and the first of these."""
    chosen = and_(
        promises.c.lost_claims > 0, promises.c.state == State.HELD, promises.c.reason == Reason.KILLS_WORKERS
    )  # by an index of the few rows that were in a lost claim
    number = int(connection.scalar(select(func.count()).select_from(promises).where(chosen)) or 0)
    query = select(promises.c.id, promises.c.campaign, promises.c.step).where(chosen)
    return number, _found(connection.execute(query.order_by(promises.c.id).limit(most)).all()) if number else []


def _found(rows: Sequence[Any]) -> list[Poison]:
    return [Poison(row.id, row.campaign, row.step) for row in rows]
