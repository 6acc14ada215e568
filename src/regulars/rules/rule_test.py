"""The tests of a rule file: a client's history, a day, and the expected emails.

Times are the client's own: text as the author wrote it, with a property that gives the naive local time.
"""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, WithJsonSchema, model_validator

from regulars.rules import grammar
from regulars.rules.phrase_types import EventName, Name, Part, Share, Stamp

MIDDAY = time(12, 0)
DAY_END = time(23, 59, 59)


class ExpectedCoupon(Part):
    """Expected properties of the client's code; omitted ones can have any value."""

    percent: int | None = Field(default=None, description="Per cent off")
    amount: Decimal | None = Field(default=None, description="Amount off")
    service: str | None = Field(default=None, description="A service that is free, in words")
    gift: str | None = Field(default=None, description="What is given, in words")
    code: str | None = Field(default=None, description="The code itself, if shared")
    uses: int | None = Field(default=None, description="How often the code can be used")

    @property
    def named(self) -> dict[str, Any]:
        """The expected properties, by name."""
        return self.model_dump(exclude_none=True)


class Expectation(Part):
    """What a test expects of one campaign: texts are patterns with `*`, a reason says why no email is sent."""

    subject: str | None = Field(default=None, description="The subject line; `*` stands for any text")
    reason: str | None = Field(default=None, description="Why no email is sent, such as `holdout`")
    winner: Name | None = Field(default=None, description="With `reason: cap`: the campaign sent instead")
    step: Name | None = Field(default=None, description="The step that is sent")
    variant: Name | None = Field(
        default=None, description="The variant into which the client is drawn; default: the first"
    )
    contains: str | None = Field(default=None, description="Text that the text part contains")
    coupon: ExpectedCoupon | None = Field(default=None, description="The code it gave: `{percent: 50, uses: 1}`")
    goal: Literal["met", "missed"] | None = Field(
        default=None, description="Whether the goal was met in time after an earlier email; needs no email"
    )
    draw: Share | None = Field(
        default=None, description="The client's place in the draw of the control group: at `9.99%` inside one of 10%"
    )
    outranks: tuple[Name, ...] = Field(
        default=(),
        description="Campaigns with lower priority under the frequency cap; alone: needs no email",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_for_a_list(cls, data: Any) -> Any:
        """`outranks: win-back` stands for a list of one."""
        outranks = data.get("outranks") if isinstance(data, dict) else None
        return {**data, "outranks": (outranks,)} if isinstance(outranks, str) else data


class TestEvent(Part):
    """An event of a test's client."""

    __test__ = False
    name: EventName = Field(description="A declared event")
    at: Stamp = Field(description="When, in the client's time zone; a date alone means noon")
    heard: Stamp | None = Field(default=None, description="When we received it, if later")
    data: dict[str, Any] = Field(default_factory=dict, description="The event's fields")

    @property
    def moment(self) -> datetime:
        """When it happened, as a naive local time; a day alone means noon."""
        return grammar.local_time(self.at, MIDDAY)

    @property
    def known(self) -> datetime:
        """When we heard of it, as a naive local time; a day alone means noon."""
        return self.moment if self.heard is None else max(self.moment, grammar.local_time(self.heard, MIDDAY))


class TestPurchase(Part):
    """A purchase of a test's client; a date alone means a purchase on that day."""

    __test__ = False
    at: Stamp = Field(description="When, in the client's time zone; a date alone means noon")
    amount: Decimal = Field(default=Decimal(0), ge=0, description="What was paid")
    products: tuple[str, ...] = Field(default=(), description="Skus of the bought products")

    @model_validator(mode="before")
    @classmethod
    def _date_alone(cls, data: Any) -> Any:
        return {"at": data} if isinstance(data, str) else data

    @property
    def moment(self) -> datetime:
        """When it was bought, as a naive local time; a day alone means noon."""
        return grammar.local_time(self.at, MIDDAY)


class NextProduct(Part):
    """A product usually bought after another, and when."""

    sku: str
    after_days: int = Field(default=0, ge=0)


class TestProduct(Part):
    """A product of a test's catalogue."""

    __test__ = False
    sku: str = Field(min_length=1)
    name: str | None = None
    category: str | None = None
    price: Decimal | None = Field(default=None, ge=0)
    currency: str | None = None
    url: str | None = None
    image_url: str | None = None
    consumable: bool = False
    launched_at: Stamp | None = Field(
        default=None, description="When it was launched, in the client's time zone; a date alone means its beginning"
    )
    next: tuple[NextProduct, ...] = ()
    accessories: tuple[str, ...] = ()


class TestManager(Part):
    """The manager of a test's client."""

    __test__ = False
    name: str = Field(min_length=1)
    email: str = "manager@example.com"
    title: str | None = None
    phone: str | None = None
    locale: str | None = Field(default=None, description="The language of emails to the manager")


def _form(value: Any) -> str:
    return "words" if value is None or isinstance(value, str) else "parts"


Outcome = Annotated[
    Annotated[Expectation, Tag("parts")] | Annotated[Literal["nothing"], Tag("words")], Discriminator(_form)
]

_CUSTOMER_SCHEMA = {
    "type": "object",
    "description": "Fields of the client, and under `purchases` what was bought",
    "properties": {"purchases": {"type": "array", "items": {"$ref": "#/$defs/TestPurchase"}}},
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}


class RuleTest(Part):
    """A client's history, a day, and the expected emails; run on a simulated clock."""

    name: str = Field(min_length=1, description="What the test shows")
    customer: Annotated[dict[str, Any], WithJsonSchema(_CUSTOMER_SCHEMA)] = Field(default_factory=dict)
    purchases: tuple[TestPurchase, ...] = Field(default=(), json_schema_extra={"regulars": "internal"})
    events: tuple[TestEvent, ...] = Field(default=(), description="The client's events")
    manager: TestManager | None = Field(default=None, description="The client's manager")
    catalogue: tuple[TestProduct, ...] = Field(default=(), description="All products")
    since: Stamp | None = Field(default=None, description="When the rules came into force; default: long before")
    on: Stamp = Field(description="The end of the test: a day, or day and local time")
    expect: dict[str, Outcome] = Field(
        default_factory=dict, description="For each campaign `nothing`, or properties of the email"
    )

    @model_validator(mode="before")
    @classmethod
    def _purchases_of_customer(cls, data: Any) -> Any:
        """Authors write purchases under `customer`; the model has them beside it."""
        customer = data.get("customer") if isinstance(data, dict) else None
        if not isinstance(customer, dict) or "purchases" not in customer:
            return data
        rest = {key: value for key, value in customer.items() if key != "purchases"}
        return {**data, "customer": rest, "purchases": customer["purchases"]}

    @property
    def until(self) -> datetime:
        """The end of the test, as a naive local time; a day alone means its last second."""
        return grammar.local_time(self.on, DAY_END)

    @property
    def in_force(self) -> datetime | None:
        """When the rules came into force, as a naive local time; None: long before."""
        return grammar.local_time(self.since, time()) if self.since else None
