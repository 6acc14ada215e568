"""`plan`: who would get what, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import (
    counts,
    print_json,
    print_warnings,
    print_wrapped,
    progress_bar,
    table,
    table_of_counts,
    when,
)
from regulars.cli.version_output import print_in_flight
from regulars.db.states import Reason

if TYPE_CHECKING:
    from regulars.rules.model import Rulebook
    from regulars.simulation.plan_ahead import Forecast

WORDS = {
    "new": "new", "renamed": "renamed, its history goes with it", "changed": "another trigger",
    "edited": "edited", "removed": "no longer in the files", "back": "back in the files",
}  # fmt: skip


@click.command("plan")
@now_option
@click.option("--days", type=click.IntRange(0, 366), default=0, help="Also what the next DAYS days bring.")
@click.option(
    "--samples", type=click.IntRange(0, 100), default=3, show_default=True, help="Clients shown for each outcome."
)
@json_option
@click.pass_obj
def plan_command(command: CommandContext, now: str | None, days: int, samples: int) -> None:
    """Show who would get what, who would not and why. Nothing is written, nothing is sent.

    This is the same plan that workers make, rolled back at the end. Where a rule is new or changed, it also says
    who gains and who loses an email by it.
    """
    from regulars.simulation.plan_ahead import forecast

    command.go_by_applied_version()
    at = command.now(now)
    with progress_bar("Looking ahead", quiet=command.as_json) as progress:
        found = forecast(command.engine, command.rules, at, days, samples=samples, progress=lambda _: progress(0, 0))
    stopped = [*command.stopped(), *found.stops]
    if command.as_json:
        print_json({**found.to_json(), "warnings": stopped})
        return
    zone = command.rules.rulebook.company.timezone
    click.echo(f"Plan for {when(at, zone)} ({zone}); nothing is written or sent.\n")
    if stopped:
        print_warnings(stopped)
        click.echo("")
    _changes(found)
    _campaigns(found)
    for name, tally in found.campaigns.items():
        if tally.variants and tally.due:
            each = ", ".join(f"{variant or 'without one'} {count:,}" for variant, count in tally.variants.items())
            print_wrapped(f"{name}: variants of those due: {each}", indent=2)
    print_in_flight(found.in_flight)
    _lacking(found, command.rules.rulebook)
    _samples(found, zone)
    _days(found)


def _changes(found: Forecast) -> None:
    for blast in found.changes:
        left = f", {blast.left_alone:,} are past it and left alone" if blast.left_alone else ""
        what = WORDS.get(blast.change.what, blast.change.what)
        print_wrapped(f"{blast.change.campaign}: {what}; {blast.due:,} due now{left}", indent=2)
        for move in blast.change.moves:
            print_wrapped(move.words, indent=4)
    if found.recounted:
        click.echo("  points: another tariff, by which all points are counted anew")
    if found.changes or found.recounted:
        click.echo("")
    if found.difference is not None:
        rows = [
            (
                name, f"{shift.gains:+,}" if shift.gains else "–", ", ".join(shift.gaining),
                f"{-shift.losses:+,}" if shift.losses else "–", ", ".join(shift.losing),
            )
            for name, shift in found.difference.campaigns.items()
        ]  # fmt: skip
        if rows:
            headings = ("campaign", "gain", "for example", "lose", "for example")
            table("Compared with the rules in force", headings, rows, numbers=(1, 3))
        else:
            click.echo("Compared with the rules in force nobody gains or loses an email.\n")


def _campaigns(found: Forecast) -> None:
    rows = [
        (name, f"{tally.due:,}", counts(tally.held), counts(tally.skipped)) for name, tally in found.campaigns.items()
    ]
    table_of_counts(("campaign", "due", "held", "skipped"), rows, numbers=(1,))


def _lacking(found: Forecast, book: Rulebook) -> None:
    """Promises held for lack of coupons, and how to add coupons."""
    for name, tally in found.campaigns.items():
        waiting, campaign = tally.held.get(Reason.NO_COUPON, 0), book.campaigns.get(name)
        if waiting and campaign is not None and campaign.offer is not None:
            offer = campaign.offer.coupon
            more = (
                f"its stock is {offer.stock:,}" if offer.pool is None else f"the pool `{offer.pool}` has too few codes"
            )
            hint = f": `regulars import coupons FILE --pool {offer.pool}`" if offer.pool else ""
            print_wrapped(f"Warning: {waiting:,} of `{name}` must wait for a coupon; {more}{hint}")


def _samples(found: Forecast, zone: str) -> None:
    rows = []
    for name, samples in found.samples.items():
        for sample in samples:
            why = sample.reason or ""
            if sample.detail:
                why += f" ({sample.detail})"
            if sample.next_at is not None:
                why += f", until {when(sample.next_at, zone)}"
            which = name if sample.step == name else f"{name}: {sample.step}"
            client = f"{sample.customer} {sample.name or ''}".rstrip()
            rows.append((which, client, sample.email or "–", sample.outcome, why))
    if rows:
        table("For example", ("campaign", "client", "address", "outcome", "why"), rows)


def _days(found: Forecast) -> None:
    rows = [
        (
            str(day.day), name, f"{day.sent.get(name, 0):,}", counts(dict(day.held.get(name, {}))),
            counts(dict(day.skipped.get(name, {}))),
        )
        for day in found.days
        for name in sorted({*day.sent, *day.held, *day.skipped})
    ]  # fmt: skip
    if rows:
        table("The days ahead", ("day", "campaign", "sent", "held", "skipped"), rows, numbers=(2,))
