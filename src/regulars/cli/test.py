"""`test`: the tests of the rule files."""

from __future__ import annotations

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import print_json, print_wrapped, progress_bar


@click.command("test")
@click.argument("names", nargs=-1)
@click.option("-v", "--verbose", is_flag=True, help="Name the tests that pass, too.")
@json_option
@click.pass_obj
@click.pass_context
def test_command(ctx: click.Context, command: CommandContext, names: tuple[str, ...], verbose: bool) -> None:
    """Run the tests of the rule files, or those that match NAMES (patterns with *), on a simulated clock.

    Each runs a client's history through the real planner and the real emails, in a separate database.
    Exit code 1 when a test fails.
    """
    from regulars.simulation.rule_tests import run_trials

    with progress_bar("Testing", quiet=command.as_json) as progress:
        results = run_trials(command.rules, names or None, lambda done, total, _: progress(done, total))
    failed = [r for r in results if not r.passed]
    if command.as_json:
        print_json(
            {
                "passed": len(results) - len(failed),
                "failed": len(failed),
                "tests": [{"name": r.test.name, "passed": r.passed, "failures": list(r.failures)} for r in results],
            }
        )
        ctx.exit(1 if failed else 0)
    for result in results:
        if not result.passed or verbose:
            click.echo(f"{'passed' if result.passed else 'FAILED'}  {result.test.name}")
        for failure in result.failures:
            print_wrapped(failure, indent=8, hanging=0)
    click.echo(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    ctx.exit(1 if failed else 0)
