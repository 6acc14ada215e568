"""Going on from a backup: what the lost database may have sent is held, compared with a mail server's log, released."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from regulars.context.active_campaign import load_active_campaigns
from regulars.context.plan_context import Ruleset
from regulars.context.statement_cache import StatementCache
from regulars.core.errors import RegularsError
from regulars.db import engine as db
from regulars.db.locks import AdvisoryLock, lock
from regulars.dispatch.compose import company_mailbox
from regulars.eligibility.lost_time import begin_earlier, watching_campaigns
from regulars.feedback.log_match import LogMatch, batches
from regulars.feedback.server_log import LoggedMessage
from regulars.ledger.audit import Action, record
from regulars.ledger.claims import expire_all, recover
from regulars.ledger.restorations import (
    Restoration,
    any_unnamed,
    begin_restoration,
    held_by_campaign,
    keep_ids_apart,
    open_restorations,
    release,
    sent_after,
)
from regulars.ledger.switches import campaign_names
from regulars.planner.plan import plan

_CLOCKS = timedelta(minutes=5)
"""How far the clock of a mail server may be off."""
_HOUR = timedelta(hours=1)
_MOST_STEPS = 240
"""A lost time of more than ten days is planned in longer steps."""


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
    with db.write(engine) as connection:
        lock(connection, AdvisoryLock.PLAN)
        later = sent_after(connection, backup_at + _CLOCKS)
        if later is not None:
            raise RegularsError(
                f"this database knows of emails up to {later:%Y-%m-%d %H:%M} UTC, so it is no backup of"
                f" {backup_at:%Y-%m-%d %H:%M} UTC: give --at the later time, and run it before any process starts"
            )
        expire_all(connection)
        recover(connection, now=backup_at, domain=_domain(rules))  # in flight when the backup was made
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
        self.engine, self._rules = engine, rules
        with db.read(engine) as connection:
            unstable = watching_campaigns(load_active_campaigns(connection, rules.rulebook))
        self._match = LogMatch(_domain(rules), secret, secrets, unstable)

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
            return any_unnamed(connection)

    def _once(self, messages: Iterable[LoggedMessage], progress: Callable[[int], None]) -> Matched:
        with db.write(self.engine) as connection:
            windows = open_restorations(connection)
            if not windows:
                raise RegularsError("no backup is waiting to be compared: `regulars restored --at TIME` comes first")
            self._match.name(connection)
        since, until = min(one.backup_at for one in windows), max(one.until for one in windows)
        number = sent = perhaps = 0
        times: list[datetime] = []
        for batch in batches(messages):
            times.extend(one.at for one in batch if one.at is not None)
            times = [min(times), max(times)] if times else []
            lost = [one for one in batch if one.at is None or since - _CLOCKS <= one.at <= until + _CLOCKS]
            with db.write(self.engine) as connection:
                settled, unsure = self._match.compare(connection, lost, until)
            number, sent, perhaps = number + len(lost), sent + settled, perhaps + unsure
            progress(number)
        return Matched(number, sent, perhaps, times[0] if times else None, times[-1] if times else None)


def _domain(rules: Ruleset) -> str:
    return company_mailbox(rules.rulebook.company.sender).address.rpartition("@")[2]
