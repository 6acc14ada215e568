"""A client who asks for their data gets a link by email, and behind it the data, for a day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from regulars.workspace.folder import open_workspace
from tests.web.shop import NOW, Shop, open_shop


def requested(shop: Shop, customer: int, ago: timedelta = timedelta(hours=1)) -> str:
    """The link of an email that answered a request and was sent so long ago."""
    return shop.link("d", shop.promise(customer, "your-data", kind="transactional", settled_at=NOW - ago))


def test_asking_is_an_event_once_a_day(shop: Shop) -> None:
    path = shop.link("p", shop.promise(shop.customer()))
    assert 'value="data"' in shop.get(path).text
    assert shop.post(path, act="data").status == 303
    assert shop.post(path, act="data").status == 303
    (event,) = shop.rows("events")
    assert (event["name"], event["occurred_at"]) == ("data.requested", NOW)
    page = shop.get(path).text
    assert "on their way" in page
    assert 'value="data"' not in page


def test_the_link_gives_what_is_kept_and_only_by_post(shop: Shop) -> None:
    path = requested(shop, shop.customer(phone="+373 69 111 222"))
    before = shop.everything()
    shown = shop.get(path)
    assert (shown.status, "69 111 222" in shown.text) == (200, False)
    answer = shop.post(path)
    assert (answer.status, answer.headers["content-disposition"]) == (200, 'attachment; filename="my-data.json"')
    assert json.loads(answer.text)["customer"]["phone"] == "+373 69 111 222"
    assert shop.everything() == before


def test_after_a_day_the_link_is_closed(shop: Shop) -> None:
    path = requested(shop, shop.customer(), timedelta(days=1))
    for answer in (shop.get(path), shop.post(path)):
        assert answer.status == 410
        assert "Ada" not in answer.text


@pytest.mark.parametrize("campaign", ["win-back", "no-longer-there"])
def test_links_of_other_emails_do_not_lead_to_the_data(small_shop: Shop, campaign: str) -> None:
    path = small_shop.link("d", small_shop.promise(small_shop.customer(), campaign))
    assert small_shop.get(path).status == 410
    assert small_shop.post(path).status == 410


def test_an_erased_client_asks_in_vain(small_shop: Shop) -> None:
    customer = small_shop.customer()
    path, data = small_shop.link("p", small_shop.promise(customer)), requested(small_shop, customer)
    assert small_shop.post(path, act="erase", email="ada@client.example").status == 200
    small_shop.post(path, act="data")
    assert small_shop.post(data).status == 410
    assert [event for event in small_shop.rows("events") if event["name"] == "data.requested"] == []


@pytest.fixture
def shop_without(sqlite_engine: Engine, tmp_path: Path) -> Iterator[Shop]:
    """A workspace in which nothing answers a request."""
    (tmp_path / "campaigns").mkdir()
    rules = 'company: {name: Studio Ana, from: Ana <ana@studio.example>, address: "7 Florilor St, Chișinău"}\n'
    (tmp_path / "campaigns" / "company.yaml").write_text(rules, encoding="utf-8")
    assert open_workspace(tmp_path).rulebook.campaigns == {}
    with open_shop(sqlite_engine, root=tmp_path) as shop:
        yield shop


def test_where_nothing_answers_there_is_no_button(shop_without: Shop) -> None:
    path = shop_without.link("p", shop_without.promise(shop_without.customer()))
    page = shop_without.get(path).text
    assert 'value="data"' not in page
    assert "reply to any of our emails" in page
    assert shop_without.post(path, act="data").status == 400
    assert shop_without.count("events") == 0
