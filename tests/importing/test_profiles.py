"""A small file of each profile, in the layout that its page shows, comes in right; other files are refused."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from regulars.core.errors import Invalid
from regulars.db.engine import read
from regulars.db.tables import consents, customers, purchases, suppressions
from regulars.importing.profiles import PROFILES, profile_layout
from regulars.importing.report import ImportReport, Kind
from tests.importing.conftest import Desk

FILES = Path(__file__).parent / "profiles"
"""A few made-up people in each layout; `Profile.page` says where it is shown."""


@dataclass(frozen=True)
class Expected:
    """What must come of a file."""

    people: list[tuple[Any, ...]] = field(default_factory=list)
    """Outside id, address, first name, and whether they agreed."""
    bought: list[tuple[Any, ...]] = field(default_factory=list)
    """Id, amount, currency, quantity."""
    suppressed: int = 0


ANA, BO = ("ana@client.example", "Ana"), ("bo@client.example", "Bo")
SAMPLES = {
    "shopify-customers": Expected(people=[("7001", *ANA, True), ("7002", *BO, False)]),
    "shopify-orders": Expected(bought=[("#1", "105.9", "EUR", 3), ("#3", "15", "EUR", 1)]),
    "woocommerce-orders": Expected(bought=[("1", "55", "EUR", None), ("3", "5", "EUR", None)]),
    "mailchimp": Expected(people=[("ana@client.example", *ANA, True), ("bo@client.example", *BO, False)]),
    "brevo": Expected(people=[("ana@client.example", *ANA, True), ("bo@client.example", *BO, False)]),
    "klaviyo": Expected(people=[("ana@client.example", *ANA, True), ("bo@client.example", *BO, False)], suppressed=1),
    "hubspot-contacts": Expected(
        people=[("51", *ANA, None), ("52", *BO, False), ("53", "cy@client.example", "Cy", None)], suppressed=1
    ),
    "stripe-payments": Expected(bought=[("ch_1", "399", "USD", None), ("ch_4", "7.5", "USD", None)]),
    "prestashop-customers": Expected(people=[("1", *ANA, True), ("2", *BO, False)]),
    "magento-customers": Expected(people=[("ana@client.example", *ANA, None)]),
    "magento-orders": Expected(bought=[("000000001", "36.4", None, None)]),
    "square-customers": Expected(people=[("SQ1", *ANA, True), ("SQ2", *BO, False)]),
}


def content(name: str) -> str:
    return (FILES / f"{name}.csv").read_text(encoding="utf-8")


def header(text: str) -> list[str]:
    first = text.split("\n", 1)[0]
    return next(csv.reader(io.StringIO(first), delimiter=";" if ";" in first else ","))


def bring(desk: Desk, name: str) -> ImportReport:
    layout = profile_layout(name, header(content(name)))
    return desk.bring(
        PROFILES[name].kind, content(name), "export.csv", mapping=layout.mapping, dates=layout.dates,
        statuses=layout.statuses,
    )  # fmt: skip


def test_every_profile_has_a_sample_and_a_page() -> None:
    assert set(SAMPLES) == set(PROFILES)
    assert len({name.partition("-")[0] for name in PROFILES}) >= 10
    assert [name for name, profile in PROFILES.items() if "." not in profile.page] == []


@pytest.mark.parametrize("name", [name for name, one in PROFILES.items() if one.kind is Kind.CUSTOMERS])
def test_a_list_of_people(sqlite_desk: Desk, name: str) -> None:
    report = bring(sqlite_desk, name)
    assert (report.bad, report.refused) == ([], 0)
    with read(sqlite_desk.engine) as connection:
        said = select(customers.c.external_id, customers.c.email, customers.c.first_name, consents.c.granted).outerjoin(
            consents, consents.c.customer_id == customers.c.id
        )
        assert list(connection.execute(said.order_by(customers.c.id))) == SAMPLES[name].people
    assert len(sqlite_desk.rows(suppressions, "reason")) == SAMPLES[name].suppressed


@pytest.mark.parametrize("name", [name for name, one in PROFILES.items() if one.kind is Kind.PURCHASES])
def test_a_list_of_orders(sqlite_desk: Desk, name: str) -> None:
    sqlite_desk.bring(Kind.CUSTOMERS, "email\nana@client.example\nbo@client.example\n")
    report = bring(sqlite_desk, name)
    assert (report.bad, report.refused) == ([], 0)
    rows = sqlite_desk.rows(purchases, "external_id", "amount", "currency", "quantity")
    assert [(one, f"{amount:f}".rstrip("0").rstrip("."), *rest) for one, amount, *rest in rows] == SAMPLES[name].bought


@pytest.mark.parametrize("name", PROFILES)
def test_the_file_of_another_tool_is_refused_with_what_it_lacks(name: str) -> None:
    for other in SAMPLES:
        columns = header(content(other))
        if other == name:
            assert "-" in profile_layout(name, columns).mapping.values()
            continue
        with pytest.raises(Invalid) as caught:
            profile_layout(name, columns)
        (fault,) = caught.value.diagnostics
        assert fault.code == "D007"
        assert f"`--from {other}`" in str(fault.hint)
