"""What clients may leave or keep: the topics of the marketing campaigns, by a name people understand."""

from __future__ import annotations

from regulars.rules.model import Kind, Rulebook
from regulars.store.rights import MARKETING
from regulars.web.words import Words


def topics(book: Rulebook) -> list[str]:
    """The topics of emails to clients, the general one first."""
    found = {c.topic for c in book.campaigns.values() if c.kind is Kind.MARKETING and c.to == "customer"}
    return sorted(found, key=lambda topic: (topic != MARKETING, topic))


def label(book: Rulebook, topic: str, t: Words) -> str:
    """What the page calls a topic."""
    if topic == MARKETING:
        return t("topic_marketing")
    if f"topic_{topic}" in t.texts:
        return t(f"topic_{topic}")
    return topic.replace("-", " ").capitalize()
