"""Built-in names: the fields of a client, and the built-in events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class FieldType(StrEnum):
    """The types of values that fields of clients and events have."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    INSTANT = "instant"
    LIST = "list"


def empty_value(kind: FieldType) -> list[str] | None:
    """What an email shows for a field of this type that a client does not have; a list can always be searched."""
    return [] if kind is FieldType.LIST else None


ColumnType = Literal[FieldType.TEXT, FieldType.NUMBER, FieldType.BOOL, FieldType.DATE, FieldType.INSTANT]
"""Types of a client's field; lists are for the workspace's own fields and for events."""


class Origin(StrEnum):
    """The source of a client's field."""

    COLUMN = "column"
    """The column of `customers` that has the field's name; `db.tables` makes it from the registry."""
    MANAGER = "manager"
    """The external id of the manager whom `customers.manager_id` names."""
    FACT = "fact"
    """The column of `facts` that has the field's name."""
    PRODUCT = "product"
    """The sku of the product that the column `NAME_id` of `facts` names; in an email, the product itself."""
    COMPUTED = "computed"
    """Computed on demand by `audience.computed_fields`."""
    LEARNED = "learned"
    """The column of `worth` that has the field's name. It depends on all clients."""


class Cell(StrEnum):
    """How an import reads the cell of a field."""

    PLAIN = "plain"
    """By the field's type: a line of text, a number, yes or no, a day, an instant."""
    EMAIL = "email"
    LOCALE = "locale"
    TIMEZONE = "timezone"
    COUNTRY = "country"
    BIRTHDAY = "birthday"
    """A day that is not in the future and not a placeholder for an unknown date."""
    PAST = "past"
    """An instant that is not in the future."""


@dataclass(frozen=True, slots=True)
class ClientField:
    """A built-in field of clients. `meaning` is one line of Markdown, which docs/conditions.md shows."""

    name: str
    type: ColumnType
    origin: Origin
    meaning: str
    cell: Cell | None = None
    """How an import reads it; None for a field that is not imported."""
    limit: int = 200
    """Maximum characters of an imported text."""
    header: str = ""
    """The import column, if its name differs from the field's."""
    personal: bool = False
    """Whether it is personal data: erasure empties it. An export of a client's data has every stored field."""
    count: bool = False
    """Whether a missing value means 0 instead of unknown."""

    @property
    def column(self) -> str:
        """Its column name in the import."""
        return self.header or self.name


def _column(
    name: str, kind: ColumnType, meaning: str, cell: Cell = Cell.PLAIN, *, limit: int = 200, header: str = "",
    personal: bool = True,
) -> ClientField:  # fmt: skip
    return ClientField(name, kind, Origin.COLUMN, meaning, cell, limit, header, personal)


def _fact(name: str, kind: ColumnType, meaning: str, *, count: bool = False) -> ClientField:
    return ClientField(name, kind, Origin.FACT, meaning, count=count)


_TEXT: Final = FieldType.TEXT
_NUMBER: Final = FieldType.NUMBER
_DATE: Final = FieldType.DATE
_INSTANT: Final = FieldType.INSTANT
_ALL = (
    _column("external_id", _TEXT, "the client's id in your own system", limit=120, header="id", personal=False),
    _column("email", _TEXT, "the address", Cell.EMAIL),
    _column("name", _TEXT, "full name"),
    _column("first_name", _TEXT, "first name"),
    _column("last_name", _TEXT, "family name"),
    _column("company", _TEXT, "the company the client works for"),
    _column("phone", _TEXT, "telephone number, as imported", limit=40),
    _column("locale", _TEXT, "language, such as `ro` or `pt-BR`", Cell.LOCALE),
    _column("timezone", _TEXT, "time zone, such as `Europe/Chisinau`", Cell.TIMEZONE),
    _column("country", _TEXT, "country, as imported", Cell.COUNTRY),
    _column("birthday", _DATE, "date of birth", Cell.BIRTHDAY),
    _column("source", _TEXT, "how they heard of you"),
    ClientField(
        "manager", _TEXT, Origin.MANAGER, "external id of the client's manager", Cell.PLAIN, 254, personal=True
    ),
    _column("created_at", _INSTANT, "when the client became known", Cell.PAST, personal=False),
    _fact("purchases", _NUMBER, "how many purchases up to now", count=True),
    _fact("spent", _NUMBER, "the total of all purchases up to now", count=True),
    _fact("first_purchase_at", _INSTANT, "when the first purchase was made"),
    _fact("last_purchase_at", _INSTANT, "when the latest purchase was made"),
    _fact("rhythm", _NUMBER, "mean days between purchases; none below two"),
    ClientField(
        "overdue", _NUMBER, Origin.COMPUTED,
        "days since the last purchase divided by `rhythm`: 2 is twice as long as usual",
    ),
    ClientField(
        "next_product", _TEXT, Origin.PRODUCT,
        "sku of the next thing, not bought yet: of a declared sequence, else learned",
    ),
    _fact("next_product_at", _INSTANT, "when that is usually bought"),
    _fact(
        "stage", _TEXT,
        "`potential`, `visitor` (we know of an event), `buyer` (bought on one day), `client`, `advocate`",
    ),
    ClientField(
        "motivation", _TEXT, Origin.COMPUTED,
        "what moves the client: `price`, `novelty`, `belonging`, `stability`; none where nothing is clear",
    ),
    _fact("price_score", _NUMBER, "from 0 to 1: purchases with a discount, requests for a price"),
    _fact("novelty_score", _NUMBER, "from 0 to 1: purchases soon after a product's launch"),
    _fact("belonging_score", _NUMBER, "from 0 to 1: asks for changes, plans with us, advises, refers"),
    _fact("stability_score", _NUMBER, "from 0 to 1: a steady rhythm, no complaint"),
    _fact(
        "sci", _NUMBER,
        "Secure Customer Index from 0 to 1, by the latest answers to satisfied, will return, will recommend",
    ),
    ClientField(
        "sci_band", _TEXT, Origin.COMPUTED,
        "`secure` from 0.9, `favourable` from 0.8, `vulnerable` from 0.7, `at risk` below",
    ),
    _fact("nps", _NUMBER, 'the latest answer to "would you recommend us?", 0 to 10'),
    ClientField(
        "p_alive", _NUMBER, Origin.COMPUTED,
        "the chance that the client still buys, as of now: 1 for ever after one purchase; none before `regulars learn`",
    ),
    ClientField(
        "others_returned", _NUMBER, Origin.COMPUTED,
        "of the clients who bought again, the share that had done so this long after a purchase: at 0.9 few still come",
    ),
    ClientField(
        "clv", _NUMBER, Origin.LEARNED,
        "what the client is expected to spend within a year, as of the latest `regulars learn`",
    ),
    _fact("accessories_missing", _NUMBER, "how many accessories of what was bought are not bought yet", count=True),
    _fact("points", _NUMBER, "points that are left", count=True),
    _fact("points_earned", _NUMBER, "points earned in all, used or not", count=True),
    _fact(
        "level", _TEXT, "name of the level that these opened, by the `points:` of the rule file; none below the first"
    ),
    _fact("next_level", _TEXT, "name of the level after it; none at the top, or where there are no levels"),
    _fact("points_to_next_level", _NUMBER, "how many points are still to be earned for it"),
)  # fmt: skip

CLIENT_FIELDS: Mapping[str, ClientField] = {field.name: field for field in _ALL}
"""The registry of client fields, from which importer, rules, conditions, templates and the rest derive.

A new field of origin COLUMN is a line here and a migration that adds the column.
"""
IMPORTED: Mapping[str, ClientField] = {field.column: field for field in _ALL if field.cell is not None}
"""Imported fields, by the column's name."""
CONSENT_COLUMNS = ("subscribed", "unsubscribed")
"""Further columns of a client import: consent to marketing."""


def fields_of(*origins: Origin) -> tuple[str, ...]:
    """The names of the fields of these origins, in the order of the registry."""
    return tuple(field.name for field in _ALL if field.origin in origins)


CUSTOMER: Mapping[str, FieldType] = {field.name: field.type for field in _ALL}
"""The type of every field."""
RECORDED: Mapping[str, FieldType] = {name: CUSTOMER[name] for name in fields_of(Origin.COLUMN, Origin.MANAGER)}
"""Stated fields: from an import, the API, the client's own pages, a rule test."""
DERIVED: Mapping[str, FieldType] = {name: kind for name, kind in CUSTOMER.items() if name not in RECORDED}
"""Fields that Regulars computes."""
LEARNED: Mapping[str, FieldType] = {name: CUSTOMER[name] for name in fields_of(Origin.LEARNED)}
"""Fields that depend on all clients: a rule test, which has one client, may state them."""

PRODUCT: Mapping[str, FieldType] = {
    **dict.fromkeys(("sku", "name", "category", "currency", "url", "image_url"), FieldType.TEXT),
    "price": FieldType.NUMBER,
    "consumable": FieldType.BOOL,
    "launched_at": FieldType.INSTANT,
}
"""Fields of the trigger product for conditions."""

EVENTS: Mapping[str, Mapping[str, FieldType]] = {
    "purchase": {
        "amount": FieldType.NUMBER,
        "currency": FieldType.TEXT,
        "quantity": FieldType.NUMBER,
        "discount": FieldType.NUMBER,
    },
    "email.clicked": {"campaign": FieldType.TEXT, "link": FieldType.TEXT},
    "email.bounced": {"campaign": FieldType.TEXT, "hard": FieldType.BOOL, "reason": FieldType.TEXT},
    "email.complained": {"campaign": FieldType.TEXT},
}
"""Events that need no declaration."""
