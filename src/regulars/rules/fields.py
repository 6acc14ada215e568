"""The names every workspace has: the fields of a client and the events that come built in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class FieldType(StrEnum):
    """The types of values that fields of clients and events have."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    INSTANT = "instant"
    LIST = "list"


_TEXT = (
    "external_id", "email", "name", "first_name", "last_name", "company", "phone",
    "locale", "timezone", "country", "source",
)  # fmt: skip

IMPORTED: Mapping[str, FieldType] = {
    **dict.fromkeys(_TEXT, FieldType.TEXT),
    "birthday": FieldType.DATE,
    "created_at": FieldType.INSTANT,
    "manager": FieldType.TEXT,
}
"""Fields of a client that come in from outside."""

DERIVED: Mapping[str, FieldType] = {
    "purchases": FieldType.NUMBER,
    "spent": FieldType.NUMBER,
    "first_purchase_at": FieldType.INSTANT,
    "last_purchase_at": FieldType.INSTANT,
    "rhythm": FieldType.NUMBER,
    "overdue": FieldType.NUMBER,
    "next_product": FieldType.TEXT,
    "next_product_at": FieldType.INSTANT,
    "stage": FieldType.TEXT,
    "motivation": FieldType.TEXT,
    **dict.fromkeys(("price_score", "novelty_score", "belonging_score", "stability_score"), FieldType.NUMBER),
    "sci": FieldType.NUMBER,
    "sci_band": FieldType.TEXT,
    "nps": FieldType.NUMBER,
    "p_alive": FieldType.NUMBER,
    "clv": FieldType.NUMBER,
    "accessories_missing": FieldType.NUMBER,
    "points": FieldType.NUMBER,
    "points_earned": FieldType.NUMBER,
    "level": FieldType.TEXT,
    "next_level": FieldType.TEXT,
    "points_to_next_level": FieldType.NUMBER,
}
"""Fields of a client that Regulars computes."""

LEARNED: Mapping[str, FieldType] = {"clv": FieldType.NUMBER}
"""Computed fields that rest on what all clients do: a rule test, which has one client, may state them."""

CUSTOMER: Mapping[str, FieldType] = {**IMPORTED, **DERIVED}
"""All fields that every client has; see docs/architecture.md for their meaning."""

PRODUCT: Mapping[str, FieldType] = {
    **dict.fromkeys(("sku", "name", "category", "currency", "url", "image_url"), FieldType.TEXT),
    "price": FieldType.NUMBER,
    "consumable": FieldType.BOOL,
    "launched_at": FieldType.INSTANT,
}
"""What conditions may ask about the product that sets a campaign off."""

EVENTS: Mapping[str, Mapping[str, FieldType]] = {
    "purchase": {
        "amount": FieldType.NUMBER,
        "currency": FieldType.TEXT,
        "quantity": FieldType.NUMBER,
        "discount": FieldType.NUMBER,
    },
    "email.clicked": {"campaign": FieldType.TEXT, "link": FieldType.TEXT},
}
"""Events that need no declaration."""
