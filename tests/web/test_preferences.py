"""The preference page: topics, pace, a break, language, birthday; being forgotten."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from regulars.web.recipient.topics import topics
from regulars.workspace.starter import starter
from tests.web.shop import NOW, Shop, rules_of


def fields(**changes: str) -> list[tuple[str, str]]:
    """The form as it is shown to somebody who gets everything, with some fields changed or added."""
    every = [("topic", topic) for topic in topics(rules_of(starter()).rulebook)]
    same = [("act", "save"), *every, ("gap", "0"), ("language", "en")]
    return [(name, value) for name, value in same if name not in changes] + list(changes.items())


def one(shop: Shop, table: str) -> dict[str, Any]:
    (row,) = shop.rows(table)
    return row


def test_saving_the_page_as_it_is_changes_nothing(shop: Shop) -> None:
    path = shop.link("p", shop.promise(shop.customer()))
    before = shop.everything()
    assert shop.get(path).status == 200
    assert shop.send(path, fields()).status == 303
    assert shop.everything() == before
    assert shop.count("preferences") == 0


def agreed(shop: Shop) -> dict[str, bool]:
    """What was said to two of the topics."""
    said = {word["topic"]: word["granted"] for word in shop.rows("consents")}
    return {topic: said[topic] for topic in ("marketing", "surveys")}


def test_leaving_a_topic(shop: Shop) -> None:
    path = shop.link("p", shop.promise(shop.customer()))
    shop.send(path, [("act", "save"), ("topic", "marketing"), ("gap", "0"), ("language", "en")])
    assert agreed(shop) == {"marketing": True, "surveys": False}
    shop.send(path, fields())
    assert agreed(shop) == {"marketing": True, "surveys": True}
    assert {line["source"] for line in shop.rows("consent_log")} == {"preferences"}


@pytest.mark.parametrize("kept", [[], [("topic", "surveys")], [("topic", "no such topic")]])
def test_without_the_general_topic_nothing_comes(shop: Shop, kept: list[tuple[str, str]]) -> None:
    path = shop.link("p", shop.promise(shop.customer()))
    shop.send(path, [("act", "save"), ("language", "en"), *kept])
    assert [(w["topic"], w["granted"]) for w in shop.rows("consents")] == [("marketing", False)]
    assert "checked" not in shop.get(path).text.partition("</fieldset>")[0]


def test_somebody_who_left_comes_back_with_one_topic(shop: Shop) -> None:
    path = shop.link("p", shop.promise(shop.customer()))
    shop.send(path, [("act", "save"), ("language", "en")])
    shop.send(path, [("act", "save"), ("topic", "marketing"), ("language", "en")])
    assert agreed(shop) == {"marketing": True, "surveys": False}


def test_language_pace_birthday_and_a_break(shop: Shop) -> None:
    path = shop.link("p", shop.promise(shop.customer()))
    answer = shop.send(path, fields(language="uk", gap="30", weeks="4", birthday="1984-02-29"))
    assert answer.headers["location"].endswith("?saved=1")
    client, wishes = one(shop, "customers"), one(shop, "preferences")
    assert (client["locale"], client["birthday"]) == ("uk", date(1984, 2, 29))
    assert (wishes["gap_days"], wishes["paused_until"]) == (30, NOW + timedelta(weeks=4))
    line = one(shop, "consent_log")
    assert line["detail"]["changed"] == ["birthday", "gap_days", "locale", "paused_until"]
    page = shop.get(path + "?saved=1").text
    assert '<html lang="uk">' in page
    assert "8 липня 2026" in page
    assert 'value="1984-02-29"' in page


def test_a_break_stays_until_it_is_ended(shop: Shop) -> None:
    path = shop.link("p", shop.promise(shop.customer()))
    shop.send(path, fields(weeks="8"))
    shop.send(path, fields(weeks=""))
    assert one(shop, "preferences")["paused_until"] == NOW + timedelta(weeks=8)
    shop.send(path, fields(weeks="0"))
    assert one(shop, "preferences")["paused_until"] is None


@pytest.mark.parametrize("birthday", ["2027-01-01", "1899-12-31", "tomorrow", "2025-02-29", "١٩٨٤-٠٢-٢٩"])
def test_an_impossible_birthday_saves_nothing(shop: Shop, birthday: str) -> None:
    path = shop.link("p", shop.promise(shop.customer()))
    before = shop.everything()
    answer = shop.send(path, fields(birthday=birthday, gap="7"))
    assert answer.status == 400
    assert 'role="alert"' in answer.text
    assert shop.everything() == before


def test_a_language_that_is_not_on_offer_stays(shop: Shop) -> None:
    path = shop.link("p", shop.promise(shop.customer(locale="de-AT")))
    assert ">de-AT</option>" in shop.get(path).text
    shop.send(path, fields(language=""))
    shop.send(path, fields(language="xx"))
    assert one(shop, "customers")["locale"] == "de-AT"


def test_a_regional_language_is_not_narrowed_by_saving(shop: Shop) -> None:
    path = shop.link("p", shop.promise(shop.customer(locale="ro-MD")))
    shop.send(path, fields(language="ro"))
    assert one(shop, "customers")["locale"] == "ro-MD"


def test_being_forgotten_takes_the_address_typed(shop: Shop) -> None:
    path = shop.link("p", shop.promise(shop.customer(birthday="1984-06-10")))
    before = shop.everything()
    assert shop.post(path, act="erase", email="bob@client.example").status == 400
    assert shop.everything() == before
    answer = shop.post(path, act="erase", email=" Ada@Client.example ")
    assert "Your data are erased" in answer.text
    client = one(shop, "customers")
    assert (client["email"], client["first_name"], client["birthday"]) == (None, None, None)
    assert client["erased_at"] == NOW
    assert one(shop, "suppressions")["reason"] == "erased"
    assert shop.get(path).status == 200
    assert shop.get(shop.link("u", shop.rows("promises")[0]["id"])).status == 200
    assert shop.send(path, fields(birthday="1984-06-10")).status == 200
    assert one(shop, "customers")["birthday"] is None
