"""`tick`, `retry`, `up`, `worker`, `beat`: one pass, or long-running processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import click

from regulars.cli import local_inbox
from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import counts, print_json
from regulars.core import broker_url, clock
from regulars.core.errors import EnvironmentFailed
from regulars.core.paths import make_private

MAIL_FAILED = "the mail server could not be reached ({}); what is planned waits for the next tick"


@click.command("tick")
@now_option
@click.option("--full", is_flag=True, help="ask every client, and say whom the plans before had missed")
@json_option
@click.pass_obj
def tick_command(command: CommandContext, now: str | None, full: bool) -> None:
    """Plan and send once, then end: for cron, and for testing.

    With --now, as if it were that time; emails are really sent.
    """
    _plan_and_send(command, now, again=False, full=full)


@click.command("retry")
@json_option
@click.pass_obj
def retry_command(command: CommandContext) -> None:
    """Retry now, after an outage or temporary refusals of a mail server.

    Emails that wait for a retry are planned and sent at once; so is what is due. Workers that found the server
    unreachable try it again within a minute.
    """
    _plan_and_send(command, None, again=True)


def _plan_and_send(command: CommandContext, now: str | None, *, again: bool, full: bool = False) -> None:
    from regulars.operation.runtime import Runtime

    for warning in command.go_by_rules_in_force():
        click.echo(f"warning: {warning}", err=True)
    at = command.now(now)
    business = clock.system if now is None else clock.frozen(at)
    runtime = Runtime(command.settings, command.engine, clock.system)
    try:
        freed = runtime.free_retries(at) if again else None
        done = runtime.tick(business, full=full)
    finally:
        runtime.close()
    states = {word: number for word, number in done.summary.states.items() if number}
    if command.as_json:
        found = {"now": at.isoformat(), "promised": done.plan.promised, "states": states}
        print_json(found if freed is None else {**found, "tried_again": freed})
    else:
        new = f"{done.plan.promised:,} new promise{'' if done.plan.promised == 1 else 's'}"
        tried = "" if freed is None else f"{freed:,} tried again now; "
        click.echo(f"{tried}{new}; {counts(states) if states else 'nothing to send'}")
    for words in done.summary.full.values():
        click.echo(f"note: {words}", err=True)
    if done.summary.down:
        hint = "" if local_inbox.server_is_named() else local_inbox.HINT
        why = "; ".join(str(outage) for outage in dict.fromkeys(done.summary.down.values()))
        raise EnvironmentFailed(f"{MAIL_FAILED.format(why)}{hint}")


_RUN_REGULARS = "from regulars.cli import main; main(prog_name='regulars')"


def _celery(command: CommandContext, *arguments: str) -> list[str]:
    """Celery's command line; raises EnvironmentFailed for a broker or database that a worker would reject."""
    broker_url.require_usable(command.settings.broker_url)
    command.engine.dispose()  # it is of this version's shape: Celery opens its own
    os.environ["REGULARS_WORKSPACE"] = str(command.root)
    make_private(command.settings.var)
    return [sys.executable, "-m", "celery", "--app", "regulars.workers", *arguments]


def _replace_process(command: Sequence[str]) -> None:
    """Replaces this process with Celery, so that Celery receives signals."""
    sys.stdout.flush()
    os.execv(command[0], list(command))


@click.command("worker", context_settings={"ignore_unknown_options": True})
@click.option("-q", "--queues", default="plan,dispatch,ingest,notify", show_default=True, help="What it works on.")
@click.option("-c", "--concurrency", default=1, show_default=True, help="How many processes.")
@click.option("--loglevel", default="INFO", show_default=True)
@click.argument("celery_options", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def worker_command(
    command: CommandContext, queues: str, concurrency: int, loglevel: str, celery_options: tuple[str, ...]
) -> None:
    """Run a Celery worker for this workspace; other options go to Celery as they are."""
    _replace_process(
        _celery(
            command, "worker", "--queues", queues, "--concurrency", str(concurrency), "--loglevel", loglevel,
            *celery_options,
        )
    )  # fmt: skip


@click.command("beat")
@click.option("--loglevel", default="INFO", show_default=True)
@click.pass_obj
def beat_command(command: CommandContext, loglevel: str) -> None:
    """Run the Celery scheduler for this workspace: one, or more for safety; the ledger allows both."""
    _replace_process(_celery(command, "beat", "--loglevel", loglevel))


@click.command("up")
@click.option("-c", "--concurrency", default=1, show_default=True, help="How many worker processes.")
@click.option("--port", default=8000, show_default=True, help="Where the web pages listen, on this machine only.")
@click.option("--loglevel", default="INFO", show_default=True)
@click.pass_obj
def up_command(command: CommandContext, concurrency: int, port: int, loglevel: str) -> None:
    """Run everything on this machine until Ctrl-C: a worker, the scheduler, and the pages that emails link to."""
    command.go_by_applied_version()
    command.prepare()  # faulty rules are reported now, not in a worker's log
    commands = up_processes(command, concurrency, port, loglevel)
    click.echo(f"Regulars is up in {command.root}, its pages at http://127.0.0.1:{port}; Ctrl-C ends it.")
    with local_inbox.inbox(command, click.echo) as renew:
        children = [subprocess.Popen(arguments) for arguments in commands.values()]
        stopped = _watch(children, renew)
    if not stopped:
        raise EnvironmentFailed("a process ended by itself; its last lines say why")


def up_processes(command: CommandContext, concurrency: int, port: int, loglevel: str) -> dict[str, list[str]]:
    """The command of each process of a workspace, by its public name."""
    return {
        "worker": _celery(command, "worker", "--concurrency", str(concurrency), "--loglevel", loglevel),
        "beat": _celery(command, "beat", "--loglevel", loglevel),
        "web": [sys.executable, "-c", _RUN_REGULARS, "--workspace", str(command.root), "web", "--port", str(port)],
    }


def _watch(children: Sequence[subprocess.Popen[bytes]], renew: Callable[[], None]) -> bool:
    """Waits for a signal, or for a child that ends, and ends the others; returns whether it was a signal."""
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda which, _: received.append(which))
    while not received and all(child.poll() is None for child in children):
        time.sleep(1.0)
        renew()
    for child in children:
        child.terminate()
    for child in children:
        child.wait()
    return bool(received)
