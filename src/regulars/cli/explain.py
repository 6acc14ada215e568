"""`explain`: why a client got, or did not get, an email."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from regulars.cli.door import Door, json_option, now_option
from regulars.cli.output import emit, say, when

if TYPE_CHECKING:
    from regulars.rehearsal import Explanation, Row, View


@click.command("explain")
@click.argument("customer")
@click.argument("campaign", required=False)
@now_option
@json_option
@click.pass_obj
def explain_command(door: Door, customer: str, campaign: str | None, now: str | None) -> None:
    """Say what CUSTOMER (id or address) got, gets or does not get, and why; of one CAMPAIGN in full detail."""
    from regulars.rehearsal import explain

    found = explain(door.engine, door.rules, customer, campaign, door.now(now))
    if door.as_json:
        emit(found.to_json())
        return
    _facts(found)
    for view in found.campaigns:
        click.echo("")
        say(f"{click.style(view.campaign, bold=True)}: {view.sentence}")
        _detail(view, found.zone, whole=campaign is not None)


def _facts(found: Explanation) -> None:
    click.echo(f"{click.style(found.customer, bold=True)}, {when(found.now, found.zone)} ({found.zone})")
    for fact in found.facts:
        say(fact.sentence, indent=2)


def _detail(view: View, zone: str, *, whole: bool) -> None:
    for row in view.ledger:
        say(f"ledger: {_row(row, zone)}", indent=2)
    if not whole:
        return
    for row in view.plan:
        say(f"a plan now: {_row(row, zone)}", indent=2)
    for name, clause in view.clauses.items():
        click.echo(f"  {name}:")
        for line in clause.lines():
            say(line.lstrip(), indent=4 + len(line) - len(line.lstrip()))


def _row(row: Row, zone: str) -> str:
    words = f"{row.step} ({row.occurrence}) {row.state}"
    if row.reason:
        words += f", {row.reason}"
    if row.detail:
        words += f" ({row.detail})"
    if row.state == "held":
        return f"{words}, until {when(row.next_at, zone)}"
    return f"{words}, {when(row.settled_at or row.due_at, zone)}"
