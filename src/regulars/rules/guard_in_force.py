"""Which guards and which canary hold for a campaign: its own, else the policy's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from regulars.rules.guard import RATES, Canary, Guard, PolicyGuard
from regulars.rules.model import Campaign, Kind, Policy, Rulebook


def guard_of(campaign: Campaign, policy: Policy) -> Guard:
    """The campaign's guards, each as the campaign says, else as the policy says."""
    shared, own = policy.guard or PolicyGuard(), campaign.guard or Guard()
    merged: dict[str, Any] = {
        key: getattr(shared, key) if getattr(own, key) is None else getattr(own, key) for key in ("volume", *RATES)
    }
    return Guard(**{key: value or None for key, value in merged.items()})


def without_volume_guards(rulebook: Rulebook) -> Rulebook:
    """The rules with no guard of volume: what is to be approved must be seen whole."""
    off = {"volume": None}
    shared = rulebook.policy.guard
    policy = rulebook.policy.model_copy(update={"guard": shared and shared.model_copy(update=off)})
    campaigns = {
        name: one if one.guard is None else one.model_copy(update={"guard": one.guard.model_copy(update=off)})
        for name, one in rulebook.campaigns.items()
    }
    return replace(rulebook, policy=policy, campaigns=campaigns)


def canary_of(campaign: Campaign, policy: Policy) -> Canary | None:
    """The campaign's canary: its own, else the policy's, of which time-bound and transactional emails are exempt."""
    if campaign.canary is not None:
        return campaign.canary or None
    return None if not policy.canary or is_exempt(campaign, policy, policy.canary) else policy.canary


def is_exempt(campaign: Campaign, policy: Policy, canary: Canary) -> bool:
    """Whether waiting would do harm: a service, an email of an hour, or one that would be too late afterwards."""
    bound = campaign.send is not None or any(step.at is not None for step in campaign.all_steps)
    late = campaign.max_lateness(policy) <= canary.wait
    return campaign.kind is Kind.TRANSACTIONAL or bound or late
