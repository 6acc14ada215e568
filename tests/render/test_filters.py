from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from regulars.render.message import RenderFailed, render
from tests.render.conftest import Desk

NIGHT = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
SPACE = "\u00a0"


def show(desk: Desk, expression: str, value: Any, locale: str = "en-GB", **context: Any) -> str:
    desk.email("<mj-text>x</mj-text>", locale=locale, subject="{{ " + expression + " }}")
    company = {"currency": "EUR", "timezone": "Europe/Chisinau"}
    return render(
        desk.templates(locale).compiled("letter", locale), {"v": value, "company": company, **context}
    ).subject


@pytest.mark.parametrize(
    ("expression", "value", "locale", "shown"),
    [
        ("v | date", date(2026, 3, 5), "en-GB", "5 March 2026"),
        ("v | date", date(2026, 3, 5), "uk", "5 березня 2026" + SPACE + "р."),
        ("v | date('full')", date(2026, 3, 6), "uk", "п\u2019ятниця, 6 березня 2026" + SPACE + "р."),
        ("v | time", NIGHT, "en", "1:30" + SPACE + "AM"),
        ("v | date('day')", date(2026, 3, 5), "ru", "5 марта"),
        ("v | date('month')", date(2026, 3, 5), "et", "märts 2026"),
        ("v | date('short')", date(2026, 3, 5), "ro", "05.03.2026"),
        ("v | date", NIGHT, "en-GB", "5 March 2026"),
        ("v | date", "2026-03-05", "en-GB", "5 March 2026"),
        ("v | date", "2026-03-04T23:30:00+00:00", "en-GB", "5 March 2026"),
        ("v | time", NIGHT, "en-GB", "01:30"),
        ("v | datetime", NIGHT, "en-GB", "5 March 2026, 01:30"),
        ("v | money", Decimal("1234.5"), "en-GB", "€1,234.50"),
        ("v | money", Decimal(50), "en-GB", "€50"),
        ("v | money", Decimal("1234.5"), "uk", "1" + SPACE + "234,50" + SPACE + "€"),
        ("v | money('MDL')", 100, "ro", "100" + SPACE + "MDL"),
        ("v | money", "19.90", "en-GB", "€19.90"),
        ("v | money('JPY')", 500, "en-GB", "JP¥500"),
        ("v | number", 1234.5, "uk", "1" + SPACE + "234,5"),
        ("years_since(v)", date(2023, 3, 5), "en", "3"),
        ("years_since(v)", date(2023, 3, 6), "en", "2"),
        ("years_since(v)", datetime(2023, 3, 4, 23, 0, tzinfo=UTC), "en", "3"),
        ("v | upper", "ана", "uk", "АНА"),
    ],
)
def test_values_are_shown_in_the_readers_way(desk: Desk, expression: str, value: Any, locale: str, shown: str) -> None:
    assert show(desk, expression, value, locale, today=date(2026, 3, 5)) == shown


def test_the_readers_zone_comes_before_the_companys(desk: Desk) -> None:
    assert show(desk, "v | time", NIGHT, customer={"timezone": "America/New_York"}) == "18:30"
    assert show(desk, "v | time", NIGHT, customer={"timezone": None}) == "01:30"
    assert show(desk, "v | time", NIGHT, customer={"timezone": "America/New_York"}, timezone="Asia/Tokyo") == "08:30"


@pytest.mark.parametrize(
    ("locale", "forms", "shown"),
    [
        ("en", "one=year|other=years", {1: "year", 2: "years", 5: "years", 21: "years"}),
        (
            "uk",
            "one=рік|few=роки|many=років|other=року",
            {1: "рік", 2: "роки", 5: "років", 11: "років", 21: "рік", 1.5: "року"},
        ),
        ("ru", "one=год|few=года|many=лет|other=года", {1: "год", 3: "года", 12: "лет", 22: "года", 100.0: "лет"}),
        ("ro", "one=an|few=ani|other=de ani", {1: "an", 2: "ani", 19: "ani", 20: "de ani", 101: "ani"}),
        ("et", "one=aasta|other=aastat", {1: "aasta", 2: "aastat"}),
        ("en", "one=# year|other=# years", {1: "1 year", 1200: "1,200 years"}),
        ("uk", "other=днів", {1: "днів"}),
    ],
)
def test_plurals_follow_the_language(desk: Desk, locale: str, forms: str, shown: dict[float, str]) -> None:
    found = {n: show(desk, f"v | plural('{forms}')", n, locale) for n in shown}
    assert found == shown


def test_29_february_comes_round_on_the_28th_of_common_years(desk: Desk) -> None:
    leap = date(2024, 2, 29)
    found = [
        show(desk, "years_since(v)", leap, today=day)
        for day in (date(2027, 2, 27), date(2027, 2, 28), date(2028, 2, 28))
    ]
    assert found == ["2", "3", "3"]


@pytest.mark.parametrize(
    ("expression", "value", "words"),
    [
        ("v | date", None, "no date to show"),
        ("v | time", None, "no time to show"),
        ("v | money", None, "no amount to show"),
        ("v | plural('other=x')", None, "no number to show"),
        ("v | date", "tomorrow", "`tomorrow` is not a date"),
        ("v | time", datetime(2026, 3, 5, 1), "no time zone"),  # noqa: DTZ001
        ("v | money", "much", "`much` is not an amount"),
        ("v | number", True, "is not a number"),
        ("v | date('huge')", date(2026, 3, 5), "is not a style"),
        ("v | plural('one=x')", 1, "need `other="),
        ("v | plural('some=x|other=y')", 1, "not a plural form"),
        ("v | upper", None, "no text to show"),
        ("v", None, "missing"),
        ("v", date(2026, 3, 5), "use a filter"),
        ("v", [1], "use a filter"),
        ("v.x | date", {}, "`x` is not defined"),
        ("years_since(v)", None, "no date to show"),
        ("years_since(v)", date(2026, 3, 5), "`today` is not known"),
    ],
)
def test_what_cannot_be_shown_fails_with_the_tag_and_the_reason(
    desk: Desk, expression: str, value: Any, words: str
) -> None:
    with pytest.raises(RenderFailed, match=words) as caught:
        show(desk, expression, value)
    assert re.search(r"letter/words/en-GB\.yaml:1:1[01]$", caught.value.where)
    assert expression in caught.value.message
