"""The variants of a campaign in words."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.audience.field_labels import joined_words, number_words, quoted
from regulars.explain.offer_phrases import coupon_phrase
from regulars.rules.model import Campaign
from regulars.rules.variants import Variant


def variant_sentences(campaign: Campaign, currency: str) -> Iterator[str]:
    """Who gets what, as one sentence; none without variants."""
    if campaign.variants:
        shares = campaign.variant_shares
        each = [
            f"{number_words(shares[one.name] / 100)} % get {quoted(one.name)}, {_content(one, currency)}"
            for one in campaign.variants
        ]
        yield f"each mailbox is drawn once, for good: {'; '.join(each)}"


def _content(variant: Variant, currency: str) -> str:
    """What is different in the variant."""
    parts = []
    if variant.words is not None:
        parts.append(f"the words {quoted(variant.words)}")
    if isinstance(variant.email, str):
        parts.append(f"the email {quoted(variant.email)}")
    elif variant.email is not None:
        parts += [f"{quoted(email)} instead of {quoted(step)}" for step, email in variant.email.items()]
    if variant.sender is not None:
        parts.append("in their manager's name" if variant.sender == "manager" else "in the company's name")
    if variant.offer is not None:
        parts.append(coupon_phrase(variant.offer.coupon, currency))
    return joined_words(parts) if parts else "which is as it stands"
