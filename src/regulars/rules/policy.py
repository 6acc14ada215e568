"""The policy: limits that protect clients, and when emails stop by themselves."""

from __future__ import annotations

from datetime import time, timedelta
from functools import cached_property
from typing import Literal

from pydantic import Field

from regulars.core.calendar import LeapDay
from regulars.rules.bounce_rules import SoftBounces
from regulars.rules.goal_rules import Attribution, AttributionPhrase
from regulars.rules.guard import CanaryPhrase, PolicyGuard
from regulars.rules.phrase_types import Cap, Clock, Daily, Duration, Part, SoftBounceLimit
from regulars.rules.policy_holdout import GlobalHoldout
from regulars.rules.send_windows import SendTimes, Windows, week_of
from regulars.rules.tracking import Tracking


class Policy(Part):
    """Limits that protect clients, for all campaigns."""

    quiet_hours: Daily | None = Field(
        default=None, description="When no marketing email is sent, in the client's time zone; can cross midnight"
    )
    windows: Windows | None = Field(
        default=None,
        description="The hours of each weekday in which marketing emails go, in the client's zone; on no other day",
    )
    cap: Cap | None = Field(default=None, description="Frequency cap: the maximum of marketing emails to one client")
    late: Duration = Field(default=timedelta(days=2), description="An email this much overdue is skipped")
    send_at: Clock = Field(default=time(10, 0), description="Time of emails of `every`, in the client's time zone")
    leap_day: LeapDay = Field(default=LeapDay.FEB_28, description="The day of 29 February in other years")
    consent: Literal["opt-out", "opt-in"] = Field(
        default="opt-out", description="Who gets marketing: all who did not opt out, or only those who opted in"
    )
    identity: Literal["id", "address"] = Field(
        default="id",
        description="Who is one client: every id is one, or an import joins ids of one address where nothing speaks"
        " against it",
    )
    uncertain: Literal["keep", "resend"] = Field(
        default="keep", description="What to do with emails that a crash left uncertain"
    )
    soft_bounces: SoftBounceLimit = Field(
        default=SoftBounces(),
        description="How many of the last emails to an address may come back for a passing cause; `never`: any number",
    )
    apply: Literal["automatic", "manual"] = Field(
        default="automatic",
        description="How saved files come into force: by themselves, or by `regulars apply`",
    )
    tracking: Tracking = Field(default=Tracking(), description="What is measured in marketing emails")
    attribution: AttributionPhrase = Field(
        default=Attribution(),
        description="Which emails a goal counts for: the `last email` before it, or `any` campaign's; the time is that"
        " for a purchase after campaigns without a `goal`",
    )
    links: Duration = Field(
        default=timedelta(days=400), description="How long links in emails work; unsubscribe and preferences always do"
    )
    holdout: GlobalHoldout | None = Field(
        default=None,
        description="The share of all mailboxes that get no marketing at all, to measure all campaigns together:"
        " `5%`, or with a goal of its own",
    )
    guard: PolicyGuard | None = Field(default=None, description="When a campaign or a lane stops by itself")
    canary: CanaryPhrase | None = Field(
        default=None,
        description="How many emails of a new or changed campaign go first, and how long the rest waits",
    )

    @cached_property
    def send_times(self) -> SendTimes | None:
        """When marketing emails may go, by quiet hours and windows; None for any time."""
        if self.quiet_hours is None and not self.windows:
            return None
        return SendTimes(week_of(self.windows) if self.windows else None, self.quiet_hours)
