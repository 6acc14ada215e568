"""Checks of the policy's windows: that they leave time, and that every email fits inside its lateness."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from regulars.core.clock import words
from regulars.core.diagnostics import Severity
from regulars.core.working import WEEKDAYS
from regulars.rules.model import Campaign, Policy
from regulars.rules.send_windows import SendTimes, week_of
from regulars.rules.validation_messages import ValidationMessages

_DAY = 24 * 60


class _Closed(NamedTuple):
    """A time of the week, in minutes from Monday 00:00, and how many minutes later emails may go."""

    minute: int
    wait: int


def check(messages: ValidationMessages, policy: Policy | None, campaigns: Mapping[str, Campaign]) -> None:
    """Adds what is wrong with the windows, and warns of campaigns whose emails they would drop."""
    if policy is None or policy.windows is None:
        return
    place = ("policy", "windows")
    try:
        times = SendTimes(week_of(policy.windows), policy.quiet_hours) if policy.windows else None
    except ValueError as error:
        messages.add("R063", str(error), place, key=True, hint="give each day its hours once")
        return
    if times is None or not times.ever():
        message = "the windows and quiet hours leave no minute of the week" if times else "no day has a window"
        messages.add("R063", f"{message}, so no marketing email ever goes", place, key=True)
        return
    closed = times.closed_minutes()
    for name, campaign in campaigns.items():
        if campaign.obeys_quiet_hours:
            _check_campaign(messages, policy, closed, name, campaign)


def _check_campaign(
    messages: ValidationMessages, policy: Policy, closed: Mapping[int, int], name: str, campaign: Campaign
) -> None:
    late = campaign.max_lateness(policy)
    found = _first_dropped(closed, _due_minutes(policy, campaign), late)
    if found is None:
        return
    day, at = divmod(found.minute, _DAY)
    due = f"{WEEKDAYS[day]} {at // 60:02}:{at % 60:02}"
    key = "send" if campaign.send else "late" if campaign.late is not None else None
    messages.add(
        "R122", f"an email that is due on {due} never goes: the next window opens {_wait(found.wait)} later, and it may"
        f" be {words(late)} late", ("campaigns", name, key) if key else ("campaigns", name), key=True,
        severity=Severity.WARNING, hint="give it more time by `late`, send it at another time, or widen `windows`",
    )  # fmt: skip


def _first_dropped(closed: Mapping[int, int], due: list[int] | None, late: timedelta) -> _Closed | None:
    """The first due time whose wait is longer than the lateness; of all times of the week where `due` is None."""
    most = late // timedelta(minutes=1)
    minutes = sorted(closed) if due is None else due
    return next((_Closed(each, closed[each]) for each in minutes if closed.get(each, 0) > most), None)


def _due_minutes(policy: Policy, campaign: Campaign) -> list[int] | None:
    """When in the week the first email can be due; None for any time."""
    if campaign.at and not campaign.following:
        return sorted({at.weekday() * _DAY + at.hour * 60 + at.minute for at in campaign.at})
    if campaign.every is not None and not campaign.following:
        return [day * _DAY + policy.send_at.hour * 60 + policy.send_at.minute for day in range(7)]
    return None


def _wait(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return (
        f"{hours} hours" if hours > 1 and not rest else f"{minutes} minutes" if hours < 2 else f"{hours} h {rest} min"
    )
