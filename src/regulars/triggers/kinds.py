"""The kinds of trigger, and the kind of a campaign."""

from __future__ import annotations

from typing import assert_never

from regulars.rules.model import Campaign, TriggerKind
from regulars.triggers.base import Trigger
from regulars.triggers.calendar_day import CalendarDayTrigger
from regulars.triggers.date import DateTrigger
from regulars.triggers.event import EventTrigger
from regulars.triggers.fixed_time import FixedTimeTrigger
from regulars.triggers.product import ProductTrigger
from regulars.triggers.state import StateTrigger
from regulars.triggers.value import ValueTrigger


def trigger_of(campaign: Campaign) -> Trigger:
    """The campaign's trigger."""
    match campaign.trigger_kind:
        case TriggerKind.EVENT:
            return EventTrigger(campaign)
        case TriggerKind.STATE:
            return StateTrigger(campaign)
        case TriggerKind.VALUE:
            return ValueTrigger(campaign)
        case TriggerKind.PRODUCT:
            return ProductTrigger(campaign)
        case TriggerKind.DATE:
            return DateTrigger(campaign)
        case TriggerKind.CALENDAR_DAY:
            return CalendarDayTrigger(campaign)
        case TriggerKind.FIXED_TIME:
            return FixedTimeTrigger(campaign)
        case kind:
            assert_never(kind)
