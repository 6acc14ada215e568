"""What clients may leave or keep: the topics of the marketing campaigns, by a name people understand."""

from __future__ import annotations

from regulars.consent.rights import MARKETING
from regulars.rules.model import Kind, Rulebook
from regulars.web.recipient.page_words import Words, text_in


def topics(book: Rulebook) -> list[str]:
    """The topics of emails to clients, the general one first."""
    found = {c.topic for c in book.campaigns.values() if c.kind is Kind.MARKETING and c.to == "customer"}
    return sorted(found, key=lambda topic: (topic != MARKETING, topic))


def label(book: Rulebook, topic: str, t: Words) -> str:
    """What the page calls a topic: as the rule files say, else by its own name."""
    if topic in book.topics:
        return text_in(book.topics[topic], t.language)
    return t("topic_marketing") if topic == MARKETING else topic.replace("-", " ").capitalize()
