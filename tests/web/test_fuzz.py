"""Whatever is sent: an answer, and never our own mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from regulars.core import api_keys
from tests.common.people import SECRET
from tests.web.shop import Shop, open_shop

pytestmark = pytest.mark.slow

KEY = api_keys.make("fuzzer", api_keys.SCOPES, SECRET)
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(["id", "customer", "email", "name", "occurred_at", "amount", "data", "products", "birthday"]),
        JSON,
        max_size=6,
    ),
    max_size=4,
)
many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@pytest.fixture
def patient_shop(engine: Engine) -> Iterator[Shop]:
    """A shop that is asked more often than a person would."""
    with open_shop(engine, unlimited=True) as shop:
        yield shop


def test_any_form_on_any_page(patient_shop: Shop) -> None:
    shop = patient_shop
    promise = shop.promise(shop.customer(), "quality-survey")
    names = ["leave", "act", "topic", "gap", "weeks", "language", "birthday", "score", "words", "note", "email"]
    fields = st.lists(st.tuples(st.sampled_from(names) | st.text(max_size=8), st.text(max_size=30)), max_size=6)

    @many
    @given(page=st.sampled_from("upsvb"), form=fields, query=st.text(max_size=30))
    def try_it(page: str, form: list[tuple[str, str]], query: str) -> None:
        body = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in form)
        path = f"{shop.link(page, promise)}?{quote(query, safe='=&')}"
        assert shop.ask("POST", path, body, FORM).status < 500
        assert shop.get(path).status < 500

    try_it()


def test_any_json_for_the_api(patient_shop: Shop) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    paths = st.sampled_from(["customers", "purchases", "events", "coupons/A/check", "coupons/A/redeem"])

    @many
    @example(path="customers", body=[{"": None}])
    @given(path=paths, body=ROWS | JSON)
    def try_it(path: str, body: Any) -> None:
        text = json.dumps(body)
        assert patient_shop.ask("POST", f"/api/{path}", text, headers).status < 500, text

    try_it()


def test_any_path(patient_shop: Shop) -> None:
    @many
    @given(path=st.text(max_size=60))
    def try_it(path: str) -> None:
        assert patient_shop.get("/" + quote(path, safe="/%")).status < 500

    try_it()
