"""`diff`, `apply`, `rollback`: what a version would change, and putting it into force."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

import click

from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import print_json, print_wrapped, progress_bar
from regulars.cli.version_output import SAMPLES, difference_as_csv, print_difference
from regulars.core import clock
from regulars.core.errors import RegularsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from regulars.operation.applied_versions import Applied, By
    from regulars.operation.compared_version import Compared
    from regulars.operation.workspace_versions import Files
    from regulars.simulation.version_difference import VersionDifference
    from regulars.workspace.folder import Workspace

DIFFERENT = 4
"""The exit code of `diff` for a difference."""
MOST = 1000
"""How many clients a change may reach without a number that was typed in."""
_days = click.option(
    "--days", type=click.IntRange(0, 366), default=1, show_default=True,
    help="How far to look: 1 is today, 0 is this moment.",
)  # fmt: skip
_message = click.option("-m", "--message", metavar="TEXT", help="Why, for the history.")
_approve = click.option("--auto-approve", is_flag=True, help="Do not ask: for CI.")
_most = click.option(
    "--most", type=click.IntRange(min=0), metavar="N", help=f"Refuse to reach more than N clients; default: {MOST}.",
)  # fmt: skip


@click.command("diff")
@click.argument("base", required=False, metavar="[REV|VERSION|DIR]")
@_days
@click.option("--samples", type=click.IntRange(0, 100), default=SAMPLES, show_default=True, help="Clients shown.")
@click.option("--csv", "as_csv", is_flag=True, help="Print everybody concerned as CSV.")
@now_option
@json_option
@click.pass_obj
@click.pass_context
def diff_command(
    ctx: click.Context, command: CommandContext, base: str | None, days: int, samples: int, as_csv: bool,
    now: str | None,
) -> None:  # fmt: skip
    """Show what the files in this folder would change, and who gains or loses an email by it.

    They are compared with what is in force; or with an applied VERSION (its number in `regulars history`), a folder, or
    a git revision of this folder. Nothing is written. Exit code 4 if there is a difference, 0 if there is none.
    """
    from regulars.operation.compared_version import named_version, version_in_force

    with ExitStack() as opened:
        draft, at = command.rules, command.now(now)
        against = (
            version_in_force(command.engine, opened)
            if base is None
            else named_version(command.engine, command.root, base, opened)
        )
        found = _difference(command, against, draft, at, days, quiet=as_csv)
    if command.as_json:
        print_json({"against": against.words, **found.to_json()})
    elif as_csv:
        sys.stdout.writelines(difference_as_csv(found))
    else:
        texts = against.workspace is not None  # compared with nothing, all of it is new
        print_difference(found, against.words, draft.rulebook.company.timezone, samples=samples, texts=texts)
    ctx.exit(DIFFERENT if found.parts else 0)


def _difference(
    command: CommandContext, against: Compared, draft: Workspace, at: datetime, days: int, *, quiet: bool = False
) -> VersionDifference:
    from regulars.simulation.version_difference import difference

    with progress_bar("Comparing", quiet=command.as_json or quiet) as progress:
        return difference(command.engine, against.workspace, draft, at, days, lambda _: progress(0, 0))


@click.command("apply")
@_message
@_approve
@_most
@_days
@json_option
@click.pass_obj
def apply_command(
    command: CommandContext, message: str | None, auto_approve: bool, most: int | None, days: int
) -> None:
    """Put the files in this folder into force, on every machine.

    It checks them, runs their tests, shows what changes for whom, and asks. It refuses where a test fails, or where the
    change reaches more than --most clients; at a keyboard, the number can be typed in. `regulars history` has who
    applied what; `regulars rollback` goes back.
    """
    from regulars.operation.compared_version import read_draft, version_in_force
    from regulars.operation.git_revision import commit_of

    now = clock.system()
    with ExitStack() as opened:
        draft, files = read_draft(command.root)
        against = version_in_force(command.engine, opened)
        if _unchanged(command, files, draft.rulebook.policy.apply):
            _print_nothing(command, against)
            return
        _require_passed_tests(command, draft)
        found = _difference(command, against, draft, now, days)
    _show(command, found, against, draft)
    _approved(command, found, auto_approve, most)
    commit = commit_of(command.root)
    by = _by(message, found, None if commit is None else commit.name, None if commit is None else commit.dirty)
    made = _put_in_force(command, files, draft.rulebook.policy.apply, "apply", by, against)
    _print_made(command, made, found)


def _unchanged(command: CommandContext, files: Files, mode: str) -> bool:
    from regulars.operation.applied_versions import current
    from regulars.operation.workspace_versions import version_digest

    applied = current(command.engine)
    return applied is not None and applied.digest == version_digest(files) and applied.mode == mode


def _require_passed_tests(command: CommandContext, draft: Workspace) -> None:
    """Raises RegularsError with the failures."""
    from regulars.simulation.rule_tests import run_trials

    with progress_bar("Testing", quiet=command.as_json) as progress:
        results = run_trials(draft, None, lambda done, total, _: progress(done, total))
    failed = [result for result in results if not result.passed]
    if failed:
        first = failed[0]
        more = "" if len(failed) == 1 else f" and {len(failed) - 1} more"
        raise RegularsError(
            f"nothing was applied: the test `{first.test.name}`{more} fails: {first.failures[0]};"
            " `regulars test` shows all"
        )


def _approved(command: CommandContext, found: VersionDifference, auto_approve: bool, most: int | None) -> None:
    """Asks, or raises RegularsError where the change reaches too many clients and nobody can be asked."""
    reached, bound = len(found.reached), MOST if most is None else most
    if reached > bound:
        many = f"this change reaches {reached:,} clients, more than {bound:,}"
        if auto_approve or most is not None or command.as_json:
            raise RegularsError(f"nothing was applied: {many}; --most {reached} allows it")
        print_wrapped(f"{many.capitalize()}.")
        typed = click.prompt("Type this number to put it into force", default="", show_default=False)
        if typed.strip().replace(",", "") != str(reached):
            raise RegularsError("nothing was applied: that is another number")
    elif not auto_approve:
        click.confirm("Put this into force?", abort=True, err=command.as_json)


def _by(message: str | None, found: VersionDifference, commit: str | None, dirty: bool | None) -> By:
    from regulars.core.operator_name import operator
    from regulars.operation.applied_versions import By

    shown = {name: len(one.gains) + len(one.other) for name, one in found.campaigns.items()}
    return By(operator(), message, commit, dirty, tuple(found.changed_campaigns), shown, found.until)


def _put_in_force(
    command: CommandContext, files: Mapping[str, bytes], mode: str, how: Literal["apply", "rollback"], by: By,
    against: Compared,
) -> Applied:  # fmt: skip
    from regulars.db.engine import write
    from regulars.operation.applied_versions import put_in_force

    with write(command.engine) as connection:
        return put_in_force(connection, files, mode, how, by, against.number, clock.system())


def _show(command: CommandContext, found: VersionDifference, against: Compared, draft: Workspace) -> None:
    if not command.as_json:
        print_difference(found, against.words, draft.rulebook.company.timezone, samples=SAMPLES, texts=False)
        click.echo("")


def _print_nothing(command: CommandContext, against: Compared) -> None:
    if command.as_json:
        print_json({"applied": None, "in_force": against.number})
    else:
        click.echo(f"Nothing to apply: {against.words}, has these files.")


def _print_made(command: CommandContext, made: Applied, found: VersionDifference) -> None:
    if command.as_json:
        print_json({"applied": made.to_json(), "difference": found.to_json()})
        return
    click.echo(f"Version {made.number} is in force, on every machine, from its next plan and its next chunk of emails.")
    if made.how == "rollback":
        print_wrapped("Saved files come into force no more, until `regulars apply`.", hanging=0)
    elif made.mode == "automatic":
        print_wrapped(
            "Saved files still come into force by themselves: `policy: {apply: manual}` changes that.", hanging=0
        )


@click.command("rollback")
@click.argument("version", required=False)
@_message
@_approve
@_most
@_days
@json_option
@click.pass_obj
def rollback_command(
    command: CommandContext, version: str | None, message: str | None, auto_approve: bool, most: int | None, days: int
) -> None:
    """Put an older VERSION into force again (its number in `regulars history`); default: the one before.

    It shows what that changes, and asks. The files in this folder stay as they are, and come into force no more until
    `regulars apply`, whatever the older version says. Its tests are not run: it was in force before.
    """
    from regulars.db.engine import read
    from regulars.operation import applied_versions
    from regulars.operation.applied_versions import MANUAL
    from regulars.operation.compared_version import named_version, version_in_force

    with ExitStack() as opened:
        against = version_in_force(command.engine, opened)
        with read(command.engine) as connection:
            target = (
                applied_versions.before(connection) if version is None else applied_versions.find(connection, version)
            )
            files = applied_versions.files_in(connection, target)
        older = named_version(command.engine, command.root, f"v{target.number}", opened).workspace
        assert older is not None
        found = _difference(command, against, older, clock.system(), days)
        _show(command, found, against, older)
    _approved(command, found, auto_approve, most)
    by = _by(message or f"back to version {target.number}", found, target.commit, target.dirty)
    made = _put_in_force(command, files, MANUAL, "rollback", by, against)
    _print_made(command, made, found)
