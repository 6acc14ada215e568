"""The guards and the canary of a campaign in plain sentences."""

from __future__ import annotations

from regulars.core.clock import words
from regulars.rules.guard_in_force import canary_of, guard_of
from regulars.rules.model import Campaign, Policy

_RATES = {
    "bounces": "come back", "complaints": "are reported as spam", "failures": "are refused by the server",
    "render_errors": "cannot be rendered",
}  # fmt: skip


def stopping_sentences(campaign: Campaign, policy: Policy) -> list[str]:
    """When it stops by itself, and how many go first; nothing where neither is asked for."""
    found = []
    guard, canary = guard_of(campaign, policy), canary_of(campaign, policy)
    reasons = []
    if guard.volume:
        reasons.append(f"more than {guard.volume.factor:g} times as many as usual become due on a day")
    for name, verb in _RATES.items():
        rate = getattr(guard, name)
        if rate:
            reasons.append(f"more than {rate.share / 100:g} % of the last {rate.count:,} {verb}")
    if reasons:
        found.append(f"it stops by itself if {', or '.join(reasons)}")
    if canary is not None:
        found.append(f"after a change {canary.size:,} go first, and the rest {words(canary.wait)} later")
    return found
