"""`pause`, `resume`, `cancel`, `pauses` and `canary`: stop emails by hand, and let them go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import print_json, print_wrapped
from regulars.core import clock
from regulars.core.clock import words
from regulars.core.errors import RegularsError

if TYPE_CHECKING:
    from regulars.ledger.switches import Target
    from regulars.operation.pausing import Person


def _targeted(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that say what is meant."""
    for option in (
        click.option("--why", metavar="TEXT", help="The reason, kept with it and shown to everybody."),
        click.option("--all", "everything", is_flag=True, help="Every email."),
        click.option("--lane", metavar="NAME", help="The emails of one lane: `default`, `transactional`."),
        click.argument("campaign", required=False),
    ):
        command = option(command)
    return command


@click.command("pause")
@_targeted
@json_option
@click.pass_obj
def pause_command(
    command: CommandContext, campaign: str | None, lane: str | None, everything: bool, why: str | None
) -> None:  # fmt: skip
    """Stop the emails of CAMPAIGN, of a lane, or all, within a second.

    What is being handed to a server at this moment still goes. Nothing promised is lost, and new promises are made as
    before; but time goes on: what is too late when it is resumed is skipped.
    """
    from regulars.operation.pausing import pause

    target = _target(command, campaign, lane, everything)
    done = pause(command.engine, target, _person(why))
    names = _names(command)
    if command.as_json:
        found = {"paused": done.pause.to_json(names), "fresh": done.fresh, "open": done.open, "sending": done.sending}
        print_json(found)
        return
    already = "" if done.fresh else "already: "
    print_wrapped(f"{already}{done.pause.sentence(names)}")
    still = f"; at most {_many(done.sending)} being handed to servers now still go" if done.sending else ""
    print_wrapped(f"{_many(done.open)} planned or held{still}", indent=2)


@click.command("resume")
@_targeted
@json_option
@click.pass_obj
def resume_command(
    command: CommandContext, campaign: str | None, lane: str | None, everything: bool, why: str | None
) -> None:  # fmt: skip
    """Let the emails of CAMPAIGN, of a lane, or all go on.

    It ends the pause of that name only: `--all` leaves a paused campaign paused. A guard counts anew from now on.
    """
    from regulars.operation.pausing import resume

    target = _target(command, campaign, lane, everything)
    done = resume(command.engine, target, _person(why))
    names = _names(command)
    if command.as_json:
        left = [one.to_json(names) for one in done.left]
        print_json({"resumed": done.ended, "open": done.open, "still_paused": left})
        return
    what = target.words(names)
    if done.ended:
        print_wrapped(f"{what} goes on: {_many(done.open)} planned or held; what is too late by now will be skipped")
    else:
        print_wrapped(f"{what} was not paused")
    for one in done.left:
        print_wrapped(f"still: {one.sentence(names)}", indent=2)


@click.command("cancel")
@_targeted
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def cancel_command(
    command: CommandContext, campaign: str | None, lane: str | None, everything: bool, why: str | None, yes: bool
) -> None:
    """Skip what is planned or held of CAMPAIGN, of a lane, or all. This cannot be undone.

    Later promises are made as before: `enabled: false` in the rule, or `regulars pause`, stops those.
    """
    from regulars.db.engine import read
    from regulars.ledger.cancel import cancellable
    from regulars.operation.pausing import call_off

    target = _target(command, campaign, lane, everything)
    with read(command.engine) as connection:
        number = cancellable(connection, target)
    what = target.words(_names(command))
    if number and not yes:
        click.confirm(f"Skip {_many(number)} of {what}? This cannot be undone", abort=True, err=command.as_json)
    skipped = call_off(command.engine, target, _person(why)) if number else 0
    if command.as_json:
        print_json({"cancelled": skipped})
    else:
        click.echo(f"{_many(skipped)} of {what} skipped" if skipped else f"nothing of {what} is planned or held")


@click.command("pauses")
@json_option
@click.pass_obj
def pauses_command(command: CommandContext) -> None:
    """List what is paused: since when, by whom, why, and how to resume."""
    from regulars.operation.pausing import open_pauses

    found, names = open_pauses(command.engine)
    if command.as_json:
        print_json({"pauses": [one.to_json(names) for one in found]})
        return
    for one in found:
        print_wrapped(one.sentence(names))
    if not found:
        click.echo("nothing is paused")


@click.command("canary")
@click.argument("campaign")
@click.option("--why", metavar="TEXT", help="The reason, for the log of what people did.")
@json_option
@click.pass_obj
def canary_command(command: CommandContext, campaign: str, why: str | None) -> None:
    """Let a few emails of CAMPAIGN go first, and the rest wait, as its `canary` says.

    A new or changed rule begins a canary by itself; an edit of the words alone does not.
    """
    from regulars.operation.pausing import begin_canary_by_hand

    for warning in command.go_by_rules_in_force():
        click.echo(f"warning: {warning}", err=True)
    canary = begin_canary_by_hand(command.engine, command.rules.rulebook, campaign, _person(why))
    if command.as_json:
        print_json({"campaign": campaign, "canary": str(canary)})
    else:
        click.echo(f"of the next emails of `{campaign}` {canary.size:,} go first, the rest {words(canary.wait)} later")


def _target(command: CommandContext, campaign: str | None, lane: str | None, everything: bool) -> Target:
    from regulars.ledger.switches import Scope, Target
    from regulars.operation.lanes import lane_kinds
    from regulars.operation.pausing import campaign_target, lane_target

    if (campaign is not None) + (lane is not None) + everything != 1:
        raise click.UsageError("name one campaign, or one lane with --lane, or --all")
    if campaign is not None:
        return campaign_target(command.engine, campaign, _in_files(command))
    return Target(Scope.ALL) if lane is None else lane_target(lane_kinds(command.settings), lane)


def _in_files(command: CommandContext) -> list[str]:
    """The campaigns of the rule files; none while those are faulty, which keeps nobody from pausing."""
    try:
        return list(command.rules.rulebook.campaigns)
    except RegularsError:
        return []


def _names(command: CommandContext) -> dict[str, str]:
    from regulars.db.engine import read
    from regulars.ledger.switches import campaign_names

    with read(command.engine) as connection:
        return campaign_names(connection)


def _person(why: str | None) -> Person:
    from regulars.core.operator_name import operator
    from regulars.operation.pausing import Person

    return Person(operator(), why, clock.system())


def _many(number: int) -> str:
    return f"{number:,} email{'' if number == 1 else 's'}"
