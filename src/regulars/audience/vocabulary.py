"""What a condition may ask about: fields of clients, events and their fields, functions.

The names every workspace has come from `rules.names`; their meaning is written here once, in the words that
docs/conditions.md uses. The workspace's own fields and events come from its rule files. A built-in field
cannot be redefined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regulars.rules.fields import CUSTOMER, DERIVED, EVENTS, FieldType
from regulars.rules.model import Rulebook


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a client."""

    name: str
    type: FieldType
    doc: str
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language; `usage` shows its arguments."""

    name: str
    usage: str
    doc: str


_MEANING = {
    "external_id": "the client's id in your own system",
    "email": "the address",
    "name": "full name",
    "first_name": "first name",
    "last_name": "family name",
    "company": "the company the client works for",
    "phone": "telephone number, as imported",
    "locale": "language, such as `ro` or `pt-BR`",
    "timezone": "time zone, such as `Europe/Chisinau`",
    "country": "country, as imported",
    "source": "how they heard of you",
    "birthday": "date of birth",
    "created_at": "when the client became known",
    "manager": "external id of the client's manager",
    "purchases": "how many purchases up to now",
    "spent": "the total of all purchases up to now",
    "first_purchase_at": "when the first purchase was made",
    "last_purchase_at": "when the latest purchase was made",
    "rhythm": "mean days between purchases; none below two",
    "overdue": "days since the last purchase divided by `rhythm`: 2 is twice as long as usual",
    "next_product": "sku of the next thing, not bought yet: of a declared sequence, else learned",
    "next_product_at": "when that is usually bought",
    "stage": "`potential`, `visitor` (we know of an event), `buyer` (bought on one day), `client`, `advocate`",
    "motivation": "what moves the client: `price`, `novelty`, `belonging`, `stability`; none where nothing is clear",
    "price_score": "from 0 to 1: purchases with a discount, requests for a price",
    "novelty_score": "from 0 to 1: purchases soon after a product's launch",
    "belonging_score": "from 0 to 1: asks for changes, plans with us, advises, refers",
    "stability_score": "from 0 to 1: a steady rhythm, no complaint",
    "sci": "Secure Customer Index from 0 to 1, by the latest answers to satisfied, will return, will recommend",
    "sci_band": "`secure` from 0.9, `favourable` from 0.8, `vulnerable` from 0.7, `at risk` below",
    "nps": 'the latest answer to "would you recommend us?", 0 to 10',
    "p_alive": "the chance that the client still buys, as of now; none before `regulars learn`",
    "clv": "what the client is expected to spend within a year, as of the latest `regulars learn`",
    "accessories_missing": "how many accessories of what was bought are not bought yet",
    "points": "points that are left",
    "points_earned": "points earned in all, used or not",
    "level": "name of the level that these opened, by the `points:` of the rule file; none below the first",
    "next_level": "name of the level after it; none at the top, or where there are no levels",
    "points_to_next_level": "how many points are still to be earned for it",
}

BUILT_IN: Mapping[str, Field] = {name: Field(name, kind, _MEANING[name]) for name, kind in CUSTOMER.items()}
"""The fields every client has."""
FACTS = frozenset(DERIVED)
"""Those of them that follow from what the client did."""

FUNCTIONS: Mapping[str, Function] = {
    f.name: f
    for f in (
        Function(
            "days_since", "days_since(date)", "whole days from a date or instant up to now; negative if it is to come"
        ),
        Function(
            "days_until", "days_until(date)", "whole days from now up to a date or instant; negative if it is past"
        ),
        Function("bought", "bought('sku or category', within='30 days')", "whether a purchase had such a product"),
        Function("did", "did('event', within='14 days')", "whether such an event happened"),
        Function("count", "count('event', within='30 days')", "how many such events happened"),
        Function("spent", "spent(within='365 days')", "the total of the purchases"),
        Function("first", "first('event')", "when such an event happened first"),
        Function("last", "last('event')", "when such an event happened last"),
        Function("contains", "contains(text, part)", "whether the text has the part in it"),
        Function("starts_with", "starts_with(text, part)", "whether the text begins with the part"),
        Function("ends_with", "ends_with(text, part)", "whether the text ends with the part"),
    )
}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Fields and events of one workspace; `zone` is the company's, in which written dates begin."""

    fields: Mapping[str, Field]
    events: Mapping[str, Mapping[str, FieldType]]
    zone: str = "UTC"

    @classmethod
    def of(cls, rulebook: Rulebook) -> Catalogue:
        """What the rules of this workspace may ask."""
        own = {
            name: Field(name, kind, "declared by the workspace", custom=True) for name, kind in rulebook.fields.items()
        }
        events = {name: dict(declared) for name, declared in rulebook.events.items()}
        for name, built_in in EVENTS.items():
            events[name] = events.get(name, {}) | dict(built_in)
        return cls(fields=own | dict(BUILT_IN), events=events, zone=rulebook.company.timezone)
