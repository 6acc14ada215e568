from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regulars.core.calendar import local_date
from regulars.db.types import from_micros, to_micros
from regulars.importing import cells, date_formats, numbers, places
from regulars.importing.refused import Refused
from regulars.render.mailbox import Mailbox


@pytest.mark.parametrize(
    ("raw", "mark", "expected"),
    [
        ("12", None, "12"),
        ("-3.5", None, "-3.5"),
        ("1 234,50", None, "1234.50"),
        ("1\u00a0234\u202f567,5", None, "1234567.5"),
        ("1,234.50", None, "1234.50"),
        ("1.234,50", None, "1234.50"),
        ("1'234.50", None, "1234.50"),
        ("1,234,567", None, "1234567"),
        ("12,5", None, "12.5"),
        ("0.125", None, "0.125"),
        ("1234.567", None, "1234.567"),
        ("1,234", ".", "1234"),
        ("1,234", ",", "1.234"),
        ("1.234", ",", "1234"),
        ("1.234", ".", "1.234"),
        ("−7", None, "-7"),
        (17, None, "17"),
        (0.25, None, "0.25"),
    ],
)
def test_numbers_as_people_write_them(raw: Any, mark: str | None, expected: str) -> None:
    assert numbers.decimal(mark)(raw) == Decimal(expected)


@pytest.mark.parametrize(
    ("raw", "mark"),
    [("1,234", None), ("1.234", None), ("12 3", None), ("1,2,3", None), ("ten", None), ("NaN", None), ("1e5", None),
     ("12.5", ","), ("١٢", None), ("9" * 16, None), (True, None), (float("inf"), None)],
)  # fmt: skip
def test_what_is_no_number_or_could_be_two_is_refused(raw: Any, mark: str | None) -> None:
    with pytest.raises(Refused):
        numbers.decimal(mark)(raw)


@pytest.mark.parametrize(
    ("raw", "order", "expected"),
    [
        ("2026-01-31", None, date(2026, 1, 31)),
        ("31.01.2026", None, date(2026, 1, 31)),
        ("3.4.2026", None, date(2026, 4, 3)),
        ("31/01/2026", None, date(2026, 1, 31)),
        ("01/31/2026", None, date(2026, 1, 31)),
        ("5/5/2026", None, date(2026, 5, 5)),
        ("2026/01/31", None, date(2026, 1, 31)),
        ("03/04/2025", "dmy", date(2025, 4, 3)),
        ("03/04/2025", "mdy", date(2025, 3, 4)),
        ("2024-02-29", None, date(2024, 2, 29)),
    ],
)
def test_days_as_people_write_them(raw: str, order: str | None, expected: date) -> None:
    assert date_formats.day(order)(raw) == expected


@pytest.mark.parametrize(
    "raw", ["03/04/2025", "2026-13-01", "29.02.2025", "31-01/2026", "today", "20260131", "01.02.26"]
)
def test_what_is_no_day_or_could_be_two_is_refused(raw: str) -> None:
    with pytest.raises(Refused):
        date_formats.day(None)(raw)


LOCAL_PART = st.text(
    st.characters(categories=("L", "M", "N", "P", "S", "Cf"), exclude_characters="@"), min_size=1, max_size=12
)


@given(LOCAL_PART, st.sampled_from(["client.example", "b\u0301.example", "डाटा.example"]))
@example("jose\u0301", "client.example")
@example("q\u0323", "client.example")
@example("अजय", "client.example")
@example("\u0301x", "client.example")
@example("🎈", "client.example")
@example("नि\u200dता", "client.example")
def test_an_address_can_be_sent_to_or_is_refused(local: str, domain: str) -> None:
    try:
        address = cells.email(f"{local}@{domain}")
    except Refused:
        return
    assert address == unicodedata.normalize("NFC", str(address))
    assert Mailbox("", str(address)).wire.endswith("example")


@pytest.mark.parametrize("raw", ["jose\u0301@client.example", "q\u0323@client.example", "अजय@client.example"])
def test_letters_with_marks_are_letters(raw: str) -> None:
    """Those that Unicode has as one sign, those that it has only as two, and scripts in which vowels are marks."""
    assert cells.email(raw) == unicodedata.normalize("NFC", raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-01-31T10:00:00Z", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31 10:00:00+03:00", datetime(2026, 1, 31, 7, tzinfo=UTC)),
        ("2026-01-31 10:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-07-31T10:00:00.25", datetime(2026, 7, 31, 7, 0, 0, 250_000, tzinfo=UTC)),
        ("31.07.2026 9:05", datetime(2026, 7, 31, 6, 5, tzinfo=UTC)),
        ("2026-03-29 03:30", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # skipped by daylight saving
        ("2026-01-31", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_instants_are_meant_on_the_company_clock(raw: str, expected: datetime) -> None:
    found = date_formats.moment(None, "Europe/Tallinn")(raw)
    assert found is not None
    assert from_micros(found.micros) == expected


@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "America/New_York", "UTC", "Asia/Kolkata", "Pacific/Kiritimati"])
@pytest.mark.parametrize("day", ["1997-01-01", "2024-02-29", "2026-03-29", "2026-11-01"])
def test_a_bare_date_stays_that_day_in_the_company_zone(zone: str, day: str) -> None:
    found = date_formats.moment(None, zone)(day)
    assert found is not None
    assert local_date(from_micros(found.micros), zone).isoformat() == found.written == day


def test_the_end_of_the_calendar_is_refused() -> None:
    for raw in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:00-12:00"):
        with pytest.raises(Refused):
            date_formats.moment(None, "UTC")(raw)


def test_an_instant_after_the_latest_is_refused() -> None:
    read = date_formats.moment(None, "UTC", datetime(2026, 1, 1, tzinfo=UTC))
    assert read("2026-01-01T00:00:00Z") == date_formats.Moment(
        to_micros(datetime(2026, 1, 1, tzinfo=UTC)), "2026-01-01T00:00:00+00:00"
    )
    with pytest.raises(Refused, match="future"):
        read("2026-01-01T00:00:01Z")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (" Ana.Popa@CLIENT.Example ", "Ana.Popa@client.example"),
        ("ana+spa@client.example", "ana+spa@client.example"),
        ("имя@почта.рф", "имя@почта.рф"),
        ("o'brien@client.example", "o'brien@client.example"),
        ("a@xn--80a1acny.xn--p1ai", "a@почта.рф"),
    ],
)
def test_addresses_keep_their_local_part(raw: str, expected: str) -> None:
    assert cells.email(raw) == expected


@pytest.mark.parametrize(
    "raw",
    ["ana", "@client.example", "ana@", "a..b@client.example", ".a@client.example", "a.@client.example",
     "a b@client.example", "a@-client.example", "a@client..example", f"{'a' * 65}@client.example",
     f"a@{'b' * 64}.example", "a@client.example\nBcc:x"],
)  # fmt: skip
def test_what_is_no_address_is_refused(raw: str) -> None:
    with pytest.raises(Refused):
        cells.email(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("mower", [{"sku": "mower"}]), ("mower×2; oil", [{"sku": "mower", "quantity": 2}, {"sku": "oil"}]),
     ("oil x3", [{"sku": "oil", "quantity": 3}]), ("oil*4", [{"sku": "oil", "quantity": 4}]),
     ("max2", [{"sku": "max2"}]), ([{"sku": "a", "quantity": 2}, "b"], [{"sku": "a", "quantity": 2}, {"sku": "b"}])],
)  # fmt: skip
def test_products_of_a_purchase(raw: Any, expected: list[dict[str, Any]]) -> None:
    assert cells.pieces(raw) == expected


def test_languages_zones_countries_and_currencies_come_out_in_one_form() -> None:
    assert [places.locale(raw) for raw in ("ro", "pt_br", "en-GB", "zh-Hant-TW", " uk ")] == [
        "ro", "pt-BR", "en-GB", "zh-Hant-TW", "uk",
    ]  # fmt: skip
    assert [places.country(raw) for raw in ("ee", "Estonia", "united kingdom")] == ["EE", "EE", "GB"]
    assert places.timezone("Europe/Tallinn") == "Europe/Tallinn"
    assert places.currency("mdl") == "MDL"


@pytest.mark.parametrize(
    "raw", ["javascript:alert(1)", "www.shop.example", "ftp://shop.example", "https://", "http://[x"]
)
def test_what_is_no_web_address_is_refused(raw: str) -> None:
    with pytest.raises(Refused):
        cells.url(raw)


def test_yes_and_no_in_the_words_of_many() -> None:
    assert [cells.yes_or_no(raw) for raw in (True, "Да", "JAH", 1, "0", "nu", "Нет", " ")] == [
        True, True, True, True, False, False, False, None,
    ]  # fmt: skip
