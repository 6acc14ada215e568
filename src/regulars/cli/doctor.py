"""`doctor`: everything that mail needs, looked at once."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, close_with_command, json_option
from regulars.cli.output import print_json, print_wrapped
from regulars.core import clock
from regulars.core.errors import EnvironmentFailed, Invalid, RegularsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from regulars.operation.doctor import Finding
    from regulars.rules.delivery_rules import Delivery

_BROKER_TIMEOUT = 30.0
"""Seconds."""


@click.command("doctor")
@click.option("--dns", "dns", is_flag=True, help="Also look up SPF, DKIM, DMARC and the return path of the sender.")
@click.option("--resolver", metavar="HOST[:PORT]", help="The name server for --dns; default: this machine's.")
@json_option
@click.pass_obj
def doctor_command(command: CommandContext, dns: bool, resolver: str | None) -> None:
    """Look at everything that mail needs, and say what to do. Sends nothing.

    Secrets, disk, database, rules, broker, scheduler, workers, clocks, mail servers, the address of links. Exit code 3
    if there is a fault, which stops mail or a right of clients; 0 with warnings only.
    """
    from regulars.operation.doctor import Verdict

    found = []
    for finding in _findings(command, dns, resolver):
        found.append(finding)
        if not command.as_json:
            _print(finding)
    faults = sum(one.verdict is Verdict.FAULT for one in found)
    if command.as_json:
        print_json({"faults": faults, "findings": [asdict(one) for one in found]})
    else:
        warnings = sum(one.verdict is Verdict.WARNING for one in found)
        click.echo(f"{faults} fault{'' if faults == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}")
    if faults:
        raise SystemExit(EnvironmentFailed.exit_code)


def _print(finding: Finding) -> None:
    print_wrapped(f"{finding.verdict:<8} {finding.check}: {finding.words}", hanging=9)
    if finding.advice:
        print_wrapped(finding.advice, indent=9, hanging=0)


def _findings(command: CommandContext, dns: bool, resolver: str | None) -> Iterator[Finding]:
    from regulars.db.engine import open_engine
    from regulars.operation.doctor import Verdict, examine

    engine = open_engine(command.settings.database_url)  # not upgraded: the doctor looks and changes nothing
    close_with_command(engine)
    has_database = True
    for finding in examine(command.settings, engine, clock.system, _delivery(command)):
        has_database = has_database and not (finding.check == "database" and finding.verdict is Verdict.FAULT)
        yield finding
    if has_database:  # the version in force is in it
        yield _rules(command, engine)
    yield _broker(command)
    if dns:
        from regulars.operation.lanes import signing_key
        from regulars.operation.sender_dns import examine_sender

        try:
            company = command.rules.rulebook.company
        except Invalid:
            return  # `rules` has told so
        yield from examine_sender(company, signing_key(command.settings), resolver)


def _delivery(command: CommandContext) -> Delivery:
    """The mail servers that the rule files name; none while those are faulty."""
    from regulars.operation.lanes import FROM_ENVIRONMENT

    try:
        return command.rules.rulebook.delivery
    except RegularsError:
        return FROM_ENVIRONMENT


def _rules(command: CommandContext, engine: Engine) -> Finding:
    from regulars.operation import doctor
    from regulars.operation.last_sound_rules import RulesInForce

    in_force = RulesInForce(command.root, engine)
    click.get_current_context().find_root().call_on_close(in_force.close)
    try:
        rules = in_force.current()
    except Invalid as error:
        return doctor.fault(
            "rules", f"{len(error.diagnostics)} mistakes, and no valid version is known", "`regulars check` shows all"
        )
    except RegularsError as error:
        return doctor.fault("rules", str(error), "")
    if in_force.fault is not None:
        return doctor.fault("rules", str(in_force.fault), "")
    return doctor.ok("rules", f"{len(rules.rulebook.campaigns)} campaigns, valid")


def _broker(command: CommandContext) -> Finding:
    from regulars.core import broker_url
    from regulars.operation import doctor

    try:
        broker_url.require_usable(command.settings.broker_url)
    except RegularsError as error:
        return doctor.fault("broker", str(error), "")
    check = [sys.executable, "-m", "regulars.workers.broker_check"]
    environment = {**os.environ, "REGULARS_WORKSPACE": str(command.root)}
    try:
        done = subprocess.run(  # noqa: S603 - this Python, with a module of ours
            check, env=environment, capture_output=True, text=True, timeout=_BROKER_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return doctor.fault(
            "broker", f"does not answer within {_BROKER_TIMEOUT:.0f} s", "start it: without it no worker wakes"
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return doctor.fault(
            "broker", lines[-1] if lines else "does not answer", "start it, or correct REGULARS_BROKER_URL"
        )
    return doctor.ok("broker", "answers")
