"""`forecast`: emails by hour for the coming days, against the rates of lanes."""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import counts, print_json, print_wrapped, progress_bar, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.simulation.replay.coming_hours import Hour, HourlyForecast, LaneHours, LaneRate

_BLOCKS = " ▁▂▃▄▅▆▇█"


@click.command("forecast")
@click.option("--days", type=click.IntRange(1, 60), default=7, show_default=True, help="How far to look; 1 is today.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every hour of every lane as CSV.")
@now_option
@json_option
@click.pass_obj
def forecast_command(command: CommandContext, days: int, as_csv: bool, now: str | None) -> None:
    """Show the emails of the coming days by hour, what the rates let go, and what will not fit.

    It goes by the rules in force, as if nothing happened and every email were accepted. Nothing is written.
    """
    from regulars.simulation.plan_ahead import last_instant
    from regulars.simulation.replay.coming_hours import forecast_hours

    command.go_by_applied_version()
    rules, engine, at = command.rules, command.engine, command.now(now)
    until = last_instant(rules, at, days)
    with progress_bar("Looking ahead", quiet=command.as_json or as_csv) as progress:
        total = round((until - at).total_seconds())
        found = forecast_hours(
            engine, rules, _lanes(command), at, until,
            lambda moment: progress(round((moment - at).total_seconds()), total),
        )  # fmt: skip
    if command.as_json:
        print_json(found.to_json())
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(("lane", "hour", "due", "sent", "waiting", "too_late"))
        writer.writerows(
            (one.lane.name, hour.at.isoformat(), hour.due, hour.sent, hour.waiting, hour.too_late)
            for one in found.lanes
            for hour in one.hours
        )
    else:
        _print(found, rules.rulebook.company.timezone, limited=bool(rules.rulebook.delivery.limits))


def _lanes(command: CommandContext) -> list[LaneRate]:
    """What the lanes of this process can send."""
    from regulars.operation.lanes import open_lanes
    from regulars.simulation.replay.coming_hours import LaneRate

    found = []
    for lane in open_lanes(command.settings, command.rules.rulebook.delivery):
        names = [member.name for member in lane.pool.members] if lane.pool is not None else []
        unlimited = lane.pool is None or any(name not in lane.limits for name in names)
        found.append(LaneRate(lane.name, lane.kinds, lane.transport.rate, dict(lane.limits), unlimited))
    return found


def _print(found: HourlyForecast, zone: str, *, limited: bool) -> None:
    click.secho(f"Emails until {when(found.until, zone)} ({zone}), by hour", bold=True)
    most = max((hour.sent for one in found.lanes for hour in one.hours), default=0)
    for one in found.lanes:
        click.echo("")
        print_wrapped(f"{_title(one)}; a full block is {most:,} emails in an hour")
        click.echo(f"{'':10}{'0':12}{'6':12}{'12':12}{'18':12}{'sent':>7}{'waiting':>9}{'late':>6}")
        for day, hours in _days(one, zone):
            sent, late = sum(hour.sent for hour in hours.values()), sum(hour.too_late for hour in hours.values())
            waiting = hours[max(hours)].waiting
            cells = "".join(_cell(hours.get(number), most) * 2 for number in range(24))
            click.echo(f"{day:10}{cells}{sent:>7,}{waiting:>9,}{late:>6,}")
        print_wrapped(_queue(one, zone))
    click.echo("")
    if found.held:
        print_wrapped(f"Held at the end: {counts(found.held)}.")
    if found.skipped:
        print_wrapped(f"Skipped until then: {counts(found.skipped)}.")
    for alarm in found.alarms:
        print_wrapped(f"warning: on {when(alarm.at, zone)} a guard will stop {alarm.campaign}: {alarm.why}")
    if limited:
        print_wrapped("Limits by receiving domain (`delivery: limits`) are not counted.")


def _title(one: LaneHours) -> str:
    lane = one.lane
    if lane.per_second is not None:
        return f"Lane {lane.name}, at most {lane.per_second * 3600:,.0f} emails an hour"
    limits = "no limit" if lane.unlimited else f"servers with limits: {', '.join(sorted(lane.servers))}"
    return f"Lane {lane.name}, {limits}"


def _queue(one: LaneHours, zone: str) -> str:
    last = one.hours[-1]
    late = (
        f" {one.too_late:,} emails come too late and are skipped: raise the rate, or spread them."
        if one.too_late
        else ""
    )
    if one.empty_at is None:
        return f"The queue does not become empty: {last.waiting:,} emails wait at the end.{late}"
    if one.empty_at == one.hours[0].at:
        return f"No email has to wait for the next hour.{late}"
    return f"The queue is empty at {when(one.empty_at, zone)}.{late}"


def _days(one: LaneHours, zone: str) -> Iterator[tuple[str, dict[int, Hour]]]:
    """The hours of each local day by their local number; of an hour that the clock repeats, the later one."""
    from regulars.core.calendar import zone as zone_of

    found: dict[str, dict[int, Hour]] = {}
    for hour in one.hours:
        local: datetime = hour.at.astimezone(zone_of(zone))
        found.setdefault(f"{local:%a %-d %b}", {})[local.hour] = hour
    yield from found.items()


def _cell(hour: Hour | None, most: int) -> str:
    if hour is None:
        return " "
    return _BLOCKS[-(-hour.sent * (len(_BLOCKS) - 1) // most)] if most and hour.sent else "·"
