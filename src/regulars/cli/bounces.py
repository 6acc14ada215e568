"""`bounces read`, `bounces list`, `inbound`: what comes back from mail servers."""

from __future__ import annotations

import logging
import signal
import sys
import threading

import click

from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import counts, print_json, print_wrapped, table
from regulars.core import clock
from regulars.core.errors import EnvironmentFailed

_TRY_LATER = 75
"""EX_TEMPFAIL: the mail server that pipes a message keeps it and comes again."""


@click.group("bounces")
def bounces_command() -> None:
    """Read what came back, and list it."""


@bounces_command.command("read")
@click.argument("source", required=False)
@now_option
@json_option
@click.pass_obj
@click.pass_context
def read_command(ctx: click.Context, command: CommandContext, source: str | None, now: str | None) -> None:
    """Record the messages of SOURCE: bounces, complaints, requests to unsubscribe.

    SOURCE is `imaps://user:password@host/INBOX`, `maildir:PATH`, `mbox:PATH`, a folder that is a Maildir, a file that
    is an mbox, or `-` for one message from a pipe. Without it: REGULARS_BOUNCES.
    """
    from regulars.feedback.incoming import read_all
    from regulars.feedback.promise_search import Receiver
    from regulars.feedback.sources import EXPECTED, open_source

    named = source or command.settings.bounces
    if named is None:
        raise click.UsageError(f"name a source, or set REGULARS_BOUNCES: {EXPECTED}")
    try:
        opened = open_source(named, command.settings.var)
        at = clock.system if now is None else clock.frozen(command.now(now))
        command.go_by_rules_in_force()
        receiver = Receiver.of(command.rules.rulebook, command.settings, "mailbox")
        done = read_all(command.engine, opened, receiver, at)
    except Exception as error:
        if named != "-":
            raise
        # Whatever failed, the mail server that feeds the pipe keeps the message and tries again (EX_TEMPFAIL).
        click.echo(f"error: {error}", err=True)
        ctx.exit(_TRY_LATER)
    if command.as_json:
        print_json({"messages": done.messages, "new": dict(sorted(done.new.items())), "set_aside": done.aside})
    elif named != "-":  # a mail server takes what a pipe prints for a failure
        new = counts(dict(done.new)) if done.new else "nothing new"
        click.echo(f"{done.messages:,} message{'' if done.messages == 1 else 's'} of {opened.name}: {new}")
    for name in done.aside:
        click.echo(f"warning: message {name} cannot be read and is set aside", err=True)


@bounces_command.command("list")
@now_option
@json_option
@click.pass_obj
def list_command(command: CommandContext, now: str | None) -> None:
    """Count what came back in the last 30 days, by kind and cause; show the latest."""
    from regulars.db.engine import read
    from regulars.feedback.received import received

    with read(command.engine) as connection:
        found = received(connection, command.now(now))
    if command.as_json:
        print_json(found.to_json())
        return
    rows = [(one.kind, one.reason or "–", f"{one.known:,}", f"{one.unknown:,}") for one in found.counts]
    table(None, ["kind", "cause", "about our emails", "about nothing of ours"], rows)
    for line in found.lines(command.rules.rulebook.company.timezone):
        print_wrapped(line)


@click.command("inbound")
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:2526", show_default=True, help="Where it listens.")
@click.option("--lmtp", is_flag=True, help="Speak LMTP, as Postfix and Dovecot do for local delivery.")
@click.pass_obj
def inbound_command(command: CommandContext, listen: str, lmtp: bool) -> None:
    """Take what comes back straight from a mail server, by SMTP or LMTP, until Ctrl-C.

    Only messages to `company.bounces` are accepted. It has no TLS and no password: let only your mail server reach it.
    """
    from regulars.feedback.inbound_server import InboundServer
    from regulars.feedback.promise_search import Receiver
    from regulars.operation.last_sound_rules import RulesInForce

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"`{listen}` is no HOST:PORT such as `127.0.0.1:2526`", param_hint="--listen")
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stderr)
    if command.rules.rulebook.company.bounces is None:
        raise EnvironmentFailed("`company.bounces` is not set in the rule file: there is no address to take mail for")
    in_force = RulesInForce(command.root, command.engine)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    one_at_a_time = threading.Lock()

    def receiver() -> Receiver:
        with one_at_a_time:
            return Receiver.of(in_force.current().rulebook, command.settings, "inbound")

    aside = command.settings.var / "failed-bounces"
    with InboundServer(
        command.engine, receiver, clock.system, host=host.strip("[]"), port=int(port), aside=aside, lmtp=lmtp
    ) as door:
        click.echo(f"Takes what comes back at {host}:{door.port} by {'LMTP' if lmtp else 'SMTP'}; Ctrl-C ends it.")
        ended.wait()
    in_force.close()
