"""Going on from a backup: what the lost database may have sent is held, compared with a mail server's log, released."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Connection, Engine, Text, bindparam, select, update

from regulars.context.active_campaign import load_active_campaigns
from regulars.context.plan_context import Ruleset
from regulars.context.statement_cache import StatementCache
from regulars.core.errors import RegularsError
from regulars.core.ids import address_hash, message_id, promise_key
from regulars.core.return_path import ReturnToken, read_token
from regulars.db import engine as db
from regulars.db.locks import AdvisoryLock, lock
from regulars.db.rowset import rowset
from regulars.db.states import State
from regulars.db.tables import customers, promises
from regulars.dispatch.compose import company_mailbox
from regulars.eligibility.restored import begin_earlier, watching_campaigns
from regulars.feedback.server_log import LoggedMessage
from regulars.ledger.audit import Action, record
from regulars.ledger.claims import expire_all, recover
from regulars.ledger.restorations import (
    PERHAPS_SENT,
    Restoration,
    begin_restoration,
    held,
    held_by_campaign,
    keep_ids_apart,
    open_restorations,
    release,
)
from regulars.ledger.switches import campaign_names
from regulars.planner.plan import plan

_BATCH = 5_000
_CLOCKS = timedelta(minutes=5)
"""How far the clock of a mail server may be off."""
_T = TypeVar("_T")
_HOUR = timedelta(hours=1)
_MOST_STEPS = 240
"""A lost time of more than ten days is planned in longer steps."""
_FOUND = "the mail server's log has it"


@dataclass(frozen=True, slots=True)
class Held:
    """The backups in use that nobody has released, and what waits, by the name of a campaign: all, perhaps sent."""

    restorations: tuple[Restoration, ...]
    waiting: dict[str, tuple[int, int]]

    @property
    def number(self) -> int:
        """All emails that wait."""
        return sum(number for number, _ in self.waiting.values())

    @property
    def perhaps_sent(self) -> int:
        """Those of them that a release leaves alone."""
        return sum(unsure for _, unsure in self.waiting.values())

    def sentences(self) -> list[str]:
        """What waits, why, and the way on; nothing where all is released."""
        if self.restorations:
            return [one.sentence(self.number) for one in self.restorations]
        if not self.number:
            return []
        words = (
            f"{self.number:,} emails wait because the lost database perhaps sent them: `regulars restored` lists them,"
            " `regulars restored --release --all` sends them, `regulars cancel CAMPAIGN` skips those of a campaign"
        )
        return [words]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "restorations": [one.to_json() for one in self.restorations],
            "waiting": {name: {"held": row[0], "perhaps_sent": row[1]} for name, row in self.waiting.items()},
        }


@dataclass(frozen=True, slots=True)
class Matched:
    """What a log has shown.

    `messages` of it were of the lost time; `sent` promises are settled by it; `perhaps_sent` are to addresses to which
    it has an email that no promise explains. `first` and `last` are the times that it covers, None without times.
    """

    messages: int
    sent: int
    perhaps_sent: int
    first: datetime | None
    last: datetime | None


def begin(
    engine: Engine,
    rules: Ruleset,
    backup_at: datetime,
    until: datetime,
    who: str,
    why: str | None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Held:
    """Records that the database is a backup, plans the lost time once more, and holds all that was due in it.

    Raises RegularsError where the backup is not older than `until`, or where it knows of later emails.
    """
    if backup_at >= until:
        raise RegularsError(
            f"the backup must be older than {until:%Y-%m-%d %H:%M} UTC: --at is the instant it was made"
        )
    domain = company_mailbox(rules.rulebook.company.sender).address.rpartition("@")[2]
    with db.write(engine) as connection:
        lock(connection, AdvisoryLock.PLAN)
        _require_unknown(connection, backup_at)
        expire_all(connection)
        recover(connection, now=backup_at, domain=domain)  # in flight when the backup was made
        begin_restoration(connection, backup_at, until, who, why)
        keep_ids_apart(connection)
        _replay(connection, rules, backup_at, until, progress)
        record(connection, Action.RESTORED, who, f"backup of {backup_at.isoformat()}", why, until)
    return status(engine)


def _replay(
    connection: Connection, rules: Ruleset, backup_at: datetime, until: datetime, progress: Callable[[int, int], None]
) -> None:
    """Plans hour by hour, so that states that came and went are found, too."""
    steps = min(max(-((backup_at - until) // _HOUR), 1), _MOST_STEPS)
    before, made, cache = backup_at, None, StatementCache()
    for number in range(1, steps + 1):
        now = backup_at + (until - backup_at) * number / steps
        made = plan(connection, rules, now, resumed=made, cache=cache)
        begin_earlier(connection, now, before)
        before = now
        progress(number, steps)
    plan(connection, rules, until)  # what waits since a state began


def _require_unknown(connection: Connection, backup_at: datetime) -> None:
    later = select(promises.c.settled_at).where(promises.c.settled_at > backup_at + _CLOCKS)
    found = connection.scalar(later.order_by(promises.c.settled_at.desc()).limit(1))
    if found is not None:
        raise RegularsError(
            f"this database knows of emails up to {found:%Y-%m-%d %H:%M} UTC, so it is no backup of"
            f" {backup_at:%Y-%m-%d %H:%M} UTC: give --at the later time, and run it before any process starts"
        )


def status(engine: Engine) -> Held:
    """What waits for a release."""
    with db.read(engine) as connection:
        return held_now(connection)


def held_now(connection: Connection) -> Held:
    """`status` in the caller's transaction."""
    names = campaign_names(connection)
    waiting = {names.get(key, key): row for key, row in held_by_campaign(connection).items()}
    return Held(tuple(open_restorations(connection)), waiting)


def let_go(engine: Engine, now: datetime, who: str, why: str | None, *, with_doubtful: bool) -> tuple[int, int]:
    """Releases what waits; returns how many may go now, and how many stay because they were perhaps sent."""
    with db.write(engine) as connection:
        freed, left = release(connection, now, who, with_doubtful=with_doubtful)
        record(connection, Action.RESTORED, who, f"released {freed}", why, now)
    return freed, left


class Matcher:
    """Compares what is held with the messages of a mail server's log, in batches of bounded size."""

    def __init__(self, engine: Engine, rules: Ruleset, secret: bytes, secrets: Sequence[bytes]) -> None:
        """`secret` hashes addresses; `secrets` sign return paths, the present one first."""
        self.engine, self._rules, self._secret, self._secrets = engine, rules, secret, secrets
        self._domain = company_mailbox(rules.rulebook.company.sender).address.rpartition("@")[2]

    def match(
        self,
        log: Callable[[], Iterable[LoggedMessage]],
        now: datetime,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Matched:
        """Settles what the log has as sent; marks what it perhaps has. Raises RegularsError where nothing waits.

        `log` begins anew with each call: an email of a sequence that is found lets the next one be due, which the log
        may have, too.
        """
        found = self._once(log(), progress)
        while self._promised_more(now):
            again = self._once(log(), progress)
            found = replace(again, sent=found.sent + again.sent, perhaps_sent=found.perhaps_sent + again.perhaps_sent)
        return found

    def _promised_more(self, now: datetime) -> bool:
        """Whether a plan at `now` holds emails that were not compared yet."""
        with db.write(self.engine) as connection:
            plan(connection, self._rules, now)
            new = select(promises.c.id).where(*held, promises.c.message_id.is_(None))
            return connection.scalar(new.limit(1)) is not None

    def _once(self, messages: Iterable[LoggedMessage], progress: Callable[[int], None]) -> Matched:
        with db.write(self.engine) as connection:
            windows = open_restorations(connection)
            if not windows:
                raise RegularsError("no backup is waiting to be compared: `regulars restored --at TIME` comes first")
            self._name(connection)
        since, until = min(one.backup_at for one in windows), max(one.until for one in windows)
        number = sent = perhaps = 0
        times: list[datetime] = []
        for batch in _batches(messages):
            times.extend(one.at for one in batch if one.at is not None)
            times = [min(times), max(times)] if times else []
            lost = [one for one in batch if one.at is None or since - _CLOCKS <= one.at <= until + _CLOCKS]
            with db.write(self.engine) as connection:
                settled, unsure = self._compare(connection, lost, until)
            number, sent, perhaps = number + len(lost), sent + settled, perhaps + unsure
            progress(number)
        return Matched(number, sent, perhaps, times[0] if times else None, times[-1] if times else None)

    def _name(self, connection: Connection) -> None:
        """Writes the Message-ID of each email that waits beside it: the same that it had in the lost database."""
        query = (
            select(promises.c.id, promises.c.campaign, promises.c.step, customers.c.uid, promises.c.occurrence)
            .join(customers)
            .where(*held, promises.c.message_id.is_(None))
        )
        statement = update(promises).where(promises.c.id == bindparam("row")).values(message_id=bindparam("name"))
        for rows in _batches(connection.execute(query).all()):
            named = [{"row": row[0], "name": message_id(promise_key(*row[1:]), self._domain)} for row in rows]
            connection.execute(statement, named)

    def _compare(self, connection: Connection, lost: Sequence[LoggedMessage], until: datetime) -> tuple[int, int]:
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
        return read_token(one.sender, self._secrets) if one.sender else None

    def _mark(self, connection: Connection, unexplained: Sequence[LoggedMessage]) -> int:
        """Marks what waits for the mailboxes to which the log has other emails, where its Message-ID is a new one."""
        watching = watching_campaigns(load_active_campaigns(connection, self._rules.rulebook))
        addresses = set(chain.from_iterable(one.recipients for one in unexplained))
        if not addresses:
            return 0
        hashes = [[address_hash(one, self._secret)] for one in sorted(addresses)]
        given = rowset(connection, "mailboxes", {"email_hash": Text()}, hashes)
        theirs = select(customers.c.id).join_from(given, customers, customers.c.email_hash == given.c.email_hash)
        chosen = (*held, promises.c.detail.is_(None), promises.c.campaign.in_(watching))
        marked = update(promises).where(*chosen, promises.c.customer_id.in_(theirs)).values(detail=PERHAPS_SENT)
        return connection.execute(marked).rowcount


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
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
