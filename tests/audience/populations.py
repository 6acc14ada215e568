"""Random clients with histories, and how they get into a database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, assert_never

from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from regulars.audience import segment_members
from regulars.audience.expression import parse
from regulars.audience.vocabulary import BUILT_IN, Catalogue, Field, Segment
from regulars.db import tables
from regulars.profile import facts, points
from regulars.rules import fields as names
from regulars.rules.fields import CLIENT_FIELDS, RECORDED, FieldType
from regulars.rules.tariff import Points
from tests.common import people

NOWS = (
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # half an hour before Europe's clocks go forward
    datetime(2026, 10, 25, 1, 0, tzinfo=UTC),  # the hour that happens twice there
    datetime(2026, 11, 1, 6, 0, tzinfo=UTC),  # the same in New York
    datetime(2024, 2, 29, 10, 30, tzinfo=UTC),  # three dates on earth at once
    datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
ZONES = ("Europe/Chisinau", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu",
         "Nowhere/Atlantis")  # fmt: skip
TEXTS = ("", "a", "ab", "B", "ä", "a\u0308", "Ж", "🎈", "z%_", "it's", "10")
_OF_THEIR_OWN = {
    "timezone": ZONES, "manager": ("m-1", "m-2"), "email": ("a@client.example", "B@client.example"),
}  # fmt: skip
WITHIN = ("1 minute", "1 day", "2 days", "1 week", "30 days", "1 year")
EVENTS = ("purchase", "purchase", "visit.done", "visit.done", "complaint")
SKUS = {"haircut": "hair", "shampoo": "care", "hair": None, "wax": "care"}
_MEANT = ("survey.answered", "price.requested", "advice.given", "referral.bought", "points.used", "complaint.opened")
"""Events that facts are made of; one comes with each that conditions ask about."""
_SURVEYS = ("quality", "nps", "loyalty")
EVENT_DATA: dict[str, FieldType] = {
    "score": FieldType.NUMBER, "comment": FieldType.TEXT, "late": FieldType.BOOL, "day": FieldType.DATE,
    "starts_at": FieldType.INSTANT, "topics": FieldType.LIST,
}  # fmt: skip
OWN = {"credit": FieldType.NUMBER, "tier": FieldType.TEXT, "vip": FieldType.BOOL, "renewal": FieldType.DATE,
       "seen": FieldType.INSTANT, "tags": FieldType.LIST}  # fmt: skip
BOOKING = {"visit": FieldType.TEXT, "starts_at": FieldType.INSTANT}
CATALOGUE = Catalogue(
    fields={**{n: Field(n, kind, "", custom=True) for n, kind in OWN.items()}, **BUILT_IN},
    events={
        **names.EVENTS, "visit.done": EVENT_DATA, "complaint": {}, "visit.booked": BOOKING, "visit.cancelled": BOOKING,
        "demo.agreed": {"starts_at": FieldType.INSTANT},
    },
    zone="Europe/Tallinn",
)  # fmt: skip
SEGMENTS = {
    "spenders": "customer.spent > 2 and days_since(customer.last_purchase_at) < 30",
    "named": "customer.name != 'ab' or customer.vip",
    "both": "in_segment('spenders') and not in_segment('named')",
}
"""Segments of all populations; one is made of the others, and each can be unknown."""

for _name, _text in SEGMENTS.items():
    _node = parse(_text, CATALOGUE, place="segment").node
    CATALOGUE = replace(CATALOGUE, segments={**CATALOGUE.segments, _name: Segment(_name, _text, _node)})

JSON_VALUES = st.one_of(
    st.none(), st.booleans(), st.sampled_from(TEXTS),
    st.sampled_from([0, 1, 7, -3, 10**15, 10**16 + 1, -(10**14), 10**30, 123456789012345, -12345678901234,
                     -123456789012345, 0.1, -0.0, 1.0, 1e15, 1.1e15, 1e16, 1e-15, 9e-16, 1e-7, 1e22, 5e-324, 1.7e308,
                     0.30000000000000004, 2.5]),
    st.floats(-1e16, 1e16, allow_nan=False),
    st.sampled_from(["2026-03-29", "2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "2026-04-31", "0000-01-01",
                     "2026-3-29", "2026-03-29\n", "2026-03-29T00:00", "9999-12-31"]),
    st.sampled_from(["2026-03-29T00:30:00Z", "2026-03-29 00:30", "2026-03-29T00:30:00.5+05:45", "2026-03-29T24:00Z",
                     "2026-03-29T10:00:60Z", "2026-03-28T23:59:59.999999-11:00", "2023-02-29T00:00Z",
                     "0001-01-01T00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-29T10:00+15:00"]),
    st.sampled_from(["12", "-3.5", "+4", "1_0", "٣", "1e2", "Infinity", "NaN", " 8 ", "9\n", "0.1",
                     "1234567890123456"]),
    st.lists(st.one_of(st.sampled_from(TEXTS), st.integers(0, 3), st.none()), max_size=3),
    st.just({"score": 1}),
)  # fmt: skip


@dataclass(frozen=True)
class Happening:
    """A purchase (`skus` and amount) or an event (`name` and data)."""

    at: datetime
    name: str
    amount: int | None
    skus: tuple[str, ...]
    data: dict[str, Any]
    quantity: int | None

    @property
    def currency(self) -> str | None:
        """What a purchase was paid in."""
        return "EUR" if self.quantity else None


@dataclass(frozen=True)
class Client:
    """One random client."""

    fields: dict[str, Any]
    happened: list[Happening]


def moments(now: datetime) -> st.SearchStrategy[datetime]:
    """Instants around `now`, the edges of whole days more often than chance would have them."""
    days = st.sampled_from([-7, -1, 0, 0, 1, 1, 2, 7, 30, 365])
    edge = st.builds(lambda d, m: timedelta(days=d, microseconds=m), days, st.integers(-1, 1))
    anywhere = st.timedeltas(timedelta(days=-3), timedelta(days=400))
    return st.one_of(edge, edge, anywhere).map(lambda age: now - age)


@st.composite
def clients(draw: Callable[..., Any], now: datetime) -> Client:
    """A client as it may come from an import."""
    fields: dict[str, Any] = {name: draw(recorded(name, now)) for name in RECORDED if name != "external_id"}
    fields["attrs"] = draw(st.fixed_dictionaries({}, optional={name: own_values(kind) for name, kind in OWN.items()}))
    fields["attrs"] |= draw(st.sampled_from([{}, {}, {"motivation_by_hand": "belonging"}, {"motivation_by_hand": 7}]))
    return Client(fields, draw(st.lists(happenings(now), max_size=8)))


def recorded(name: str, now: datetime) -> st.SearchStrategy[Any]:
    """Values of a field that an import or the client's own pages bring; `external_id` is given by `add`."""
    if name in _OF_THEIR_OWN:
        return st.sampled_from([None, *_OF_THEIR_OWN[name]])
    match CLIENT_FIELDS[name].type:
        case FieldType.TEXT:
            return st.sampled_from([None, *TEXTS])
        case FieldType.NUMBER:
            return st.sampled_from([None, -7.0, 0.0, 1.0, 0.5, 30.0])
        case FieldType.BOOL:
            return st.sampled_from([None, True, False])
        case FieldType.DATE:
            near = [now.date() + timedelta(days=n) for n in (-7, -2, -1, 0, 1, 2)]
            return st.sampled_from([None, date(1980, 2, 29), *near])
        case FieldType.INSTANT:
            return moments(now) if name == "created_at" else st.none() | moments(now)
        case kind:
            assert_never(kind)


def own_values(kind: FieldType) -> st.SearchStrategy[Any]:
    """Values of the type that was declared, and of any other."""
    right: dict[FieldType, st.SearchStrategy[Any]] = {
        FieldType.NUMBER: st.sampled_from([-7, 0, 1, 2.0, 0.5, " 7 ", "30"]),
        FieldType.TEXT: st.sampled_from([*TEXTS, 10]),
        FieldType.BOOL: st.booleans(),
        FieldType.DATE: st.sampled_from([str((now + timedelta(days=n)).date()) for now in NOWS for n in (-1, 0, 1)]),
        FieldType.INSTANT: st.sampled_from([(now - timedelta(days=n)).isoformat() for now in NOWS for n in (0, 1, 7)]),
        FieldType.LIST: st.lists(st.sampled_from(TEXTS), max_size=3),
    }
    return st.one_of(right[kind], right[kind], JSON_VALUES)


def happenings(now: datetime) -> st.SearchStrategy[Happening]:
    """Purchases and events."""
    return st.builds(
        Happening,
        at=moments(now),
        name=st.sampled_from(EVENTS),
        amount=st.sampled_from([None, 0, 10_000, 20_000, 205_000, -1, 1_234_567_890_123]),
        skus=st.lists(st.sampled_from(sorted(SKUS)), max_size=2).map(tuple),
        data=st.fixed_dictionaries({}, optional={name: own_values(kind) for name, kind in EVENT_DATA.items()}),
        quantity=st.sampled_from([None, -1, 0, 1, 2]),
    )


def furnish(connection: Connection) -> None:
    """What every population shares: managers, products, a sequence."""
    for manager in ("m-1", "m-2"):
        people.add_manager(connection, manager)
    for sku, category in SKUS.items():
        people.add_product(connection, sku, category=category)
    people.add_link(connection, "haircut", "next", "shampoo", after_days=20)
    people.add_link(connection, "shampoo", "next", "wax")
    people.add_link(connection, "haircut", "accessory", "wax")
    points.put_in_force(connection, Points(per_currency_unit=Decimal(2), per_referral=3, levels={"a": 1, "Ж": 45}))
    model = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "clients": 2357, "learned_at": NOWS[3]}
    connection.execute(insert(tables.buying_model).values(id=1, **model))
    shares = [(visit, days, days / 400) for visit in (1, 2) for days in (1, 30, 90, 400)]
    rows = [{"visit": visit, "days": days, "share": share} for visit, days, share in shares]
    connection.execute(insert(tables.return_times), rows)


def add(connection: Connection, client: Client) -> int:
    """Puts the client and the history in; facts are not refreshed."""
    key = people.add_customer(connection, consent=False, **client.fields)
    for each in client.happened:
        if each.name == "purchase":
            amount = None if each.amount is None else Decimal(each.amount) / 10_000
            people.add_purchase(
                connection, key, each.at, *each.skus, amount=amount, quantity=each.quantity, currency=each.currency,
                discount=None if each.quantity is None else Decimal(each.quantity) / 7, data=each.data,
            )  # fmt: skip
        else:
            people.add_event(connection, key, each.name, each.at, each.data)
            meant = _MEANT[(each.quantity or 0) % len(_MEANT)]
            more = {"points": each.quantity, "survey": _SURVEYS[len(each.skus)]}
            people.add_event(connection, key, meant, each.at, {**each.data, **more})
            _add_appointments(connection, key, each)
    if len(client.happened) % 3 == 1:
        stay = {"occurrence": "x", "entered_at": NOWS[3], "baseline": True, "left_at": None}
        row = {"campaign": segment_members.key("spenders"), "customer_id": key, **stay}
        connection.execute(insert(tables.members).values(**row))
    if len(client.happened) % 2:
        value = {"clv": len(client.happened) / 3, "at": NOWS[3], "purchases": 0, "spent": Decimal(0)}
        connection.execute(insert(tables.worth).values(customer_id=key, **value))
    return key


def _add_appointments(connection: Connection, key: int, each: Happening) -> None:
    """Bookings and cancellations of the same few visits, some of them to come, and an agreed demonstration."""
    number = (each.quantity or 0) + len(each.skus)
    starts = each.data.get("starts_at") if number == 0 else (each.at + timedelta(days=3 * number)).isoformat()
    visit = [None, "a", "a", "", 7, True][len(each.data) % 6]
    name = "visit.cancelled" if number == 2 else "visit.booked"
    people.add_event(connection, key, name, each.at, {"visit": visit, "starts_at": starts})
    people.add_event(connection, key, "demo.agreed", each.at, {"starts_at": starts})


def settle(connection: Connection) -> None:
    """Brings the facts up to the purchases."""
    facts.refresh(connection)
