"""Topics for unsubscribing: those of the marketing campaigns, with names for people."""

from __future__ import annotations

from regulars.consent.rights import MARKETING
from regulars.rules.model import Kind, Rulebook
from regulars.web.recipient.page_words import Words, text_in


def topics(book: Rulebook) -> list[str]:
    """The topics of emails to clients, the general one first."""
    found = {c.topic for c in book.campaigns.values() if c.kind is Kind.MARKETING and c.to == "customer"}
    return sorted(found, key=lambda topic: (topic != MARKETING, topic))


def label(book: Rulebook, topic: str, t: Words) -> str:
    """A topic's label: from the rule files, else its own name."""
    if topic in book.topics:
        return text_in(book.topics[topic], t.language)
    return t("topic_marketing") if topic == MARKETING else topic.replace("-", " ").capitalize()
