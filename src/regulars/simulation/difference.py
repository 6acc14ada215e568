"""Who gains and who loses an email when the rules are changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from regulars.context.plan_context import Ruleset
from regulars.simulation.ledger_queries import Email, names_of_keys


@dataclass(frozen=True, slots=True)
class Shift:
    """One campaign: how many emails are gained and lost, and by whom (some external ids)."""

    gains: int
    losses: int
    gaining: Sequence[str]
    losing: Sequence[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """By campaign name; a campaign for which nothing changes is not in it."""

    campaigns: Mapping[str, Shift]

    @classmethod
    def of(
        cls, connection: Connection, before: Sequence[Email], after: Sequence[Email], rules: Ruleset, count: int
    ) -> Difference:
        """Compares two runs of the same time; a client is counted once for every email more or fewer."""
        names = names_of_keys(connection, rules.rulebook)
        old, new = _tally(before, names), _tally(after, names)
        shifts: dict[str, Shift] = {}
        for name in sorted({campaign for campaign, _, _ in old | new}):
            gains, losses = _of(new - old, name), _of(old - new, name)
            if gains or losses:
                shifts[name] = Shift(
                    gains.total(), losses.total(), sorted(gains)[:count], sorted(losses)[:count]
                )  # fmt: skip
        return cls(shifts)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            name: {"gains": s.gains, "losses": s.losses, "gaining": list(s.gaining), "losing": list(s.losing)}
            for name, s in self.campaigns.items()
        }


def _tally(emails: Sequence[Email], names: Mapping[str, str]) -> Counter[tuple[str, str, str]]:
    return Counter((names.get(e.campaign, e.campaign), e.step, e.customer) for e in emails)


def _of(emails: Counter[tuple[str, str, str]], name: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for (campaign, _, customer), count in emails.items():
        if campaign == name:
            found[customer] += count
    return found
