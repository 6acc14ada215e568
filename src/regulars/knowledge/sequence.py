"""What is bought next: learned from the order in which clients bought things, and from what they bought together.

A link says "who has this goes on to that": how many clients did (support), how much more often than anybody (lift),
after how long, and a strength that counts the latest most, so that a season fades. A client's next products are those
to which the strongest links lead from what the client has, never one they have already, unless it gets used up. A
sequence that somebody declared comes before all that is learned.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low

Product = Hashable

LEAST_SUPPORT = 5
"""Clients who must have had both; fewer are chance."""
LEAST_LIFT = 1.0
HALF_LIFE = 40.0
"""Days after which what a client did says half as much about what others will do."""
# The two numbers below were chosen on the month before the one that docs/knowledge.md reports.
_SHRINK = 30.0
"""Clients added to the ground of each strength: a share of few counts for less."""
_DAMPING = 0.3
"""How far what everybody buys is held back, between 0 (not at all) and 1 (lift alone decides)."""
_MOST_FROM = 50
"""Links kept from one product, the strongest."""
_REMEMBERED = 300
"""Products of one client that are learned from, the earliest: a reseller who buys everything says nothing."""


@dataclass(frozen=True, slots=True)
class Bought:
    """The products of one client's visit; `at` in days, from wherever."""

    at: float
    products: frozenset[Product]


@dataclass(frozen=True, slots=True)
class Link:
    """From one product to another; `after_days` is the median of those who bought them apart, None without any."""

    product: Product
    target: Product
    support: int
    lift: float
    strength: float
    after_days: float | None


@dataclass(frozen=True, slots=True)
class Sequences:
    """Everything learned: links by product, the strongest first, and products by how many clients bought them."""

    links: Mapping[Product, Sequence[Link]]
    popular: Mapping[Product, int] = field(default_factory=dict)

    def next_products(
        self, had: Collection[Product], *, count: int = 1, consumable: Collection[Product] = (),
        declared: Mapping[Product, Sequence[Product]] | None = None,
    ) -> list[Product]:  # fmt: skip
        """The likeliest next products of a client who has bought `had`, the latest last, at most `count`.

        Those of a declared sequence come first, from the latest thing backwards; then the learned ones by the sum
        of their strengths; ties go to the more popular.
        """
        kept = set(had)

        def free(product: Product) -> bool:
            return product not in kept or product in consumable

        following = [t for product in reversed(list(had)) for t in (declared or {}).get(product, ()) if free(t)]
        scores: dict[Product, float] = defaultdict(float)
        for product in kept:
            for link in self.links.get(product, ()):
                if free(link.target):
                    scores[link.target] += link.strength
        ranked = sorted(scores, key=lambda p: (-scores[p], -self.popular.get(p, 0), str(p)))
        return list(dict.fromkeys([*following, *ranked]))[:count]


def learn(
    histories: Iterable[Sequence[Bought]], *, least_support: int = LEAST_SUPPORT, least_lift: float = LEAST_LIFT,
) -> Sequences:  # fmt: skip
    """Links between products from the histories of clients; the latest purchase of all is the present.

    A client counts once for a link, by when they first bought each of the two.
    """
    firsts = [times for times in map(_first_times, histories) if times]
    present = max((max(times.values()) for times in firsts), default=0.0)
    owners = Counter(product for times in firsts for product in times)
    recent: dict[Product, float] = defaultdict(float)
    pairs: dict[tuple[Product, Product], _Pair] = defaultdict(_Pair)
    for times in firsts:
        weights = {product: 0.5 ** ((present - at) / HALF_LIFE) for product, at in times.items()}
        for product, weight in weights.items():
            recent[product] += weight
        _count_pairs(times, weights, pairs)
    found: dict[Product, list[Link]] = defaultdict(list)
    for (product, target), pair in pairs.items():
        lift = pair.support * len(firsts) / (owners[product] * owners[target])
        if pair.support >= least_support and lift >= least_lift:
            strength = pair.weight / (owners[product] + _SHRINK) / (recent[target] + 1.0) ** _DAMPING
            after = median_low(pair.gaps) if pair.gaps else None
            found[product].append(Link(product, target, pair.support, lift, strength, after))
    return Sequences({product: _strongest(some) for product, some in found.items()}, dict(owners))


@dataclass(slots=True)
class _Pair:
    support: int = 0
    weight: float = 0.0
    gaps: list[float] = field(default_factory=list)


def _first_times(history: Sequence[Bought]) -> dict[Product, float]:
    first: dict[Product, float] = {}
    for visit in sorted(history, key=lambda one: one.at):
        for product in sorted(visit.products, key=str):
            first.setdefault(product, visit.at)
    return first


def _count_pairs(
    times: Mapping[Product, float], weights: Mapping[Product, float], pairs: dict[tuple[Product, Product], _Pair]
) -> None:
    """Notes every two products of one client: from the earlier to the later, both ways if bought together."""
    timed = list(times.items())[:_REMEMBERED]
    for place, (product, at) in enumerate(timed):
        for target, later in timed[place + 1 :]:
            pair = pairs[product, target]
            pair.support += 1
            pair.weight += weights[target]
            if later > at:
                pair.gaps.append(later - at)
            else:
                back = pairs[target, product]
                back.support += 1
                back.weight += weights[product]


def _strongest(links: Iterable[Link]) -> list[Link]:
    return sorted(links, key=lambda link: (-link.strength, -link.lift, str(link.target)))[:_MOST_FROM]
