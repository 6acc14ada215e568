"""What fields, events, numbers and dates are called in sentences for people, without the names of the rule file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from regulars.audience.nodes import PURCHASE
from regulars.core.clock import words

_CLIENT: Mapping[str, str] = {
    "external_id": "id",
    "email": "email address",
    "company": "firm",
    "phone": "telephone number",
    "locale": "language",
    "timezone": "time zone",
    "source": "way of having heard of us",
    "created_at": "first day with us",
    "purchases": "number of purchases",
    "spent": "total of purchases",
    "first_purchase_at": "first purchase",
    "last_purchase_at": "latest purchase",
    "rhythm": "usual number of days between purchases",
    "overdue": "absence compared with what is usual for them",
    "next_product_at": "usual day for the next product",
    "stage": "stage from potential to advocate",
    "motivation": "main motivation",
    "price_score": "score for price",
    "novelty_score": "score for novelty",
    "belonging_score": "score for belonging",
    "stability_score": "score for stability",
    "sci": "Secure Customer Index",
    "sci_band": "band of the Secure Customer Index",
    "nps": "latest answer on recommending us",
    "p_alive": "chance of still buying",
    "others_returned": "share of others who had come back by then",
    "clv": "expected spending within a year",
    "accessories_missing": "number of missing accessories",
    "points": "number of points left",
    "points_earned": "number of points ever earned",
    "level": "level of points",
    "next_level": "next level of points",
    "points_to_next_level": "number of points to the next level",
}
"""Fields whose names are not words enough."""
_MOMENTS = {"starts_at": "start", "ends_at": "end"}


def client_label(name: str) -> str:
    """A client's field, to follow "the client's": `last_purchase_at` is "latest purchase"."""
    return _CLIENT.get(name) or named(name.removesuffix("_at"))


def event_field_label(name: str) -> str:
    """A field of an event or product, to follow "the …'s": `starts_at` is "start"."""
    return _MOMENTS.get(name) or (f"{named(name.removesuffix('_at'))} time" if name.endswith("_at") else named(name))


def named(name: str) -> str:
    """A name of the rule file as words: `visit.done` is "visit done"."""
    return " ".join(name.replace(".", " ").replace("_", " ").replace("-", " ").split())


def event_label(name: str) -> str:
    """One event of that name, as a noun: "purchase" or "“visit done”"."""
    return "purchase" if name == PURCHASE else quoted(named(name))


def quoted(text: str) -> str:
    """A text or a name between the quotes of prose."""
    return f"“{text}”"


def number_words(value: float) -> str:
    """A number with commas between thousands, never with an exponent."""
    plain = f"{Decimal(repr(value)):,f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def date_words(value: date) -> str:
    """`9 June 2026`; an instant with its time, in UTC where it is not on that clock's midnight."""
    day = f"{value.day} {value:%B} {value.year}"
    if not isinstance(value, datetime):
        return day
    offset = value.utcoffset()
    return f"{day} at {value:%H:%M}{' UTC' if not offset else f' ({value:%z} from UTC)'}"


def within_words(within: timedelta | None) -> str:
    """` in the last 30 days`, with the blank; empty without a limit."""
    if within is None:
        return ""
    span = words(within)
    return f" in the last {span.removeprefix('1 ')}"


def joined_words(items: list[str], joint: str = "and") -> str:
    """`a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {joint} {items[-1]}"
