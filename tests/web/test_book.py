"""Arranging a visit: one wish per email."""

from __future__ import annotations

from tests.web.shop import Shop


def test_the_wish_is_noted_once(shop: Shop) -> None:
    path = shop.link("b", shop.promise(shop.customer(), "birthday"))
    before = shop.everything()
    assert shop.get(path).text.count("<button") == 1
    assert shop.everything() == before
    for note in ("mornings", "evenings"):
        assert shop.post(path, note=note).status == 303
    (event,) = shop.rows("events")
    assert (event["name"], event["data"]) == ("call.requested", {"about": "birthday", "note": "mornings"})
    assert "We will call you" in shop.get(path).text


def test_not_in_the_name_of_somebody_erased(small_shop: Shop) -> None:
    promise = small_shop.promise(small_shop.customer())
    small_shop.post(small_shop.link("p", promise), act="erase", email="ada@client.example")
    assert small_shop.post(small_shop.link("b", promise)).status == 404
    assert small_shop.count("events") == 0
