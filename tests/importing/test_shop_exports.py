"""Orders of shops, payment services and CRMs: sums and counts equal an independent count.

One population of orders is written in the layout of each tool; the count is made from the population, in Decimal,
without the importer. The layouts are those that the named page or public parser shows.
"""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from regulars.db import tables
from regulars.importing.report import Kind
from tests.importing.conftest import Desk

NOW = datetime(2026, 6, 10, 9, 0, tzinfo=UTC)
PEOPLE = [f"p{n}" for n in range(12)]
Cells = Sequence[object]


@dataclass(frozen=True)
class Order:
    """What happened to an order: its end is `paid`, `part` or `back` (paid back), `failed`, `open` or `off`."""

    number: int
    person: int
    at: datetime
    lines: tuple[tuple[str, int, Decimal], ...]
    shipping: Decimal
    end: str
    refunded: Decimal

    @property
    def total(self) -> Decimal:
        return sum((count * price for _, count, price in self.lines), self.shipping)

    @property
    def email(self) -> str:
        return f"{PEOPLE[self.person]}@client.example"

    @property
    def kept(self) -> Decimal | None:
        """What the business kept; None where there is no purchase."""
        return self.total - self.refunded if self.end in {"paid", "part"} else None


def orders(count: int = 150) -> list[Order]:
    """Orders of every end, the same in each run."""
    draw = random.Random(14)
    found = []
    for number in range(1, count + 1):
        skus = draw.sample(["MOW", "OIL", "TEA", "CUP"], draw.randint(1, 3))
        prices = [Decimal(draw.randint(1, 200_000)) / 100 for _ in skus]
        lines = tuple((sku, draw.randint(1, 4), price) for sku, price in zip(skus, prices, strict=True))
        shipping = Decimal(draw.choice([0, 500, 999])) / 100
        end = draw.choice(["paid", "paid", "paid", "part", "back", "failed", "open", "off"])
        total = sum((count * price for _, count, price in lines), shipping)
        refunded = {"part": (total / 3).quantize(Decimal("0.01")), "back": total}.get(end, Decimal(0))
        at = NOW - timedelta(days=draw.randint(1, 900), minutes=draw.randint(0, 1400))
        found.append(Order(number, draw.randrange(len(PEOPLE)), at, lines, shipping, end, refunded))
    return found


def counted(known: Sequence[Order]) -> tuple[Counter[str], dict[str, Decimal]]:
    """Purchases and money kept, by address."""
    count: Counter[str] = Counter()
    money: dict[str, Decimal] = {}
    for order in known:
        if order.kept is not None:
            count[order.email] += 1
            money[order.email] = money.get(order.email, Decimal(0)) + order.kept
    return count, money


@dataclass(frozen=True)
class Tool:
    """One tool's export: its header, the rows of an order, its words for the ends, and what a user has to say."""

    name: str
    page: str
    header: str
    rows: Callable[[Order, str], Iterator[Cells]]
    words: Mapping[str, str]
    mapping: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    mark: str = ","

    def content(self, known: Sequence[Order]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.mark)
        writer.writerow(self.header.split(","))
        for order in known:
            writer.writerows(self.rows(order, self.words[order.end]))
        return text.getvalue()


def shopify(o: Order, status: str) -> Iterator[Cells]:
    at, cancelled = f"{o.at:%Y-%m-%d %H:%M:%S} +0000", f"{o.at:%Y-%m-%d} 23:00:00 +0000" if o.end == "off" else ""
    net = o.total - o.shipping
    for number, (sku, count, price) in enumerate(o.lines):
        line = [at, count, f"{sku} thing", price, sku]
        if number:
            yield [f"#{1000 + o.number}", o.email, *[""] * 9, *line, "", "", "", ""]
        else:
            paid = at if o.end in {"paid", "part", "back"} else ""
            yield [
                f"#{1000 + o.number}", o.email, status, paid, "fulfilled", "no", "EUR", net, o.shipping, o.total,
                "0.00", *line, cancelled, "Visa", o.refunded, 5_000_000 + o.number,
            ]  # fmt: skip


def woocommerce(o: Order, status: str) -> Iterator[Cells]:
    for number, (sku, count, price) in enumerate(o.lines, 1):
        yield [
            o.number, status, f"{o.at:%Y-%m-%d %H:%M}", "Ana", "Pop", o.email, "Card", o.total - o.shipping, o.shipping,
            f"-{o.refunded}" if o.refunded else "0", o.total, sku, number, f"{sku} thing", count, price,
        ]  # fmt: skip


def stripe(o: Order, status: str) -> Iterator[Cells]:
    captured = "false" if o.end == "open" else "true"
    yield [
        f"ch_{o.number}", f"{o.at:%Y-%m-%d %H:%M:%S}", o.total, o.refunded, "eur", captured, o.total, o.refunded, "",
        f"cus_{o.person}", o.email, "0.30", status, "Payment complete.",
    ]  # fmt: skip


def prestashop(o: Order, status: str) -> Iterator[Cells]:
    yield [
        o.number, f"REF{o.number:06}", o.person + 1, o.email, "Card", f"{o.total:.6f}", status,
        f"{o.at:%Y-%m-%d %H:%M:%S}",
    ]  # fmt: skip


def magento(o: Order, status: str) -> Iterator[Cells]:
    total, refunded = f"{o.total:.4f}", f"{o.refunded:.4f}" if o.refunded else ""
    yield [
        f"{o.number:09}", "Main Website", f"{o.at:%Y-%m-%d %H:%M:%S}", "Ana Pop", "Ana Pop", total, total, status,
        "1 Elm St", "Flat Rate", o.email, "General", f"{o.total - o.shipping:.4f}", f"{o.shipping:.4f}", "Ana Pop",
        "checkmo", refunded,
    ]  # fmt: skip


def hubspot(o: Order, status: str) -> Iterator[Cells]:
    closing = o.at + timedelta(days=2_000) if o.end == "open" else o.at  # a deal that is not closed yet
    yield [
        90_000 + o.number, f"Deal {o.number}", status, "Sales Pipeline", f"{closing:%Y-%m-%d %H:%M}", o.kept or o.total,
        "EUR", "Mari Tamm", 100 + o.person, "Ana Pop",
    ]  # fmt: skip


TOOLS = [
    Tool(
        "Shopify", "help.shopify.com, Exporting orders; jadwro/allegro_csv_parser, ShopifyOrderTypeCSV.ts",
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Accepts Marketing,Currency,Subtotal,Shipping,Total,"
        "Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at,"
        "Payment Method,Refunded Amount,Id",
        shopify,
        {"paid": "paid", "part": "partially_refunded", "back": "refunded", "failed": "voided", "open": "pending",
         "off": "paid"},
    ),
    Tool(
        "WooCommerce", "woo-order-export-lite (Advanced Order Export), one row for each item",
        "Order Number,Order Status,Order Date,First Name (Billing),Last Name (Billing),Email (Billing),"
        "Payment Method Title,Order Subtotal Amount,Order Shipping Amount,Order Refund Amount,Order Total Amount,SKU,"
        "Item #,Item Name,Quantity,Item Cost",
        woocommerce,
        {"paid": "Completed", "part": "Processing", "back": "Refunded", "failed": "Failed", "open": "On hold",
         "off": "Cancelled"},
    ),
    Tool(
        "Stripe", "docs.stripe.com, Export data: payments",
        "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,"
        "Description,Customer ID,Customer Email,Fee,Status,Seller Message",
        stripe,
        {"paid": "Paid", "part": "Paid", "back": "Refunded", "failed": "Failed", "open": "Uncaptured",
         "off": "Canceled"},
        mapping={"Customer ID": "-"},
    ),
    Tool(
        "PrestaShop", "devdocs.prestashop-project.org, resource orders; names of the SQL Manager's query",
        "id_order,reference,id_customer,email,payment,total_paid_tax_incl,order_state,date_add",
        prestashop,
        {"paid": "Payment accepted", "back": "Refunded", "failed": "Payment error", "off": "Canceled",
         "open": "Awaiting bank wire payment"},
        mapping={"id_customer": "-"}, mark=";",
    ),
    Tool(
        "Magento", "magento2, Magento_Sales/view/adminhtml/ui_component/sales_order_grid.xml",
        "ID,Purchase Point,Purchase Date,Bill-to Name,Ship-to Name,Grand Total (Base),Grand Total (Purchased),Status,"
        "Billing Address,Shipping Information,Customer Email,Customer Group,Subtotal,Shipping and Handling,"
        "Customer Name,Payment Method,Total Refunded",
        magento,
        {"paid": "Complete", "part": "Processing", "back": "Closed", "failed": "Suspected Fraud",
         "open": "Pending Payment", "off": "Canceled"},
        mapping={"ID": "id"}, statuses={"Closed": "refunded"},
    ),
    Tool(
        "HubSpot", "knowledge.hubspot.com, Export your records: deals",
        "Record ID,Deal Name,Deal Stage,Pipeline,Close Date,Amount,Currency,Deal owner,Associated Contact IDs,"
        "Associated Contact",
        hubspot,
        {"paid": "Closed Won", "failed": "Closed Lost", "off": "Closed Lost", "open": "Contract Sent"},
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def population() -> list[Order]:
    return orders()


@pytest.mark.parametrize("tool", TOOLS, ids=[tool.name for tool in TOOLS])
def test_sums_and_counts_equal_an_independent_count(desk: Desk, population: list[Order], tool: Tool) -> None:
    known = [order for order in population if order.end in tool.words]
    people = "".join(f"{100 + n},{name}@client.example\n" for n, name in enumerate(PEOPLE))
    desk.bring(Kind.CUSTOMERS, "id,email\n" + people)
    for changed in (False, True):  # the same file again
        report = desk.bring(
            Kind.PURCHASES, tool.content(known), mapping=tool.mapping, statuses=tool.statuses, now=NOW, timezone="UTC",
            currency="EUR", batch=50,
        )  # fmt: skip
        assert (report.bad, report.refused, report.changed) == ([], 0, 0)
        assert bool(report.added) is not changed
        count, money = counted(known)
        addresses = dict(desk.rows(tables.customers, "id", "email"))
        bought: Counter[str] = Counter()
        spent: dict[str, Decimal] = {}
        for owner, amount in desk.rows(tables.purchases, "customer_id", "amount"):
            bought[addresses[owner]] += 1
            spent[addresses[owner]] = spent.get(addresses[owner], Decimal(0)) + amount
        assert (bought, spent) == (count, money)
        facts = desk.rows(tables.facts, "customer_id", "purchases", "spent")
        assert {addresses[owner]: (n, total) for owner, n, total in facts if n} == {
            address: (count[address], money[address]) for address in count
        }


def test_a_status_that_tools_use_in_two_ways_is_asked_about(sqlite_desk: Desk, population: list[Order]) -> None:
    magento_grid = next(tool for tool in TOOLS if tool.name == "Magento")
    sqlite_desk.bring(Kind.CUSTOMERS, "email\n" + "".join(f"{name}@client.example\n" for name in PEOPLE))
    report = sqlite_desk.bring(Kind.PURCHASES, magento_grid.content(population), mapping={"ID": "id"}, currency="EUR")
    closed = [order for order in population if order.end == "back"]
    assert report.refused == len(closed) > 0
    assert {bad.hint for bad in report.bad} == {
        'say whether such an order counts: `--status "Closed=paid"`, `=unpaid` or `=refunded`'
    }


def test_the_population_has_every_end() -> None:
    assert {order.end for order in orders()} == {"paid", "part", "back", "failed", "open", "off"}
