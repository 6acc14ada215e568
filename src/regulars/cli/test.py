"""`test`: the tests of the rule files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import print_json, print_wrapped, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.simulation.rule_tests import TrialResult


@click.command("test")
@click.argument("names", nargs=-1)
@click.option("-v", "--verbose", is_flag=True, help="Name the tests that pass, too.")
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write the results there, as JUnit XML."
)
@click.option("--watch", is_flag=True, help="Run them again whenever a file is saved, until Ctrl-C.")
@json_option
@click.pass_obj
@click.pass_context
def test_command(
    ctx: click.Context, command: CommandContext, names: tuple[str, ...], verbose: bool, junit: Path | None, watch: bool
) -> None:  # fmt: skip
    """Run the tests of the rule files, or those that match NAMES (patterns with *), on a simulated clock.

    Each runs a client's history through the real planner and the real emails, in a separate database.
    Exit code 1 when a test fails.
    """
    if watch:
        _watch(command, names, verbose=verbose)
        return
    begun = time.monotonic()
    results = _run(command, names)
    failed = sum(not one.passed for one in results)
    if junit is not None:
        junit.write_bytes(_junit(results, time.monotonic() - begun))
    if command.as_json:
        tests = [{"name": r.test.name, "passed": r.passed, "failures": list(r.failures)} for r in results]
        print_json({"passed": len(results) - failed, "failed": failed, "tests": tests})
    else:
        _print(results, verbose=verbose)
    ctx.exit(1 if failed else 0)


def _run(command: CommandContext, names: tuple[str, ...]) -> Sequence[TrialResult]:
    from regulars.simulation.rule_tests import run_trials

    with progress_bar("Testing", quiet=command.as_json) as progress:
        return run_trials(command.rules, names or None, lambda done, total, _: progress(done, total))


def _print(results: Sequence[TrialResult], *, verbose: bool) -> None:
    for result in results:
        if not result.passed or verbose:
            click.echo(f"{'passed' if result.passed else 'FAILED'}  {result.test.name}")
        for failure in result.failures:
            print_wrapped(failure, indent=8, hanging=0)
    failed = sum(not one.passed for one in results)
    click.echo(f"{len(results) - failed} passed, {failed} failed")


def _watch(command: CommandContext, names: tuple[str, ...], *, verbose: bool) -> None:
    """Again after each change of a file; faults of the files are printed and waited out."""
    from regulars.cli.error_output import print_error
    from regulars.core.errors import RegularsError
    from regulars.preview.live_files import EVERY, signature
    from regulars.workspace.folder import open_workspace

    seen = None
    while True:
        found = signature(command.root)
        if found == seen:
            time.sleep(EVERY)
            continue
        seen = found
        click.echo(f"\n{time.strftime('%H:%M:%S')}")
        try:
            command.rules = open_workspace(command.root)
            _print(_run(command, names), verbose=verbose)
        except RegularsError as error:
            print_error(error, as_json=False)


def _junit(results: Sequence[TrialResult], seconds: float) -> bytes:
    """A test suite in the form that continuous integration reads; characters that XML forbids are left out."""
    from xml.etree.ElementTree import Element, SubElement, tostring

    failed = sum(not one.passed for one in results)
    counts = {"name": "regulars", "tests": str(len(results)), "failures": str(failed), "time": f"{seconds:.3f}"}
    top = Element("testsuites")
    suite = SubElement(top, "testsuite", counts)
    for one in results:
        case = SubElement(suite, "testcase", {"classname": "regulars", "name": _plain(one.test.name)})
        if one.failures:
            words = _plain("\n".join(one.failures))
            SubElement(case, "failure", {"message": words.partition("\n")[0]}).text = words
    written: bytes = tostring(top, encoding="utf-8", xml_declaration=True)
    return written


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter in "\n\t" or letter >= " ")
