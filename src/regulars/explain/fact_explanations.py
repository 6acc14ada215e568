"""One sentence for every fact of a client, with the numbers behind it.

Values come from `audience.evaluate`, the numbers behind them from `profile.evidence`: the same expressions that
compute the facts. Nothing is computed a second time here; numbers are divided or rounded for the reader only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from math import floor, sqrt
from typing import Any

from regulars.audience.clause_words import day
from regulars.audience.computed_fields import BANDS, BY_HAND
from regulars.db.types import DAY, MICROSECOND
from regulars.profile.evidence import Evidence, Next
from regulars.profile.next_product import MONTH, USUAL_GAP
from regulars.profile.points import REFERRAL
from regulars.profile.traits import ANSWERS, CLEAR, ENOUGH, MOTIVATIONS, NOVEL_DAYS, PROMOTER, REGULAR

Values = Mapping[str, Any]
_ASKED = {"satisfaction": "satisfied", "return": "will return", "recommend": "will recommend"}
_EARNED = {"spent": "for money spent", "visit": "for coming again", REFERRAL: "for clients they sent us"}


@dataclass(frozen=True, slots=True)
class FactExplanations:
    """One client at `now`. `fields` are the client's own, `values` the derived ones; `zone` is the client's."""

    fields: Values
    values: Values
    evidence: Evidence
    now: datetime
    zone: str
    currency: str

    def all(self) -> Iterator[tuple[str, Any, str]]:
        """(name, value, why) of every fact, in the order in which they are best read."""
        sentences: dict[str, Callable[[], str]] = {
            "stage": self._stage,
            "purchases": self._purchases, "spent": self._purchases,
            "first_purchase_at": self._purchases, "last_purchase_at": self._purchases,
            "rhythm": self._rhythm, "overdue": self._overdue, "p_alive": self._alive,
            "others_returned": self._others_returned, "clv": self._clv,
            "motivation": self._motivation,
            **{f"{name}_score": getattr(self, f"_{name}") for name in MOTIVATIONS},
            "sci": self._sci, "sci_band": self._band, "nps": self._nps,
            "next_product": self._next, "next_product_at": self._next,
            "accessories_missing": self._accessories,
            "points": self._points, "points_earned": self._level, "level": self._level,
            "next_level": self._level, "points_to_next_level": self._level,
        }  # fmt: skip
        for name, why in sentences.items():
            yield name, self.values[name], why()
        source, manager = self.fields.get("source"), self.fields.get("manager")
        yield "source", source, f"Heard of us by {source}." if source else "Nobody noted how they heard of us."
        named = self.evidence.manager
        yield "manager", manager, f"{named} looks after them." if manager else "Nobody is named who looks after them."

    # ---------------------------------------------------------------- purchases

    def _stage(self) -> str:
        signals, stage = self.evidence.signals, self.values["stage"]
        if stage == "potential":
            return "Has bought nothing, and we know of nothing else either."
        if stage == "visitor":
            return f"Has bought nothing; we know of {_many(signals.event_count, 'event')}."
        if stage == "buyer" and signals.days < 2:
            return f"Bought on one day only, {self._day(self.values['first_purchase_at'])}."
        head = f"Bought on {_many(signals.days, 'day')}"
        if stage == "buyer":
            return f"{head}, not regularly: that takes {REGULAR} days, and gaps of much the same length."
        if stage == "client":
            return f"{head}, regularly; referred nobody, and did not answer 9 or 10 to whether they would recommend us."
        recommends = signals.answers["recommend"]
        reasons = [f"referred {_many(signals.referrals, 'time')}"] if signals.referrals else []
        reasons += [f"would recommend us with {_n(recommends)}"] if (recommends or 0) >= PROMOTER else []
        return f"{head}, and {' and '.join(reasons)}."

    def _purchases(self) -> str:
        first, last = self.values["first_purchase_at"], self.values["last_purchase_at"]
        count = int(self.values["purchases"])
        if last is None:
            return "Has bought nothing yet."
        spent = f" for {self._money(self.values['spent'])} in all" if self.values["spent"] else ""
        ending = "." if count == 1 else f"; first on {self._day(first)}."
        times = "once" if count == 1 else f"{count} times"
        return f"Bought {times}{spent}, last on {self._day(last)}, {_ago(self._days(last))}{ending}"

    def _rhythm(self) -> str:
        rhythm, count = self.values["rhythm"], int(self.values["purchases"])
        if not rhythm:
            return "Has no rhythm: that takes two purchases at different times."
        span = _n((self.values["last_purchase_at"] - self.values["first_purchase_at"]) / MICROSECOND / DAY, 1)
        return f"{count} purchases within {span} days: every {_n(rhythm, 1)} days on average."

    def _overdue(self) -> str:
        last, rhythm, overdue = (self.values[name] for name in ("last_purchase_at", "rhythm", "overdue"))
        if overdue is None:
            return "Not known without a rhythm."
        return (
            f"Last bought {_ago(self._days(last))}, usually every {_n(rhythm, 1)} days:"
            f" {_n(overdue)} times as long as usual."
        )

    def _alive(self) -> str:
        alive, days, model = self.values["p_alive"], self.evidence.signals.days, self.evidence.model
        if self.values["last_purchase_at"] is None:
            return "Has bought nothing yet."
        if alive is None or model is None:
            return "Not known before `regulars learn` has learned how clients buy."
        learned = f"learned from {_many(model[0], 'client')} on {self._day(model[1])}"
        ago = _ago(self._days(self.values["last_purchase_at"]))
        if days < 2:
            return (
                f"Bought on one day only, {ago}: before a second the model gives nobody up, so this stays 1;"
                f" `others_returned` is what tells ({learned})."
            )
        first, last = self.values["first_purchase_at"], self.values["last_purchase_at"]
        within = _n((last - first) / MICROSECOND / DAY, 1)
        return f"{_n(alive * 100, 0)} %: bought on {days} days within {within} days, last {ago} ({learned})."

    def _others_returned(self) -> str:
        last, share, days = self.values["last_purchase_at"], self.values["others_returned"], self.evidence.signals.days
        if last is None:
            return "Has bought nothing yet."
        if share is None:
            return "Not known before `regulars learn` has learned after how long clients buy again."
        which = "a first purchase" if days < 2 else "a later purchase than the first"
        return (
            f"Last bought {_ago(self._days(last))}: of the clients who buy again after {which},"
            f" {_cut(share * 100, 0)} % have done so by then."
        )

    def _clv(self) -> str:
        clv, worth = self.values["clv"], self.evidence.worth
        if clv is None or worth is None:
            return "Not known: `regulars learn` has not yet worked it out for them."
        return (
            f"Expected to spend {self._money(clv)} within a year, by {_many(worth.purchases, 'purchase')}"
            f" for {self._money(worth.spent)}, as worked out on {self._day(worth.at)}."
        )

    # ---------------------------------------------------------------- motivation

    def _motivation(self) -> str:
        values = self.values
        scores = ", ".join(f"{name} {_cut(values[f'{name}_score'], 2)}" for name in MOTIVATIONS)
        found, by_hand = self.fields.get("motivation"), self.fields.get(BY_HAND)
        behaviour = f"what they did says {f'`{found}`' if found else 'nothing clear'}: {scores}"
        if by_hand and values["motivation"] == by_hand:
            return f"Set by hand (`{BY_HAND}`); {behaviour}."
        if found is None:
            return f"Nothing is clear: {scores}; it takes {CLEAR}."
        return f"The highest of {scores}: {self._signal(found)}"

    def _signal(self, name: str) -> str:
        sentence: str = getattr(self, f"_{name}")()
        return sentence[0].lower() + sentence[1:]

    def _price(self) -> str:
        signals = self.evidence.signals
        bought = int(self.values["purchases"])
        asked = f"{_many(signals.price_requests, 'request')} for a price within a year ({ENOUGH} make a full score)"
        return (
            f"{signals.discounted} of {_many(bought, 'purchase')} with a discount that is not by a coupon of ours"
            f" (counts 0.7), {asked} (counts 0.3)."
        )

    def _novelty(self) -> str:
        bought = _many(int(self.values["purchases"]), "purchase")
        return f"{self.evidence.signals.novel} of {bought} within {NOVEL_DAYS} days of a product's launch."

    def _belonging(self) -> str:
        signs = _many(self.evidence.signals.belongings, "time")
        return f"Asked for a change, proposed, advised or referred {signs} within a year; {ENOUGH} make a full score."

    def _stability(self) -> str:
        signals = self.evidence.signals
        complained = f"; divided by {signals.complaints + 1} for {_many(signals.complaints, 'complaint')}"
        ending = f"{complained if signals.complaints else ''}."
        if signals.gaps < 2:
            return f"It takes purchases on three days; there are {signals.days}{ending}"
        mean = signals.gap_sum / signals.gaps
        spread = sqrt(max(0.0, signals.gap_squares / signals.gaps - mean * mean))
        return f"{signals.gaps} gaps of {_n(mean, 1)} days on average, which differ by {_n(spread, 1)}{ending}"

    # ---------------------------------------------------------------- answers

    def _sci(self) -> str:
        answers = self.evidence.signals.answers
        known = [f"{_ASKED[name]} {_n(_tenths(answer))}" for name in ANSWERS if (answer := answers[name]) is not None]
        if not known:
            return "Answered no survey yet."
        unknown = [_ASKED[name] for name in ANSWERS if answers[name] is None]
        ending = f"; not answered: {', '.join(unknown)}" if unknown else ""
        return f"The mean of the latest answers, out of 10: {', '.join(known)}{ending}."

    def _band(self) -> str:
        sci, band = self.values["sci"], self.values["sci_band"]
        if sci is None:
            return "Answered no survey yet."
        least = dict(BANDS).get(band)
        return f"{_cut(sci, 3)} is {f'at least {least}' if least else f'below {BANDS[-1][1]}'}."

    def _nps(self) -> str:
        nps = self.values["nps"]
        if nps is None:
            return "Never answered whether they would recommend us."
        side = "promoter" if nps >= PROMOTER else "passive" if nps > 6 else "detractor"
        return f"Would recommend us with {_n(nps)} out of 10: {side}."

    # ---------------------------------------------------------------- what comes next

    def _next(self) -> str:
        product, due = self.values["next_product"], self.values["next_product_at"]
        if product is None or due is None:
            return self._nothing_next()
        link, links = self.evidence.declared, self.evidence.links
        if link is not None:
            days = link.after_days if link.after_days is not None else USUAL_GAP
            bought = f"`{link.product}`, bought on {self._day(link.at)}"
            return f"Declared to follow {bought}, after {days} days: due on {self._day(due)}."
        return f"{self._learned(product, links)} due on {self._day(due)}."

    def _learned(self, product: str, links: Sequence[Next]) -> str:
        """Why a learned or popular product is next."""
        offering, popular = self.evidence.offering, self.evidence.popular
        if not links:
            learned = "" if offering is None else f" in the {MONTH} days up to {self._day(offering.at)}"
            return (
                f"Popular: {_many(popular or 0, 'client')} bought it{learned}, and nothing that was learned leads"
                " further from what they bought;"
            )
        best = links[0]
        if best.product == product:
            return (
                f"Learned: bought {_many(best.times, 'time')}, nothing that gets used up more often;"
                f" {_many(best.support or 0, 'client')} bought it again;"
            )
        both = f"had `{best.product}` and this"
        done = (
            both
            if offering is not None and offering.method == "common"
            else f"bought this after `{best.product}` or with it"
        )
        more = f" ({_many(len(links) - 1, 'more link')} say so too)" if len(links) > 1 else ""
        return (
            f"Learned: {_many(best.support or 0, 'client')} {done}, {_n(best.lift, 1)} times as many as by"
            f" chance{more}; usually"
        )

    def _nothing_next(self) -> str:
        if self.values["last_purchase_at"] is None:
            return "Has bought nothing yet."
        if self.evidence.leading:
            return "They have all that follows what they bought."
        return "Nothing is declared or learned that follows what they bought."

    def _accessories(self) -> str:
        skus = self.evidence.accessories
        if not skus:
            return "Nothing is declared that goes with what they bought and is missing."
        return f"Goes with what they bought, and they have not bought it: {', '.join(f'`{sku}`' for sku in skus)}."

    def _points(self) -> str:
        parts = [
            f"{points:+d} {_EARNED.get(reason, f'by `{reason}`')}" for reason, points in self.evidence.points.items()
        ]
        return f"{', '.join(parts)}." if parts else "Nothing earned yet."

    def _level(self) -> str:
        earned = int(self.fields.get("points_earned") or 0)
        head = f"Earned {_many(earned, 'point')} in all, used or not"
        left, following = self.fields.get("points_to_next_level"), self.fields.get("next_level")
        return f"{head}; {int(left):,} more open `{following}`." if left is not None else f"{head}."

    # ---------------------------------------------------------------- words

    def _day(self, moment: datetime) -> str:
        return day(moment, self.zone)

    def _days(self, moment: datetime) -> int:
        return int((self.now - moment) // MICROSECOND // DAY)

    def _money(self, amount: Any) -> str:
        return f"{amount:.2f} {self.currency}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _ago(days: int) -> str:
    return "today" if days == 0 else f"{_many(days, 'day')} ago"


def _tenths(answer: float) -> float:
    """An answer as the index counts it; see `profile.traits.secure`."""
    return floor(answer * 10 + 0.5) / 10


def _cut(value: float | None, digits: int) -> str:
    """A number near a threshold: truncated, not rounded, so that it never appears to reach it.

    What arithmetic with floats leaves at the end is not its: 0.09999999999999999 is 0.1.
    """
    exact = Decimal(repr(round(value or 0.0, 9)))
    return _n(float(exact.quantize(Decimal(1).scaleb(-digits), ROUND_DOWN)), digits)


def _n(value: float | None, digits: int = 2) -> str:
    """A number for a reader, without needless zeros."""
    text = f"{value or 0.0:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
