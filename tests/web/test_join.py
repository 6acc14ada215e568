"""Signing up: a wish until its email is confirmed, and nobody learns by it who is known."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from regulars.consent import signups
from regulars.consent.signups import purge
from regulars.core import ids
from regulars.db.engine import write
from regulars.db.states import State
from regulars.db.tables import customers, suppressions
from regulars.rules.signup import Signup
from regulars.web.rate_limit import Limiter
from regulars.workspace.starter import starter
from tests.common.people import SECRET
from tests.common.scratch import planned
from tests.common.servers import wait_for
from tests.web.shop import NOW, Shop, rules_of


def form() -> Signup:
    """The form of the starter."""
    found = rules_of(starter()).rulebook.signup
    assert found is not None
    return found


def join(shop: Shop, email: str = "new@client.example", **fields: str) -> tuple[int, str]:
    found = shop.post("/join", email=email, lang="en", **fields)
    return found.status, re.sub(r"<input[^>]*>", "", found.text) + found.headers.get("location", "")


def asked(shop: Shop) -> list[dict[str, Any]]:
    return [event for event in shop.rows("events") if event["name"] == "signup.requested"]


def emailed(shop: Shop, customer: int) -> str:
    """The path of the button in the confirmation email."""
    event = next(event for event in asked(shop) if event["customer_id"] == customer)
    promise = shop.promise(
        customer, "confirm-subscription", step="confirm-subscription", kind="transactional", source_id=event["id"],
        occurrence=event["external_id"],
    )  # fmt: skip
    return shop.link("j", promise)


def word(shop: Shop, customer: int) -> list[tuple[str, bool, str]]:
    found = [row for row in shop.rows("consents") if row["customer_id"] == customer]
    return [(row["topic"], row["granted"], row["source"]) for row in found]


def wish(email: str) -> signups.SignupRequest:
    return signups.SignupRequest(email, form().text["en"], "page", "en")


def asked_as(email: str, shop: Shop) -> None:
    """Another process notes the same wish."""
    with write(shop.engine) as connection:
        signups.request_signup(connection, wish(email), form(), SECRET, NOW)


def until_it_waits(shop: Shop, other: threading.Thread) -> None:
    """PostgreSQL tells who waits for a lock; SQLite lets no second writer begin at all."""
    if shop.engine.dialect.name != "postgresql":
        return
    here = "SELECT oid FROM pg_database WHERE datname = current_database()"
    waiting = text(f"SELECT count(*) FROM pg_locks WHERE NOT granted AND database = ({here})")

    def waits() -> bool:
        with shop.engine.connect() as connection:
            return not other.is_alive() or bool(connection.scalar(waiting))

    wait_for(waits, "the second wish waits", 30)


def test_the_form_becomes_consent_only_by_the_button_in_the_email(shop: Shop) -> None:
    before = shop.everything()
    page = shop.get("/join?source=Footer!&lang=en").text
    assert "may send me news and offers" in page
    assert 'value="footer"' in page
    assert shop.everything() == before
    status, said = join(shop, "New@Client.example", first_name="Zoé", source="footer")
    assert (status, said) == (303, "join?sent=1&lang=en")
    (person,) = shop.rows("customers")
    assert (person["email"], person["first_name"], person["locale"]) == ("New@client.example", None, "en")
    assert word(shop, person["id"]) == [("marketing", False, "signup")]
    path = emailed(shop, person["id"])
    before = shop.everything()
    assert shop.get(path).text.count("<button") == 1
    assert shop.everything() == before
    for _ in range(2):
        assert shop.post(path).status == 303
    assert word(shop, person["id"]) == [("marketing", True, "double-opt-in")]
    (kept,) = shop.rows("signups")
    assert kept["wording"] == form().text["en"]
    assert (kept["source"], kept["asked_at"], kept["confirmed_at"]) == ("footer", NOW, NOW)
    (log,) = [row for row in shop.rows("consent_log") if row["granted"]]
    assert log["detail"] == {"asked_at": NOW.isoformat(), "form": "footer", "wording": form().text["en"]}
    assert shop.rows("customers")[0]["first_name"] == "Zoé"
    assert [e["data"] for e in shop.rows("events") if e["name"] == "signup.confirmed"] == [{"source": "footer"}]
    assert "You are signed up" in shop.get(path).text


def test_the_answer_is_the_same_for_everybody(shop: Shop) -> None:
    shop.customer("ada")
    left = shop.customer("left")
    shop.post(shop.link("u", shop.promise(left)), leave="all")
    with write(shop.engine) as connection:
        mark = ids.address_hash("bounced@client.example", SECRET)
        connection.execute(
            insert(suppressions).values(email_hash=mark, scope="all", reason="bounced", at=NOW, detail=None)
        )
    names = ("ada", "left", "bounced", "new")
    assert len({join(shop, f"{name}@client.example") for name in names}) == 1
    assert len(asked(shop)) == 3
    assert {"bounced@client.example"} & {row["email"] for row in shop.rows("customers")} == set()
    assert word(shop, left) == [("marketing", False, "page")]


def test_who_left_comes_back_by_their_own_button_and_a_suppression_stays(small_shop: Shop) -> None:
    left = small_shop.customer("left")
    small_shop.post(small_shop.link("u", small_shop.promise(left)), leave="all")
    with write(small_shop.engine) as connection:
        mark = ids.address_hash("left@client.example", SECRET)
        row = {"email_hash": mark, "scope": "marketing", "reason": "complained", "at": NOW, "detail": None}
        connection.execute(insert(suppressions).values(row))
    join(small_shop, "left@client.example")
    small_shop.post(emailed(small_shop, left))
    assert word(small_shop, left) == [("marketing", True, "double-opt-in")]
    assert small_shop.count("suppressions") == 1


def test_machines_nonsense_and_haste_get_nowhere(small_shop: Shop) -> None:
    assert join(small_shop, website="https://spam.example")[0] == 200
    assert small_shop.count("customers") == 0
    assert join(small_shop, "not an address")[0] == 400
    assert join(small_shop, "ada@client.example", first_name="BUY http://spam.example NOW")[0] == 303
    assert small_shop.rows("signups")[0]["first_name"] is None
    assert [join(small_shop, "ada@client.example")[0] for _ in range(2)] == [303, 303]
    assert join(small_shop, "ada@client.example")[0] == 429


def test_a_browser_that_fills_in_the_trap_costs_its_owner_one_more_press(small_shop: Shop) -> None:
    """A robot stops at the question; a person presses the button of the page that comes, with what it holds."""
    typed = {"email": "new@client.example", "first_name": "Zoé", "source": "footer", "lang": "en"}
    asked_again = small_shop.post("/join", **typed, website="https://zoe.example")
    assert asked_again.status == 200
    assert "One more press" in asked_again.text
    assert small_shop.count("signups") == 0
    fields = dict(re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', asked_again.text))
    assert fields == typed
    assert 'name="website"' in small_shop.get("/join").text
    assert 'name="website"' not in asked_again.text
    assert small_shop.post("/join", **fields).status == 303
    (kept,) = small_shop.rows("signups")
    assert (kept["first_name"], kept["source"]) == ("Zoé", "footer")


def test_an_address_that_looks_mistyped_is_asked_about_and_never_corrected(small_shop: Shop) -> None:
    typed = {"email": "zoe@gmial.com", "first_name": "Zoé", "source": "footer", "lang": "en"}
    question = small_shop.post("/join", **typed)
    assert (question.status, "Did you mean zoe@gmail.com?" in question.text) == (200, True)
    assert small_shop.count("signups") == 0
    fields = dict(re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', question.text))
    assert fields == {**typed, "asked": "zoe@gmial.com"}
    assert (
        small_shop.post("/join", **{**fields, "email": "zoe@gmal.com"}).status == 200
    )  # another slip, another question
    trapped = small_shop.post("/join", **fields, website="https://zoe.example")
    assert 'name="asked" value="zoe@gmial.com"' in trapped.text
    assert small_shop.post("/join", **fields).status == 303
    assert [row["email"] for row in small_shop.rows("customers")] == ["zoe@gmial.com"]


def test_a_sign_up_before_the_first_plan_is_asked_to_confirm(shop: Shop) -> None:
    """The web process answers from its first minute on; the planner may come to know the rule later."""
    join(shop)
    later = NOW + timedelta(days=2)
    planned(shop.engine, rules_of(starter()), later)
    planned(shop.engine, rules_of(starter()), later + timedelta(minutes=1))
    rows = [(row["campaign"], row["state"]) for row in shop.rows("promises") if row["step"] == "confirm-subscription"]
    assert rows == [("confirm-subscription", State.PLANNED)]


def test_what_is_confirmed_or_asked_already_is_not_asked_by_a_new_rule(shop: Shop) -> None:
    """A rule that comes later asks only those whom no email has asked."""
    join(shop, "confirmed@client.example")
    join(shop, "asked@client.example")
    confirmed, waiting = (row["id"] for row in shop.rows("customers"))
    shop.post(emailed(shop, confirmed))
    emailed(shop, waiting)
    planned(shop.engine, rules_of(starter()), NOW + timedelta(hours=1))
    assert [row["state"] for row in shop.rows("promises") if row["step"] == "confirm-subscription"] == ["sent", "sent"]


def test_an_address_is_asked_three_times_a_day_at_most(shop: Shop) -> None:
    for _ in range(5):
        join(shop)
    assert len(asked(shop)) == 3
    assert shop.count("customers") == 1


def test_of_two_first_wishes_at_once_the_second_finds_the_client_of_the_first(shop: Shop) -> None:
    """The first has not committed yet when the second asks: that one waits, and then sees what the first has done."""
    other = threading.Thread(target=lambda: asked_as("NEW@client.example", shop))
    with write(shop.engine) as connection:
        assert signups.request_signup(connection, wish("new@client.example"), form(), SECRET, NOW)
        other.start()
        until_it_waits(shop, other)
        assert other.is_alive()
    other.join(30)
    assert not other.is_alive()
    (person,) = shop.rows("customers")
    assert [row["customer_id"] for row in shop.rows("signups")] == [person["id"]] * 2
    assert [row["made_client"] for row in shop.rows("signups")] == [True, False]


def test_many_who_sign_up_at_once_by_the_form_are_one_client_each(shop: Shop) -> None:
    assert shop.site is not None
    shop.site.joins = Limiter(rate=1e6, burst=1e6)
    names = [f"new{number % 3}@client.example" for number in range(12)]
    start = threading.Barrier(len(names))

    def send(name: str) -> int:
        start.wait(30)
        return join(shop, name)[0]

    with ThreadPoolExecutor(len(names)) as people:
        assert set(people.map(send, names)) == {303}
    assert sorted(row["email"] for row in shop.rows("customers")) == sorted(set(names))
    assert len(asked(shop)) == 9


def test_below_a_prefix_and_with_other_methods(shop_below_mail: Shop) -> None:
    assert shop_below_mail.get("/mail/join").status == 200
    assert shop_below_mail.post("/mail/join", email="a@b.example").headers["location"].startswith("join?sent=1")
    assert shop_below_mail.ask("PUT", "/mail/join").status == 405


@pytest.mark.slow
def test_a_new_client_hears_nothing_but_the_question(shop: Shop) -> None:
    planned(shop.engine, rules_of(starter()), NOW - timedelta(days=1))
    join(shop)
    (person,) = shop.rows("customers")
    with write(shop.engine) as connection:
        born = update(customers).where(customers.c.id == person["id"]).values(birthday=date(1990, 6, 10))
        connection.execute(born)
    planned(shop.engine, rules_of(starter()), NOW + timedelta(minutes=1))
    rows = [(row["campaign"], row["state"], row["reason"]) for row in shop.rows("promises")]
    assert sorted(rows) == [
        ("birthday", State.SKIPPED, "unsubscribed"), ("confirm-subscription", State.PLANNED, None),
    ]  # fmt: skip


def test_what_nobody_confirms_is_forgotten_and_what_others_need_stays(shop: Shop) -> None:
    ada = shop.customer("ada")
    join(shop, "ada@client.example")
    join(shop)
    new = next(row["id"] for row in shop.rows("customers") if row["id"] != ada)
    path = emailed(shop, new)
    with write(shop.engine) as connection:
        assert purge(connection, NOW + timedelta(days=7), form()) == 0
        assert purge(connection, NOW + timedelta(days=7, seconds=1), form()) == 2
    people = {row["id"]: row for row in shop.rows("customers")}
    assert people[ada]["email"] == "ada@client.example"
    assert (people[new]["email"], people[new]["email_hash"]) == (None, None)
    assert shop.count("signups") == 0
    assert shop.count("suppressions") == 0
    assert shop.get(path).status == 404
    assert shop.post(path).status == 404
    join(shop)
    assert len([row for row in shop.rows("customers") if row["email"] == "new@client.example"]) == 1


def test_confirmed_in_time_stays(small_shop: Shop) -> None:
    join(small_shop)
    (person,) = small_shop.rows("customers")
    small_shop.post(emailed(small_shop, person["id"]))
    with write(small_shop.engine) as connection:
        assert purge(connection, NOW + timedelta(days=60), form()) == 0
    assert small_shop.rows("customers")[0]["email"] == "new@client.example"
