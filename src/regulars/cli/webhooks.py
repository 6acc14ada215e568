"""`webhooks`: the programs that are told of what happens, and how that goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import print_json, print_wrapped, table
from regulars.core import clock
from regulars.core.errors import EnvironmentFailed, NotFound

if TYPE_CHECKING:
    from regulars.ledger.webhook_endpoints import Endpoint
    from regulars.ledger.webhook_outbox import Backlog
    from regulars.rules.notify_rules import Notify


@click.command("webhooks")
@click.argument("action", type=click.Choice(["list", "test", "retry", "secret"]), default="list")
@click.argument("name", required=False)
@json_option
@click.pass_obj
def webhooks_command(command: CommandContext, action: str, name: str | None) -> None:
    r"""Show or handle the programs that the section `notify` of the rules names.

    \b
    list          what each is told, what waits, and what is wrong
    test NAME     post a message of the type `webhook.test` now
    retry NAME    try at once what waits or was given up; enable it again
    secret NAME   print the secret with which its messages are signed
    """
    for warning in command.go_by_rules_in_force():
        click.echo(f"warning: {warning}", err=True)
    if action == "list":
        _list(command)
        return
    if name is None:
        raise click.UsageError(f"which program? `regulars webhooks {action} NAME`")
    rule = _rule(command, name)
    {"test": _test, "retry": _retry, "secret": _secret}[action](command, name, rule)


def _rule(command: CommandContext, name: str) -> Notify:
    from regulars.core.diagnostics import nearest

    notify = command.rules.rulebook.notify
    if name not in notify:
        raise NotFound("webhook", name, nearest(name, notify))
    return notify[name]


def _list(command: CommandContext) -> None:
    from regulars.db.engine import read
    from regulars.ledger.webhook_endpoints import endpoints
    from regulars.ledger.webhook_outbox import Backlog, backlogs

    with read(command.engine) as connection:
        known, waiting = {one.name: one for one in endpoints(connection)}, backlogs(connection)
    found = [
        _described(name, rule, known.get(name), waiting.get(name, Backlog()))
        for name, rule in sorted(command.rules.rulebook.notify.items())
    ]
    if command.as_json:
        print_json({"webhooks": found})
    elif not found:
        click.echo("no program is told of anything: the section `notify` of the rules names some")
    else:
        numbers = ("delivered", "waiting", "failed")
        rows = [[each["name"], each["state"], *(f"{each[key]:,}" for key in numbers)] for each in found]
        table(None, ("program", "state", "delivered", "waiting", "given up"), rows, (2, 3, 4))
        for each in found:
            if each["trouble"]:
                print_wrapped(each["trouble"])


def _described(name: str, rule: Notify, one: Endpoint | None, log: Backlog) -> dict[str, Any]:
    state = "new" if one is None else "disabled" if one.disabled_at else "failing" if one.failing_since else "works"
    return {
        "name": name, "url": rule.url, "events": sorted(map(str, rule.events)), "campaigns": list(rule.campaigns),
        "waiting": log.waiting, "delivered": log.delivered, "failed": log.failed,
        "oldest_waiting": log.oldest and log.oldest.isoformat(), "state": state,
        "trouble": one.trouble if one is not None and state in {"disabled", "failing"} else None,
    }  # fmt: skip


def _test(command: CommandContext, name: str, rule: Notify) -> None:
    from regulars.outbound.webhook_delivery import post_test

    answer = asyncio.run(post_test(name, rule, command.settings, clock.system()))
    if not answer.accepted:
        raise EnvironmentFailed(f"{name} did not take the message: {answer.words}")
    if command.as_json:
        print_json({"name": name, "status": answer.status})
    else:
        click.echo(f"{name} took the message ({answer.status})")


def _retry(command: CommandContext, name: str, _: Notify) -> None:
    from regulars.core.operator_name import operator
    from regulars.db.engine import write
    from regulars.ledger.audit import Action, record
    from regulars.ledger.webhook_endpoints import enable
    from regulars.ledger.webhook_outbox import try_again

    with write(command.engine) as connection:
        known = enable(connection, name)
        number = try_again(connection, name)
        record(connection, Action.WEBHOOK_RETRY, operator(), name, None, clock.system())
    if command.as_json:
        print_json({"name": name, "tried_again": number})
    elif known:
        click.echo(f"{number:,} messages to {name} are tried at once; a worker or `regulars tick` sends them")
    else:
        click.echo(f"{name} is not in force yet: the next plan brings it into force")


def _secret(command: CommandContext, name: str, rule: Notify) -> None:
    from regulars.core.operator_name import operator
    from regulars.db.engine import write
    from regulars.ledger.audit import Action, record
    from regulars.outbound.webhook_body import secrets_of

    if rule.secret is not None:
        raise click.UsageError(f"the secret of {name} is in the variable {rule.secret}")
    secrets = secrets_of(name, rule, command.settings)
    with write(command.engine) as connection:
        record(connection, Action.KEY, operator(), name, "for webhooks to it", clock.system())
    if command.as_json:
        print_json({"name": name, "secret": secrets[0], "former": secrets[1:]})
    else:
        click.echo(secrets[0])
