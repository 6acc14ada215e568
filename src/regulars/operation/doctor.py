"""Looks at everything that mail needs, and says what is wrong and what to do. Sends nothing and changes nothing."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from sqlalchemy import Engine

from regulars import __version__
from regulars.core.clock import Clock
from regulars.core.errors import RegularsError
from regulars.core.settings import Settings
from regulars.db import engine as db
from regulars.db import upgrade
from regulars.delivery.transport import Outage, Transport
from regulars.insights.operating_figures import OperatingFigures, operating_figures
from regulars.operation.database_upgrade import require_address_secret
from regulars.operation.lanes import FROM_ENVIRONMENT, open_lanes
from regulars.operation.surroundings import limited_servers, long_plan, paused, poisonous, troubles
from regulars.rules.delivery_rules import Delivery

_LITTLE_DISK, _NO_DISK = 2_000_000_000, 200_000_000
"""Free bytes below which to warn, and below which nothing should be planned any more."""
_LATE_PLAN = timedelta(minutes=3)
"""A plan is made every minute."""
_SHORTEST_SECRET = 32
"""Characters: 128 bits, as hexadecimal digits."""
_MANY_SUPPRESSED = 0.1
"""A share of suppressed addresses that points to a list that was bought, or to a server that refuses everything."""
_TIMEOUT = 5.0
"""Seconds for the web address to answer."""


class Verdict(StrEnum):
    """The result of one check. Only a fault stops mail, or a right of clients."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result: what was looked at, how it is, and what to do; empty if nothing."""

    check: str
    verdict: Verdict
    words: str
    advice: str = ""


def ok(check: str, words: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Verdict.OK, words)


def warning(check: str, words: str, advice: str) -> Finding:
    """Mail goes, but not as it should."""
    return Finding(check, Verdict.WARNING, words, advice)


def fault(check: str, words: str, advice: str) -> Finding:
    """Mail does not go, or a right of clients is in danger."""
    return Finding(check, Verdict.FAULT, words, advice)


def examine(
    settings: Settings, engine: Engine, wall: Clock, delivery: Delivery = FROM_ENVIRONMENT
) -> Iterator[Finding]:  # fmt: skip
    """The findings, one by one, except those about rules, broker and DNS. Without a database there are few.

    `delivery` is the section of the rules that names mail servers.
    """
    yield from _secrets(settings)
    yield _disk(settings.var)
    usable = list(_database(settings, engine))
    yield from usable
    yield from _servers(settings, delivery)
    yield _web(settings.web_url)
    if all(one.verdict is not Verdict.FAULT for one in usable):
        yield from _work(engine)
        yield from _known_troubles(engine, wall)


def _secrets(settings: Settings) -> Iterator[Finding]:
    given = {"REGULARS_SECRET": settings.secret, "REGULARS_ADDRESS_SECRET": settings.address_secret}
    short = [name for name, one in given.items() if len(one) < _SHORTEST_SECRET]
    if short:
        yield warning(
            "secrets", f"{' and '.join(short)} has fewer than {_SHORTEST_SECRET} characters",
            "make one by `openssl rand -hex 32`; docs/operations.md says how to replace a secret",
        )  # fmt: skip
    files = [settings.var / "secret", settings.var / "address-secret", *settings.var.glob("regulars.sqlite*")]
    exposed = [file.name for file in files if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077]
    if exposed:
        yield fault(
            "files", f"other users of this machine can read var/{', var/'.join(exposed)}",
            f"chmod 600 in {settings.var}",
        )  # fmt: skip
    if not short and not exposed:
        yield ok("secrets", "long enough, and closed to other users")


def _disk(var: Path) -> Finding:
    free = shutil.disk_usage(var if var.exists() else var.parent).free
    words = f"{free / 1e9:,.1f} GB free on this machine's disk"
    if free < _NO_DISK:
        return fault("disk", words, "make room: a database that cannot be written stops all mail")
    if free < _LITTLE_DISK:
        return warning("disk", words, "make room before it is full")
    return ok("disk", words)


def _database(settings: Settings, engine: Engine) -> Iterator[Finding]:
    where = engine.url.render_as_string(hide_password=True)
    try:
        revision = upgrade.current(engine)
    except RegularsError as error:
        yield fault("database", f"{where}: {error}", "start it, or correct REGULARS_DATABASE_URL")
        return
    try:
        upgrade.require_current(engine)
        require_address_secret(engine, settings.address_secret)
    except RegularsError as error:
        yield fault("database", str(error), "")
        return
    yield ok("database", f"{where}, schema {revision}")


def _servers(settings: Settings, delivery: Delivery) -> Iterator[Finding]:
    """Opens a session with each mail server, as a worker does: with TLS and login, and without an email."""
    try:
        lanes = open_lanes(settings, delivery)
    except RegularsError as error:
        yield fault("mail server", str(error), "")
        return
    for lane in lanes:
        if lane.pool is None:
            yield _server(f"mail, {lane.name}", lane.transport, "nothing is lost: mail waits")
            continue
        for member in lane.pool.members:
            advice = "another server of its pool takes its mail"
            yield _server(f"mail, {lane.name}, {member.name}", member.transport, advice)


def _server(name: str, transport: Transport, advice: str) -> Finding:
    found = asyncio.run(_probe(transport))
    return (
        ok(name, f"{transport.server} takes mail")
        if found is None
        else fault(name, str(found), f"{advice}; {found.cause.advice}")
    )


async def _probe(transport: Transport) -> Outage | None:
    async with transport:
        return await transport.probe()


def _web(url: str) -> Finding:
    """Asks the address that links in emails lead to."""
    host = urlsplit(url).hostname or ""
    try:
        with urlopen(f"{url}/healthz", timeout=_TIMEOUT) as answer:  # noqa: S310 - an operator's own setting
            answered = answer.read(10) == b"ok\n"
    except (OSError, URLError, ValueError) as error:
        advice = (
            "every link in an email leads there, and unsubscribing: start `regulars web`, or correct REGULARS_WEB_URL"
        )
        return fault("web", f"{url} does not answer: {getattr(error, 'reason', error)}", advice)
    if not answered:
        return fault("web", f"{url} is another program", "REGULARS_WEB_URL must lead to `regulars web`")
    if host in {"localhost", "127.0.0.1", "::1"}:
        return warning(
            "web", f"{url} answers here", "clients cannot reach it: set REGULARS_WEB_URL to a public address"
        )
    return ok("web", f"{url} answers")


def _work(engine: Engine) -> Iterator[Finding]:
    with db.read(engine) as connection:
        figures = operating_figures(connection)
    yield from _workers(figures)
    planned = figures.last_planned_at
    if planned is None or figures.at - planned > _LATE_PLAN:
        when = "never" if planned is None else f"last at {planned:%Y-%m-%d %H:%M} UTC"
        yield fault(
            "scheduler", f"planned {when}", "start `regulars beat` and a worker, or run `regulars tick` by cron"
        )
    else:
        yield ok("scheduler", f"planned {(figures.at - planned).total_seconds():.0f} s ago")
    yield _queue(figures)
    share = figures.suppressed / figures.customers if figures.customers else 0.0
    words = f"{figures.suppressed:,} suppressed, {figures.customers:,} clients"
    if share > _MANY_SUPPRESSED:
        yield warning("addresses", words, "look where they come from: `regulars suppressions`")
    else:
        yield ok("addresses", words)


def _workers(figures: OperatingFigures) -> Iterator[Finding]:
    alive = [one for one in figures.workers if one.alive]
    others = sorted({one.release for one in alive} - {__version__})
    silent = sum(not one.alive for one in figures.workers)
    if not alive:
        yield fault("workers", "none runs", "start `regulars worker`, or run `regulars tick` by cron")
    elif others:
        yield warning("workers", f"of other releases: {', '.join(others)}; this is {__version__}", "restart them")
    elif silent:
        yield warning("workers", f"{len(alive)} run, {silent} ended without a word within a day", "look at their logs")
    else:
        yield ok("workers", f"{len(alive)} run")


def _queue(figures: OperatingFigures) -> Finding:
    number = sum(one.number for one in figures.ready.values())
    held = sum(figures.held.values())
    return ok("queue", f"{number:,} emails ready, {held:,} held")


def _known_troubles(engine: Engine, wall: Clock) -> Sequence[Finding]:
    found = [fault("surroundings", one.full, "") for one in troubles(engine, wall)]
    found += [warning("pauses", one.full, "") for one in paused(engine)]
    found += [warning("scheduler", one.full, "") for one in long_plan(engine)]
    found += [warning("mail servers", one.full, "") for one in limited_servers(engine)]
    return [*found, *(warning("emails", one.full, "") for one in poisonous(engine))]
