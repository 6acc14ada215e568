"""A visit's pages: confirming, another time, cancelling, the calendar file. GET changes nothing, POST counts once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import insert

from regulars.db.engine import write
from regulars.db.tables import claims
from tests.common.people import add_event
from tests.web.shop import NOW, Shop

START = NOW + timedelta(days=1, hours=2)
"""14:00 UTC: five in the afternoon in Chișinău."""
SLOT = NOW + timedelta(days=2)


def book(shop: Shop, client: int, visit: str = "w-1", **changes: object) -> int:
    data = {"visit": visit, "service": "Spring service", "place": "14 Columna St", "starts_at": START.isoformat()}
    at = changes.pop("at", NOW - timedelta(days=3))
    with write(shop.engine) as connection:
        return add_event(connection, client, "visit.booked", at, {**data, **changes})  # type: ignore[arg-type]


def reminded(shop: Shop, client: int, event: int) -> int:
    return shop.promise(
        client, "appointment-reminder", step="appointment-reminder", kind="transactional", source_id=event
    )


@pytest.fixture
def booked(shop: Shop) -> tuple[Shop, int, int]:
    """The shop, a client with a visit tomorrow, and the promise of the reminder."""
    client = shop.customer()
    return shop, client, reminded(shop, client, book(shop, client, slots=[SLOT.isoformat(), "nonsense"]))


def said(shop: Shop, name: str) -> list[dict[str, object]]:
    return [event["data"] for event in shop.rows("events") if event["name"] == name]


def test_one_button_confirms_once(booked: tuple[Shop, int, int]) -> None:
    shop, _, promise = booked
    path = shop.link("y", promise)
    before = shop.everything()
    page = shop.get(path).text
    assert page.count("<button") == 1
    assert "Thursday, June 11, 2026, 5:00" in page
    assert "Spring service" in page
    assert shop.everything() == before
    for _ in range(2):
        assert shop.post(path, seen="0").status == 303
    assert len(said(shop, "visit.confirmed")) == 1
    assert said(shop, "visit.confirmed")[0]["visit"] == "w-1"
    after = shop.get(path).text
    assert "we are expecting you" in after
    assert "<button" not in after


def test_another_time_is_a_wish_among_those_offered_or_of_ones_own(booked: tuple[Shop, int, int]) -> None:
    shop, _, promise = booked
    path = shop.link("m", promise)
    page = shop.get(path).text
    assert page.count('type="radio"') == 2
    assert shop.post(path, seen="0").status == 400
    assert shop.post(path, seen="0", own="2026-06-01T10:00").status == 400
    assert shop.post(path, seen="0", own="in spring").status == 400
    assert said(shop, "visit.move-requested") == []
    for _ in range(2):
        assert shop.post(path, seen="0", slot=SLOT.isoformat()).headers["location"].endswith("?done=1")
    assert shop.post(path, seen="0", slot="own", own="2026-06-15T09:30", note="After work").status == 303
    wishes = said(shop, "visit.move-requested")
    assert [(wish["wanted_at"], wish["offered"]) for wish in wishes] == [
        (SLOT.isoformat(), True), ("2026-06-15T06:30:00+00:00", False),
    ]  # fmt: skip
    assert "Monday, June 15, 2026, 9:30" in shop.get(path + "?done=1").text
    assert "the visit stays as it is" in shop.get(shop.link("y", promise)).text


def test_wishes_are_not_without_end(small_shop: Shop) -> None:
    client = small_shop.customer()
    path = small_shop.link("m", reminded(small_shop, client, book(small_shop, client)))
    for number in range(8):
        assert small_shop.post(path, seen="0", note=f"wish {number}").status == 303
    assert len(said(small_shop, "visit.move-requested")) == 5


def test_cancelling_counts_once_and_closes_the_pages(booked: tuple[Shop, int, int]) -> None:
    shop, client, promise = booked
    waiting = shop.promise(
        client, "appointment-reminder", step="appointment-soon", kind="transactional", state="planned"
    )
    with write(shop.engine) as connection:
        lease = {"taken_at": NOW, "lease_until": NOW + timedelta(hours=1)}
        connection.execute(insert(claims).values(id=7, worker="w", rows=[waiting], **lease))
    path = shop.link("x", promise)
    assert shop.get(path).text.count("<button") == 1
    for _ in range(2):
        shop.post(path, seen="0", note="I have a cold")
    (gone,) = said(shop, "visit.cancelled")
    assert (gone["by"], gone["note"], gone["visit"]) == ("client", "I have a cold", "w-1")
    for page in "yxm":
        shown = shop.get(shop.link(page, promise)).text
        assert "does not take place" in shown
        assert "<button" not in shown
    assert shop.post(shop.link("y", promise), seen="0").status == 200
    assert said(shop, "visit.confirmed") == []
    assert [row["rows"] for row in shop.rows("claims")] == [[]]


def test_a_page_of_an_old_email_shows_the_visit_as_it_stands_and_counts_for_that(booked: tuple[Shop, int, int]) -> None:
    shop, client, promise = booked
    moved = START + timedelta(days=4)
    book(shop, client, at=NOW - timedelta(hours=2), starts_at=moved.isoformat())
    path = shop.link("y", promise)
    stale = shop.post(path, seen="0")
    assert stale.status == 200
    assert "Monday, June 15, 2026" in stale.text
    assert said(shop, "visit.confirmed") == []
    assert shop.post(path, seen="1").status == 303
    assert said(shop, "visit.confirmed")[0]["starts_at"] == moved.isoformat()


def test_the_calendar_file_keeps_its_name_and_counts_the_moves(booked: tuple[Shop, int, int]) -> None:
    shop, client, promise = booked
    path = shop.link("i", promise) + ".ics"
    first = shop.get(path)
    assert first.headers["content-type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    (before,) = Calendar.from_ical(first.text).walk("VEVENT")
    assert (before["SEQUENCE"], before["STATUS"]) == (0, "CONFIRMED")
    assert before.decoded("DTSTART") == START
    book(shop, client, at=NOW - timedelta(hours=2), starts_at=(START + timedelta(days=4)).isoformat())
    (after,) = Calendar.from_ical(shop.get(path).text).walk("VEVENT")
    assert (after["UID"], after["SEQUENCE"]) == (before["UID"], 1)
    shop.post(shop.link("x", promise), seen="1")
    (gone,) = Calendar.from_ical(shop.get(path).text).walk("VEVENT")
    assert (gone["UID"], gone["SEQUENCE"], gone["STATUS"]) == (before["UID"], 2, "CANCELLED")


def test_a_link_opens_only_the_visit_of_its_own_email(small_shop: Shop) -> None:
    ada, bo = small_shop.customer("ada"), small_shop.customer("bo")
    other = book(small_shop, bo, "w-2")
    stolen = reminded(small_shop, ada, other)
    about_something_else = small_shop.promise(ada, "win-back", source_id=other, occurrence="x")
    for promise in (stolen, about_something_else):
        for page in ("y", "m", "x"):
            assert small_shop.get(small_shop.link(page, promise)).status == 404
            assert small_shop.post(small_shop.link(page, promise), seen="0").status == 404
        assert small_shop.get(small_shop.link("i", promise) + ".ics").status == 404
    assert small_shop.get("/y/forged").status == 404
    assert small_shop.count("events") == 1


def test_not_in_the_name_of_somebody_erased(small_shop: Shop) -> None:
    client = small_shop.customer()
    promise = reminded(small_shop, client, book(small_shop, client))
    small_shop.post(small_shop.link("p", promise), act="erase", email="ada@client.example")
    assert small_shop.post(small_shop.link("y", promise), seen="0").status == 404
    assert small_shop.get(small_shop.link("i", promise) + ".ics").status == 404


def test_a_visit_that_is_over_can_no_longer_be_changed(small_shop: Shop) -> None:
    client = small_shop.customer(locale="et", timezone="America/New_York")
    event = book(small_shop, client, starts_at=(NOW - timedelta(hours=3)).isoformat())
    path = small_shop.link("x", reminded(small_shop, client, event))
    shown = small_shop.get(path).text
    assert "möödas" in shown
    assert "kohaliku aja järgi" in shown
    small_shop.post(path, seen="0")
    assert said(small_shop, "visit.cancelled") == []
