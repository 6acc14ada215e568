"""What the variants of a campaign bring: how many clients of each reached the goal, and how sure the differences are.

Clients are counted as in `lift`: by intention to treat, from their draw, once the goal's time is over. Every variant is
compared with the control group, where there is one, and with the first variant. The intervals are always valid, and
with m comparisons each has the level 1 - 0.05 / m, so that with 95 % all of them hold at every look:

O. J. Dunn, Multiple comparisons among means, JASA 56 (1961), 52-64 (after Bonferroni).
R. Fabijan and others, Diagnosing sample ratio mismatch in online controlled experiments, KDD 2019: groups whose sizes
are not those of the shares have lost clients for a reason that is none of chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any

from sqlalchemy import Connection, func, select

from regulars.db.tables import campaigns, rule_versions
from regulars.db.types import to_micros
from regulars.insights.intervals import ERROR, Interval, always_valid_difference
from regulars.insights.lift import FEWEST, Comparison, Group, counted_groups, drawn_clients
from regulars.ledger.assignments import Arm
from regulars.rules.model import Campaign, Rulebook

_SUSPICIOUS = 4.0
"""Standard errors beyond which the sizes of groups are no chance, however often one looks."""


@dataclass(frozen=True, slots=True)
class VariantGroup:
    """`drawn` are all clients of a group, `counted` those whose time for the goal is over.

    `share` is that of the rule, in parts of ten thousand; None for a group that the rule does not have any more.
    """

    name: str
    drawn: int
    counted: Group
    share: int | None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        share = None if self.share is None else self.share / 10_000
        return {"name": self.name, "drawn": self.drawn, "share": share, **self.counted.to_json()}


@dataclass(frozen=True, slots=True)
class VariantComparison:
    """A variant compared with another group; the interval holds for all comparisons of the campaign together."""

    name: str
    against: str
    compared: Comparison
    interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        interval = None if self.interval is None else [self.interval.low, self.interval.high]
        return {
            "variant": self.name, "against": self.against, "gain": self.compared.gain, "interval": interval,
            "early": self.compared.too_small,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class VariantResults:
    """All groups of a campaign, those of the rule first. `goal` is None for a campaign without one."""

    goal: str | None
    groups: Sequence[VariantGroup]
    comparisons: Sequence[VariantComparison] = ()
    warnings: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "goal": self.goal, "groups": [group.to_json() for group in self.groups],
            "comparisons": [one.to_json() for one in self.comparisons],
            "interval_kind": "always-valid, for all comparisons together", "warnings": list(self.warnings),
        }  # fmt: skip


def variant_results(
    connection: Connection, rulebook: Rulebook, key: str, campaign: Campaign, now: datetime, *,
    since: datetime | None = None, until: datetime | None = None,
) -> VariantResults:  # fmt: skip
    """The results of the campaign with this key, of the clients who were drawn in [since, until)."""
    drawn = drawn_clients(key, since, until)
    whole = drawn.subquery("everybody")
    rows = connection.execute(select(whole.c.arm, func.count()).group_by(whole.c.arm))
    sizes = {str(arm): int(number) for arm, number in rows}
    goal = campaign.goal
    counted: Mapping[str, Group] = {}
    if goal is not None:
        over = drawn.where(drawn.selected_columns.start <= to_micros(now - goal.within))
        counted = counted_groups(connection, rulebook, goal, over)
    shares = _shares(campaign)
    groups = [
        VariantGroup(name, sizes.get(name, 0), counted.get(name, Group(0, 0)), shares.get(name))
        for name in [*shares, *sorted(sizes.keys() - shares.keys())]
    ]
    comparisons = [] if goal is None else _compared([one for one in groups if one.share is not None])
    warnings = _warnings(connection, key, campaign, groups, comparisons, since)
    return VariantResults(None if goal is None else str(goal), groups, comparisons, tuple(warnings))


def _shares(campaign: Campaign) -> dict[str, int]:
    """The share of all drawn clients by group, the control group last."""
    held_out = campaign.holdout.share
    found = {name: share * (10_000 - held_out) // 10_000 for name, share in campaign.variant_shares.items()}
    return {**found, Arm.CONTROL: held_out} if held_out else found


def _compared(groups: Sequence[VariantGroup]) -> list[VariantComparison]:
    """Each variant with the control group, and each other than the first with the first."""
    variants = [one for one in groups if one.name != Arm.CONTROL]
    control = [one for one in groups if one.name == Arm.CONTROL]
    pairs = [(one, variants[0]) for one in variants[1:]] + [(one, other) for one in variants for other in control]
    found = []
    for one, other in pairs:
        compared = Comparison(one.counted, other.counted)
        interval = None
        if compared.gain is not None:
            counts = (one.counted.reached, one.counted.clients, other.counted.reached, other.counted.clients)
            interval = always_valid_difference(*counts, error=ERROR / len(pairs))
        found.append(VariantComparison(one.name, other.name, compared, interval))
    return found


def _warnings(
    connection: Connection, key: str, campaign: Campaign, groups: Sequence[VariantGroup],
    comparisons: Sequence[VariantComparison], since: datetime | None,
) -> Iterator[str]:  # fmt: skip
    if any(one.compared.clients and one.compared.too_small for one in comparisons):
        yield f"too early to look: fewer than {FEWEST} of a group are to be expected to reach the goal, or not to"
    changed = _changed_at(connection, key, campaign)
    if changed is not None and (since is None or since < changed):
        yield (
            f"variants or shares were changed on {changed:%Y-%m-%d}: clients drawn before and after it are mixed;"
            f" `--since {changed:%Y-%m-%dT%H:%M}Z` compares those who were drawn after it"
        )
    elif _suspicious([one for one in groups if one.share is not None]):
        yield (
            "the groups do not have the sizes that their shares give, which is no chance: something keeps clients from"
            " one of them, such as a stock of coupons that is used up; the comparison is not to be relied upon"
        )
    gone = [one for one in groups if one.share is None]
    if gone:
        each = ", ".join(f"{one.drawn:,} in `{one.name}`" for one in gone)
        yield f"compared with nobody, because the rule has no such variant: {each}; they get the campaign without one"


def _changed_at(connection: Connection, key: str, campaign: Campaign) -> datetime | None:
    """When the variants or their shares were last other ones; None for a rule that always had these."""
    names = {key, campaign.name, *connection.scalars(select(campaigns.c.name).where(campaigns.c.key == key))}
    versions = connection.execute(
        select(rule_versions.c.source, rule_versions.c.seen_at)
        .where(rule_versions.c.campaign.in_(sorted(names)))
        .order_by(rule_versions.c.seen_at)
    )
    last, changed = None, None
    for row in versions:
        given = [(one.get("name"), one.get("share")) for one in row.source.get("variants") or ()]
        stated = [*given, ("control", row.source.get("holdout"))] if given else None
        if last is not None and stated is not None and stated != last:
            changed = row.seen_at
        last = stated or last
    return changed


def _suspicious(groups: Sequence[VariantGroup]) -> bool:
    """Whether the sizes of the groups are further from their shares than chance brings them.

    The chi-square statistic as a normal one (E. B. Wilson and M. M. Hilferty, PNAS 17 (1931), 684-688).
    """
    whole, parts = sum(one.drawn for one in groups), sum(one.share or 0 for one in groups)
    if any(one.drawn for one in groups if not one.share):
        return False  # drawn when the rule had other shares
    expected = [(one.drawn, whole * (one.share or 0) / parts) for one in groups if one.share]
    if len(expected) < 2 or min(number for _, number in expected) < FEWEST:
        return False
    degrees = len(expected) - 1
    statistic = sum((drawn - number) ** 2 / number for drawn, number in expected)
    spread = 2 / (9 * degrees)
    cube_root: float = (statistic / degrees) ** (1 / 3)
    return (cube_root - 1 + spread) / sqrt(spread) > _SUSPICIOUS
