"""The tasks: plan, dispatch, ingest. Each takes plain JSON, calls one service, and is idempotent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from regulars.core import clock, extras
from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed, Invalid
from regulars.db.locks import Busy
from regulars.feedback.incoming import read_all
from regulars.feedback.promise_search import Receiver
from regulars.feedback.sources import open_source
from regulars.importing.options import options_for
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from regulars.workers import process
from regulars.workers.app import app, retire, stopping

log = logging.getLogger("regulars.workers")
DISPATCH_TURN = timedelta(seconds=50)
"""How long a dispatch task works before it yields to other queues and wakes itself again."""
MOST_MESSAGES = 1000
"""How many messages one task reads, so that files to import need not wait for long."""
NOTIFY_TURN = timedelta(seconds=5)
"""How long a task tells other programs before it yields: where one process does everything, emails go meanwhile."""
MAX_WOKEN = 2
"""How many workers one plan wakes; the others come with beat's own wake-ups."""


def _clock(now: str | None) -> Clock:
    return clock.system if now is None else clock.frozen(datetime.fromisoformat(now))


_P = ParamSpec("_P")


def _unless_outdated(task: Callable[_P, None]) -> Callable[_P, None]:
    """Nothing is begun once a later release has upgraded the database; what fails of it is told in a sentence."""

    @wraps(task)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        sentence = process.outdated()
        if sentence is None:
            try:
                task(*args, **kwargs)
            except Exception:
                sentence = process.outdated(at_once=True)
                if sentence is None:
                    raise
        if sentence is None:
            return
        log.error("%s", sentence)
        retire()

    return run


def _ending() -> bool:
    return stopping() or process.outdated() is not None


_failing_since: dict[str, float] = {}
"""When tasks of this process began to fail because of database or disk, by the monotonic clock; empty normally."""


def _failed(task: str, consequence: str, error: EnvironmentFailed) -> None:
    log.error("%s: %s; the next wake-up tries again", consequence, error)
    _failing_since.setdefault(task, time.monotonic())


def _succeeded(task: str) -> None:
    since = _failing_since.pop(task, None)
    if since is not None:
        log.warning("%s works again, after %.0f s", task, time.monotonic() - since)


@app.task(name="regulars.plan")
@_unless_outdated
def plan(now: str | None = None) -> None:
    """Plans at `now` (ISO; default: the present) and wakes dispatch when something can be sent."""
    if now is None and process.has_just_planned():
        return
    business = _clock(now)
    try:
        runtime = process.current()
        made = runtime.plan(business)
        waiting = runtime.waiting(business())  # after the commit, so that the woken worker sees the rows
    except Invalid as error:
        log.error("nothing planned: the rules have %d errors, first: %s", len(error.diagnostics), error)
        return
    except Busy as error:
        log.warning("nothing planned: %s; dispatch goes on, and the next wake-up tries again", error)
        return
    except EnvironmentFailed as error:
        _failed("plan", "nothing planned", error)
        return
    process.note_plan()
    _succeeded("plan")
    log.info("planned: %d new promises, %d cleared to go", made.promised, made.cleared)
    for _ in range(MAX_WOKEN if waiting else 0):
        dispatch.delay(now)


@app.task(name="regulars.dispatch")
@_unless_outdated
def dispatch(now: str | None = None) -> None:
    """Sends planned promises; wakes itself again when its turn ends before the work."""
    business = _clock(now)
    try:
        runtime = process.current()
        summary = runtime.dispatch(business, turn=DISPATCH_TURN, stop=_ending, probe_idle=now is None)
        more = not summary.stopped and runtime.waiting(business())
    except Invalid as error:
        log.error("nothing sent: the rules have %d errors, first: %s", len(error.diagnostics), error)
        return
    except EnvironmentFailed as error:
        _failed("dispatch", "dispatch stopped", error)
        return
    _succeeded("dispatch")
    if summary.states:
        log.info("dispatched: %s", ", ".join(f"{n} {state}" for state, n in sorted(summary.states.items())))
    if more:
        dispatch.delay(now)  # after waiting messages in the other queues


@app.task(name="regulars.learn")
@_unless_outdated
def learn(now: str | None = None) -> None:
    """Learns from all purchases; rules use the results."""
    from regulars.operation import learn

    if not extras.is_installed("learn"):
        log.error("nothing learned: numpy and scipy are not installed; %s", extras.command("learn"))
        return
    found = learn.learn(process.current().engine, _clock(now)())
    log.info(
        "learned: %d clients valued, %d products follow another, next product by %s",
        found.valued, found.links, found.method,
    )  # fmt: skip
    for note in found.notes:
        log.warning("learned: %s", note)


@app.task(name="regulars.bounces")
@_unless_outdated
def bounces() -> None:
    """Records what came back to the mailbox; wakes itself again when there is more than one task should read."""
    runtime = process.current()
    named = runtime.settings.bounces
    if named is None:
        return
    try:
        source = open_source(named, runtime.settings.var)
        receiver = Receiver.of(runtime.rules.rulebook, runtime.settings, "mailbox")
        done = read_all(runtime.engine, source, receiver, clock.system, limit=MOST_MESSAGES)
    except Invalid as error:
        log.error("no bounces read: the rules have %d errors, first: %s", len(error.diagnostics), error)
        return
    except EnvironmentFailed as error:
        _failed("bounces", "bounces were not read", error)
        return
    _succeeded("bounces")
    if done.messages:
        log.info(
            "read %d messages that came back: %s", done.messages,
            ", ".join(f"{number} {kind}" for kind, number in sorted(done.new.items())) or "nothing new",
        )  # fmt: skip
    if done.more:
        bounces.delay()


@app.task(name="regulars.notify")
def notify() -> None:
    """Tells other programs and the operator what happened; wakes itself again when there is more than one turn's."""
    try:
        done = process.current().notify(NOTIFY_TURN, stopping)
    except Invalid:
        return  # the plan logs it
    except EnvironmentFailed as error:
        _failed("notify", "nobody was told", error)
        return
    _succeeded("notify")
    if done.delivered:
        log.info("webhooks: %d delivered", done.delivered)
    if done.more:
        notify.delay()


@app.task(name="regulars.ingest")
@_unless_outdated
def ingest(kind: str, path: str, mapping: dict[str, str] | None = None) -> None:
    """Imports a file that the worker can read."""
    runtime = process.current()
    report = import_file(
        runtime.engine, Kind(kind), Path(path), now=clock.system(), secret=runtime.settings.address_secret,
        mapping=mapping, options=options_for(runtime.rules.rulebook),
    )  # fmt: skip
    log.info("imported %s: %d added, %d changed, %d bad rows", path, report.added, report.changed, len(report.bad))
