"""`explain`: why a client got, or did not get, an email."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import print_json, print_warnings, print_wrapped, table, when
from regulars.db.states import State

if TYPE_CHECKING:
    from regulars.explain.client_facts import Fact
    from regulars.explain.explain import View
    from regulars.insights.goals_reached import GoalReached
    from regulars.triggers.explained import Decided, Row


@click.command("explain")
@click.argument("customer")
@click.argument("campaign", required=False)
@now_option
@json_option
@click.pass_obj
def explain_command(command: CommandContext, customer: str, campaign: str | None, now: str | None) -> None:
    """Explain what CUSTOMER (id or address) got, gets or does not get; for one CAMPAIGN in full detail."""
    from regulars.explain.explain import explain

    warnings = command.go_by_rules_in_force()
    found = explain(command.engine, command.rules, customer, campaign, command.now(now))
    if command.as_json:
        print_json({**found.to_json(), "warnings": warnings})
        return
    print_warnings(warnings)
    click.echo(f"{click.style(found.customer, bold=True)}, {when(found.now, found.zone)} ({found.zone})")
    asked = found.campaigns[0].asked if campaign is not None else None
    table(None, ["fact", "value", "why"], _facts(found.facts, found.zone, asked))
    for view in found.campaigns:
        print_wrapped(f"{click.style(view.campaign, bold=True)}: {view.sentence}")
        if view.variant is not None:
            print_wrapped(view.variant.sentence(found.zone), indent=2)
        _detail(view, found.zone, whole=campaign is not None)


_WITHIN = {
    "spent": "purchases", "first_purchase_at": "purchases", "last_purchase_at": "purchases",
    "next_product_at": "next_product", "sci_band": "sci",
    **{f"{name}_score": "motivation" for name in ("price", "novelty", "belonging", "stability")},
}  # fmt: skip
"""Facts that the sentence of another includes: omitted from the table."""
_ALWAYS = ("consent", "holdout", "suppressed", "came_back", "cap", "quiet_hours", "windows", "timezone")


def _facts(facts: Sequence[Fact], zone: str, asked: Collection[str] | None) -> Iterator[tuple[str, str, str]]:
    """The rows of the table: all, or those used by a campaign's conditions and by all emails."""
    wanted = None if asked is None else {_WITHIN.get(name, name) for name in asked}
    for fact in facts:
        if fact.name not in _WITHIN and (
            wanted is None or fact.name in wanted or fact.name.partition(".")[0] in _ALWAYS
        ):
            yield fact.name, _value(fact.value, zone), fact.why


def _value(value: Any, zone: str) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float() | int():  # cut off, not rounded: 0.897 is below 0.9, and must not look as if it were not
            text = f"{Decimal(repr(value)).quantize(Decimal('0.01'), ROUND_DOWN):f}"
            return text.rstrip("0").rstrip(".")
        case datetime():
            return when(value, zone)
    return str(value)


def _detail(view: View, zone: str, *, whole: bool) -> None:
    for row in view.ledger:
        print_wrapped(f"ledger: {_row(row, zone)}", indent=2)
    for decided in view.decisions:
        print_wrapped(f"decision: {_decision(decided, zone)}", indent=2)
    for one in view.followed:
        print_wrapped(_followed(one, zone), indent=2)
    if not whole:
        return
    for row in view.plan:
        print_wrapped(f"a plan now: {_row(row, zone)}", indent=2)
    for name, clause in view.clauses.items():
        click.echo(f"  {name}:")
        for line in clause.lines():
            print_wrapped(line.lstrip(), indent=4 + len(line) - len(line.lstrip()))


def _decision(row: Decided, zone: str) -> str:
    head = f"{row.step} ({row.occurrence})"
    if row.moved_to is not None:
        return f"{head} moved {f'to {row.moved_to}' if row.moved_to else 'to the end'} by an edit of the rule"
    if row.branch is None or row.at is None:
        return f"{head} waits since {when(row.began_at, zone)}, until {when(row.until_at, zone)}"
    return f"{head} {row.branch}, {when(row.at, zone)}{f' ({row.cause})' if row.cause else ''}"


def _followed(one: GoalReached, zone: str) -> str:
    """An event that followed an email of the campaign; that it followed does not say that the email caused it."""
    value = "" if one.value is None else f", {one.value:,.2f} {one.currency or ''}".rstrip()
    other = "" if one.is_last else " (after a later email of another campaign)"
    what = f"{one.goal.event} {one.event} of {one.client}"
    return f"followed: {what}, {when(one.at, zone)}, after `{one.step}`{value}{other}"


def _row(row: Row, zone: str) -> str:
    words = f"{row.step} ({row.occurrence}) {row.state}"
    if row.reason:
        words += f", {row.reason}"
    if row.detail:
        words += f" ({row.detail})"
    if row.state == State.HELD:
        return f"{words}, until {when(row.next_at, zone)}"
    return f"{words}, {when(row.settled_at or row.due_at, zone)}"
