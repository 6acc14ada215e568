"""The tasks: plan, dispatch, ingest. Each takes plain JSON, calls one service, and may run any number of times."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path

from regulars.core import clock, extras
from regulars.core.clock import Clock
from regulars.core.errors import Invalid
from regulars.importing.options import options_for
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from regulars.workers import process
from regulars.workers.app import app, stopping

log = logging.getLogger("regulars.workers")
DISPATCH_TURN = timedelta(seconds=50)
"""How long a dispatch task works before it makes room for the other queues and wakes itself again."""
WOKEN = 2
"""How many workers one plan wakes; the others come with beat's own wake-ups."""


def _clock(now: str | None) -> Clock:
    return clock.system if now is None else clock.frozen(datetime.fromisoformat(now))


@app.task(name="regulars.plan")
def plan(now: str | None = None) -> None:
    """Plans at `now` (ISO; default: the present) and wakes dispatch when something may go."""
    if now is None and process.has_just_planned():
        return
    machine, business = process.current(), _clock(now)
    try:
        made = machine.plan(business)
    except Invalid as error:
        log.error("nothing planned: the rules have %d errors, first: %s", len(error.diagnostics), error)
        return
    process.note_plan()
    log.info("planned: %d new promises, %d cleared to go", made.promised, made.cleared)
    if machine.waiting(business()):  # after the commit, so that the woken worker sees the rows
        for _ in range(WOKEN):
            dispatch.delay(now)


@app.task(name="regulars.dispatch")
def dispatch(now: str | None = None) -> None:
    """Sends what is planned; wakes itself again when its turn ends before the work does."""
    machine, business = process.current(), _clock(now)
    try:
        summary = machine.dispatch(business, turn=DISPATCH_TURN, stop=stopping)
    except Invalid as error:
        log.error("nothing sent: the rules have %d errors, first: %s", len(error.diagnostics), error)
        return
    if summary.states:
        log.info("dispatched: %s", ", ".join(f"{n} {state}" for state, n in sorted(summary.states.items())))
    if not summary.stopped and machine.waiting(business()):
        dispatch.delay(now)  # behind what waits in the other queues


@app.task(name="regulars.learn")
def learn(now: str | None = None) -> None:
    """Learns from everybody's purchases; rules read what was learned."""
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


@app.task(name="regulars.ingest")
def ingest(kind: str, path: str, mapping: dict[str, str] | None = None) -> None:
    """Imports a file that lies where the worker can read it."""
    machine = process.current()
    report = import_file(
        machine.engine, Kind(kind), Path(path), now=clock.system(), secret=machine.settings.secret,
        mapping=mapping, options=options_for(machine.rules.rulebook),
    )  # fmt: skip
    log.info("imported %s: %d added, %d changed, %d bad rows", path, report.added, report.changed, len(report.bad))
