"""Faults in the environment of a workspace's processes: mail servers, clocks, a database that cannot be written.

Workers record faults in the database; commands and `/readyz` read them there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from regulars.core import clock, settings
from regulars.core.clock import Clock
from regulars.db import engine as db
from regulars.db.database_time import database_time
from regulars.db.locks import AdvisoryLock, holder
from regulars.db.states import Reason
from regulars.db.write_probe import probe_age
from regulars.ledger import lane_states, server_quotas, server_states
from regulars.ledger.claims import waiting
from regulars.ledger.poison import poison
from regulars.ledger.webhook_endpoints import endpoints
from regulars.operation import restored
from regulars.operation.clock_check import clock_difference, clocks_off
from regulars.operation.pausing import open_pauses
from regulars.operation.write_check import unwritten_for
from regulars.planner.nightly_audit import last_missed
from regulars.rules.model import Kind

_LONG_PLAN = 120.0
"""Seconds."""
_NAMED = 3
"""How many held emails are named; the ledger has all."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """`full` has all details, for operators; `brief` names no server and quotes none of its replies."""

    full: str
    brief: str
    key: str = ""
    """Names the fault, without numbers and times, so that it is known to be the same one."""


def troubles(engine: Engine, wall: Clock) -> Iterator[Trouble]:
    """The present faults; changes nothing. Raises EnvironmentFailed without a database."""
    with db.read(engine) as connection:
        away, off = lane_states.outages(connection), clocks_off(connection)
        unwritten = unwritten_for(engine, connection)
    for outage in away:
        since = f"{outage.since:%Y-%m-%d %H:%M} UTC"
        brief = f"lane {outage.lane}: nothing is sent since {since}, for {outage.cause.words}"
        yield Trouble(str(outage), f"{brief}: `regulars report` tells more", f"lane/{outage.lane}")
    for sentence in off:
        brief = "the clock of a worker differs from the database's: `regulars report` tells more"
        yield Trouble(sentence, brief, "clock")
    here = clock_difference(engine, wall)
    if here is not None:
        yield Trouble(here, "this machine's clock differs from the database's: set both clocks by NTP", "clock")
    if unwritten is not None:
        seconds = f"{unwritten.total_seconds():,.0f} s"
        yield Trouble(
            f"the database cannot be written, or nobody tries: the last worker that could did so {seconds} ago, and one"
            " does every few seconds. Look for a full disk, for the rights of its files, and whether worker and"
            " scheduler run; the worker's log tells the reason",
            "the database cannot be written, or no worker runs: look for a full disk; the worker's log tells more",
            "database",
        )


def stopped(engine: Engine) -> list[Trouble]:
    """What is paused, restricted, held by name or after a restore, or waits for a server: no fault, yet important."""
    return [
        *paused(engine), *after_restore(engine), *poisonous(engine), *dead_webhooks(engine), *limited_servers(engine),
        *long_plan(engine), *missed_clients(engine),
    ]  # fmt: skip


def after_restore(engine: Engine) -> list[Trouble]:
    """What waits because a lost database may have sent it."""
    waiting = restored.status(engine)
    brief = f"{waiting.number:,} emails wait since a backup was restored: `regulars restored` tells more"
    return [Trouble(one, brief) for one in waiting.sentences()]


def paused(engine: Engine) -> list[Trouble]:
    """What is paused, by hand or by a guard, or restricted by a setting."""
    found, names = open_pauses(engine)
    pauses = [
        Trouble(
            one.sentence(names),
            f"{one.target.words(names)} is paused since {one.since:%Y-%m-%d %H:%M} UTC: `regulars pauses` tells more",
            f"guard/{one.target.scope}/{one.target.key}/{one.id}" if one.by_guard else "",
        )
        for one in found
    ]
    restricted = settings.only_to()
    if not restricted:
        return pauses
    brief = "REGULARS_ONLY_TO is set: emails to anybody else wait"
    return [Trouble(f"only {', '.join(restricted)} can be mailed: {brief}", brief), *pauses]


def long_plan(engine: Engine) -> list[Trouble]:
    """A plan that has been going on for long: nothing new is planned meanwhile, by any process."""
    with db.read(engine) as connection:
        found = holder(connection, AdvisoryLock.PLAN)
    if found is None or found.seconds < _LONG_PLAN:
        return []
    brief = f"a plan has been going on for {found.seconds:,.0f} s: nothing new is planned until it ends"
    return [
        Trouble(
            f"{brief}; what is planned goes. It runs on {found.address}: a first plan, or one after a large import, may"
            " take minutes; a machine that was cut off is given up after half a minute, a process that hangs after ten",
            brief,
            "long-plan",
        )
    ]


def missed_clients(engine: Engine) -> list[Trouble]:
    """Clients whom only the nightly audit found: until the next one finds nobody."""
    with db.read(engine) as connection:
        found = last_missed(connection)
    if found is None:
        return []
    brief = f"the last audit found {found.clients:,} clients that plans had missed: `regulars report` tells more"
    return [Trouble(found.sentence, brief, "plan-audit")]


def poisonous(engine: Engine) -> list[Trouble]:
    """Emails that are held because workers died when they rendered them, the first ones by name."""
    with db.read(engine) as connection:
        number, found = poison(connection, _NAMED)
    if not number:
        return []
    many = "1 email is" if number == 1 else f"{number:,} emails are"
    brief = f"{many} held because {Reason.KILLS_WORKERS.words}: `regulars report` tells more"
    more = [] if number == len(found) else [f"{number - len(found):,} more promises are held likewise"]
    return [Trouble("; ".join([*map(str, found), *more]), brief, "poison")]


def limited_servers(engine: Engine) -> list[Trouble]:
    """Servers that others stand in for, and servers whose warm-up has no room left today: mail goes on, or waits."""
    with db.read(engine) as connection:
        away, full = server_states.server_outages(connection), server_quotas.used_up(connection, clock.system())
    return [
        *(
            Trouble(str(one), f"mail server {one.server} is away, others take its mail", f"server-away:{one.server}")
            for one in away
        ),
        *(
            Trouble(
                str(one), f"mail server {one.server} has sent what its warm-up allows today", f"warm-up:{one.server}"
            )
            for one in full
        ),
    ]


def no_worker(engine: Engine, now: datetime) -> list[Trouble]:
    """Whether emails wait for a worker and none runs. No fault where `regulars tick` sends them, by hand or by cron."""
    with db.read(engine) as connection:
        if probe_age(connection) is not None or not waiting(connection, list(Kind), now):
            return []
    words = "no worker runs, and emails wait: `regulars worker` sends them, or `regulars tick` once"
    return [Trouble(words, words)]


def dead_webhooks(engine: Engine) -> list[Trouble]:
    """Programs that take nothing of what they should be told: no mail waits for them, but somebody should look."""
    with db.read(engine) as connection:
        now = database_time(connection)
        dead = [one for one in endpoints(connection) if one.is_dead(now)]
    return [
        Trouble(one.trouble, f"webhook {one.name} takes nothing: `regulars webhooks` tells more", f"webhook/{one.name}")
        for one in dead
    ]
