"""Compares the emails that wait after a restore with what a mail server's log has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import TypeVar

from sqlalchemy import BigInteger, Connection, Text, bindparam, select, update

from regulars.core.ids import address_hash, message_id, promise_key
from regulars.core.return_path import ReturnToken, read_token
from regulars.db.rowset import rowset
from regulars.db.states import State
from regulars.db.tables import customers, promises
from regulars.feedback.server_log import LoggedMessage
from regulars.ledger.restorations import PERHAPS_SENT, held

BATCH = 5_000
"""Messages that are compared by one statement."""
_FOUND = "the mail server's log has it"
_T = TypeVar("_T")


@dataclass(frozen=True)
class LogMatch:
    """How an email is recognised in a log.

    `domain` is that of Message-IDs; `secret` hashes addresses; `secrets` sign return paths. `unstable` are the keys of
    campaigns whose emails may have another Message-ID when another database promises them.
    """

    domain: str
    secret: bytes
    secrets: Sequence[bytes]
    unstable: Sequence[str]

    def name(self, connection: Connection) -> None:
        """Writes the Message-ID of each email that waits beside it: the same that it had in the lost database."""
        query = (
            select(promises.c.id, promises.c.campaign, promises.c.step, customers.c.uid, promises.c.occurrence)
            .join(customers)
            .where(*held, promises.c.message_id.is_(None))
        )
        statement = update(promises).where(promises.c.id == bindparam("row")).values(message_id=bindparam("name"))
        for rows in batches(connection.execute(query).all()):
            named = [{"row": row[0], "name": message_id(promise_key(*row[1:]), self.domain)} for row in rows]
            connection.execute(statement, named)

    def compare(self, connection: Connection, lost: Sequence[LoggedMessage], until: datetime) -> tuple[int, int]:
        """Settles the messages of one batch; returns how many promises were sent, and how many perhaps."""
        explained = self._by_message_id(connection, lost)
        tokens = self._by_token(connection, [one for one in lost if one.message_id not in explained])
        sent = [(row, one) for one in lost if (row := explained.get(one.message_id or "") or tokens.get(_key(one)))]
        for state, taken in ((State.SENT, True), (State.UNCERTAIN, False)):
            rows = {row: min(one.at or until, until) for row, one in sent if one.taken is taken and row > 0}
            _settle(connection, state, rows)
        unexplained = [one for one in lost if one.message_id not in explained and _key(one) not in tokens]
        return sum(row > 0 for row, _ in sent), self._mark(connection, unexplained)

    def _by_message_id(self, connection: Connection, lost: Sequence[LoggedMessage]) -> dict[str, int]:
        """By Message-ID: the promise that waits, or minus its id where it is settled already."""
        given = [[one.message_id] for one in lost if one.message_id]
        named = rowset(connection, "named", {"message_id": Text()}, given)
        query = select(promises.c.message_id, promises.c.id, promises.c.state).join_from(
            named, promises, promises.c.message_id == named.c.message_id
        )
        return {row[0]: row[1] if row[2] == State.HELD else -row[1] for row in connection.execute(query)}

    def _by_token(self, connection: Connection, lost: Sequence[LoggedMessage]) -> dict[str, int]:
        """By envelope: the same for messages whose log has no Message-ID, by the token of the return path."""
        read = {_key(one): token for one in lost if (token := self._token(one)) is not None}
        given = [[token.promise] for token in read.values()]
        named = rowset(connection, "named", {"id": BigInteger()}, given)
        query = select(promises.c.id, promises.c.state).join_from(named, promises, promises.c.id == named.c.id)
        known = {row[0]: row[0] if row[1] == State.HELD else -row[0] for row in connection.execute(query)}
        return {key: known[token.promise] for key, token in read.items() if token.promise in known}

    def _token(self, one: LoggedMessage) -> ReturnToken | None:
        return read_token(one.sender, self.secrets) if one.sender else None

    def _mark(self, connection: Connection, unexplained: Sequence[LoggedMessage]) -> int:
        """Marks what waits for the mailboxes to which the log has other emails, where its Message-ID is a new one."""
        addresses = set(chain.from_iterable(one.recipients for one in unexplained))
        if not addresses:
            return 0
        hashes = [[address_hash(one, self.secret)] for one in sorted(addresses)]
        given = rowset(connection, "mailboxes", {"email_hash": Text()}, hashes)
        theirs = select(customers.c.id).join_from(given, customers, customers.c.email_hash == given.c.email_hash)
        chosen = (*held, promises.c.detail.is_(None), promises.c.campaign.in_(self.unstable))
        marked = update(promises).where(*chosen, promises.c.customer_id.in_(theirs)).values(detail=PERHAPS_SENT)
        return connection.execute(marked).rowcount


def batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    """The items in lists of `BATCH`."""
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _key(one: LoggedMessage) -> str:
    return one.sender or ""


def _settle(connection: Connection, state: State, rows: dict[int, datetime]) -> None:
    if not rows:
        return
    statement = (
        update(promises)
        .where(promises.c.id == bindparam("row"), *held)
        .values(state=state, reason=None, detail=_FOUND, settled_at=bindparam("at"))
    )
    connection.execute(statement, [{"row": row, "at": at} for row, at in rows.items()])
