"""Every kind of link with a token: altered, said twice, too old, somebody else's. Each is refused or changes nothing.

The table of kinds is `every_link.KINDS`; a route that takes a token and is not in it fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.routing import Route

from regulars.consent.rights import erase
from regulars.db import tables
from regulars.db.engine import open_engine, write
from regulars.dispatch.link_policy import CLICK, OPEN
from regulars.dispatch.template_context import LINKS, SIGNUP_LINKS, VISIT_LINKS
from regulars.web.app import create
from regulars.web.middleware import OuterMiddleware
from tests.common.people import add_event
from tests.web.every_link import DAY, KINDS, TARGET, Kind, genuine, newest, of, wrong_tokens
from tests.web.shop import NOW, Shop, open_shop

pytestmark = pytest.mark.slow

each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
_names = (f"client-{number}" for number in count())


@pytest.fixture(scope="module")
def patient_shop(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One shop for all that is refused: it stays as it was, and each test brings clients of its own."""
    path = tmp_path_factory.mktemp("links") / "regulars.sqlite"
    path.write_bytes(_sqlite_template.read_bytes())
    engine = open_engine(f"sqlite:///{path}")
    with open_shop(engine, unlimited=True) as shop:
        yield shop
    engine.dispose()


def test_every_route_that_takes_a_token_is_in_the_table(patient_shop: Shop) -> None:
    assert patient_shop.site is not None
    shell = create(patient_shop.site)
    assert isinstance(shell, OuterMiddleware)
    assert isinstance(shell.app, Starlette)
    routes = [route for route in shell.app.routes if isinstance(route, Route) and "token" in route.param_convertors]
    assert sorted(route.path.split("/")[1] for route in routes) == sorted(kind.page for kind in KINDS)
    speaking = {route.path.split("/")[1] for route in routes if "POST" in (route.methods or ())}
    assert speaking == {kind.page for kind in KINDS if kind.says is not None}
    written = {*LINKS.values(), *VISIT_LINKS.values(), *SIGNUP_LINKS.values(), CLICK, OPEN}
    assert written == {kind.page for kind in KINDS}, "and every link that emails carry"


# ---------------------------------------------------------------- tampered with


@each_kind
def test_an_altered_link_is_refused_and_changes_nothing(patient_shop: Shop, kind: Kind) -> None:
    shop = patient_shop
    name = next(_names)
    good = genuine(shop, kind, name)
    before = shop.everything()
    assert shop.get(good.path).status in (200, 302)
    for what, wrong in wrong_tokens(good.token).items():
        for answer in (shop.get(kind.path(wrong)), shop.post(kind.path(wrong), **(kind.says or {}))):
            assert answer.status in (404, 405), what
            assert "location" not in answer.headers, what
            assert name not in answer.text, what
    assert shop.everything() == before


# ---------------------------------------------------------------- said twice


@each_kind
def test_saying_it_again_changes_nothing_more(shop: Shop, kind: Kind) -> None:
    link = genuine(shop, kind, "ada")
    before = shop.everything()
    first = link.say()
    after = shop.everything()
    assert first.status in (200, 302, 303)
    assert (after != before) is (kind.says is not None and kind.changes)
    again = [link.say().status for _ in range(2)]
    assert set(again) <= {first.status, 200}, "or the page shows how things stand now"
    assert shop.everything() == after


def test_an_old_consent_is_not_given_again_by_the_link_that_gave_it(shop: Shop) -> None:
    """The email that asked is still in the mailbox after the client has left."""
    (kind,) = [kind for kind in KINDS if kind.page == "j"]
    link = genuine(shop, kind, "ada")
    assert link.say().status == 303
    assert shop.post(shop.link("u", link.promise), leave="all").status == 303
    left = shop.everything()
    link.say()
    shop.get(link.path)
    assert shop.everything() == left


@pytest.mark.parametrize("page", ["y", "m", "x"])
def test_what_was_said_of_a_visit_does_not_count_for_the_moved_one(shop: Shop, page: str) -> None:
    (kind,) = [kind for kind in KINDS if kind.page == page]
    link = genuine(shop, kind, "ada")
    data = {"visit": f"w-{link.customer}", "starts_at": (NOW + 5 * DAY).isoformat()}
    with write(shop.engine) as connection:
        add_event(connection, link.customer, "visit.booked", NOW - DAY, data)
    before = shop.everything()
    assert link.say().status == 200
    assert shop.everything() == before


# ---------------------------------------------------------------- too old


@each_kind
def test_a_link_that_is_too_old_is_refused_and_the_way_out_never_is(patient_shop: Shop, kind: Kind) -> None:
    shop = patient_shop
    name = next(_names)
    age = kind.age or timedelta(days=4000)
    link = genuine(shop, kind, name, settled_at=NOW - age - timedelta(seconds=1), due_at=NOW - age)
    if kind.page == "j":  # a sign-up is forgotten long before; here it was confirmed
        with write(shop.engine) as connection:
            mine = tables.signups.c.customer_id == link.customer
            connection.execute(update(tables.signups).where(mine).values(confirmed_at=NOW - age))
    before = shop.everything()
    answers = [shop.get(link.path), shop.ask("HEAD", link.path), link.say()]
    if kind.age is None:
        assert [answer.status for answer in answers] == [200, 200, 303]
        return
    assert {answer.status for answer in answers} == {410}
    assert all(name not in answer.text for answer in answers)
    assert shop.everything() == before
    younger = genuine(shop, kind, name, settled_at=NOW - age + timedelta(seconds=1))
    assert shop.get(younger.path).status in (200, 302)


def test_a_sign_up_that_waited_too_long_can_no_longer_be_confirmed(patient_shop: Shop) -> None:
    (kind,) = [kind for kind in KINDS if kind.page == "j"]
    link = genuine(patient_shop, kind, next(_names))
    with write(patient_shop.engine) as connection:
        mine = tables.signups.c.customer_id == link.customer
        connection.execute(update(tables.signups).where(mine).values(asked_at=NOW - timedelta(days=8)))
    before = patient_shop.everything()
    assert {patient_shop.get(link.path).status, link.say().status} == {404}
    assert patient_shop.everything() == before


@pytest.mark.parametrize("page", ["y", "m", "x"])
def test_of_a_visit_that_has_begun_nothing_can_be_said(patient_shop: Shop, page: str) -> None:
    (kind,) = [kind for kind in KINDS if kind.page == page]
    link = genuine(patient_shop, kind, next(_names))
    begun = {"visit": f"w-{link.customer}", "starts_at": NOW.isoformat()}
    with write(patient_shop.engine) as connection:
        connection.execute(update(tables.events).where(tables.events.c.id == link.event).values(data=begun))
    before = patient_shop.everything()
    assert {patient_shop.get(link.path).status, link.say().status} == {200}
    assert patient_shop.everything() == before


# ---------------------------------------------------------------- somebody else's


@each_kind
def test_a_link_speaks_for_its_own_client_whatever_else_is_sent(patient_shop: Shop, kind: Kind) -> None:
    shop = patient_shop
    ada, bob = genuine(shop, kind, next(_names)), genuine(shop, kind, next(_names))
    before = of(shop, bob.customer)
    names = {
        "customer": str(bob.customer),
        "promise": str(bob.promise),
        "token": bob.token,
        "visit": f"w-{bob.customer}",
    }
    link = f"{ada.path}?token={bob.token}&promise={bob.promise}"
    assert shop.get(link).status in (200, 302)
    shop.post(link, **{**(kind.says or {}), **names})
    ada.say(**names)
    assert of(shop, bob.customer) == before


@each_kind
def test_a_managers_copy_does_nothing_in_the_clients_name(patient_shop: Shop, kind: Kind) -> None:
    shop = patient_shop
    link = genuine(shop, kind, next(_names), recipient="manager")
    before = shop.everything()
    assert {shop.get(link.path).status, link.say().status} == {404}
    assert shop.everything() == before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.source.__name__ != "nothing"], ids=str)
def test_an_email_about_somebody_elses_event_opens_nothing(patient_shop: Shop, kind: Kind) -> None:
    shop = patient_shop
    bob = genuine(shop, kind, next(_names))
    ada = genuine(shop, kind, next(_names), event=bob.event)
    before = shop.everything()
    assert {shop.get(ada.path).status, ada.say().status} == {404}
    assert shop.everything() == before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.about], ids=str)
def test_the_token_of_an_email_about_something_else_opens_nothing(patient_shop: Shop, kind: Kind) -> None:
    shop = patient_shop
    own = genuine(shop, kind, next(_names))
    other = genuine(shop, Kind("u"), own_name(shop, own.customer), source_id=own.event)
    before = shop.everything()
    path = kind.path(other.token)
    answers = {shop.get(path).status, shop.post(path, **(kind.says or {})).status}
    assert answers <= {404, 405, 410}
    assert shop.everything() == before


@each_kind
def test_the_links_of_somebody_erased_show_and_change_nothing_of_theirs(patient_shop: Shop, kind: Kind) -> None:
    shop = patient_shop
    name = next(_names)
    link = genuine(shop, kind, name)
    with write(shop.engine) as connection:
        erase(connection, link.customer, NOW)
    before = shop.everything()
    answers = [shop.get(link.path), link.say()]
    assert {answer.status for answer in answers} <= {200, 303, 404, 410}
    assert all("Ada" not in answer.text and f"{name}@" not in answer.text for answer in answers)
    assert all("location" not in answer.headers for answer in answers if answer.status == 302)
    assert shop.everything() == before


def test_a_counted_link_leads_where_it_led_in_that_very_email(patient_shop: Shop) -> None:
    (kind,) = [kind for kind in KINDS if kind.page == "c"]
    link = genuine(patient_shop, kind, next(_names))
    assert patient_shop.get(link.path).headers["location"] == TARGET
    assert newest(patient_shop, link.customer, "email.clicked") == 0


def own_name(shop: Shop, customer: int) -> str:
    (row,) = [row for row in shop.rows("customers") if row["id"] == customer]
    return str(row["external_id"])
