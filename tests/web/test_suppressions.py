"""`/api/suppressions`: added in batches, looked up, lifted; by the mailbox, and only with a key for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import insert

from regulars.consent import rights
from regulars.core import api_keys
from regulars.db.engine import write
from regulars.db.tables import claims
from tests.common.people import SECRET
from tests.web.shop import NOW, Shop

KEY = api_keys.make("crm", ["suppressions"], SECRET)
PATH = "/api/suppressions"
ADA = f"{PATH}?email=ADA%40client.example"


def call(shop: Shop, method: str, path: str, body: Any = None, key: str = KEY) -> tuple[int, Any]:
    sent = None if body is None else json.dumps(body)
    answer = shop.ask(method, path, sent, {"authorization": f"Bearer {key}"})
    return answer.status, json.loads(answer.text)


def test_added_looked_up_and_lifted(shop: Shop) -> None:
    shop.customer("ada", email="ada@client.example")
    assert call(shop, "GET", ADA) == (200, {"suppressed": False})
    status, report = call(shop, "POST", PATH, [{"email": "Ada@client.example", "reason": "spam"}, {"email": "x"}])
    assert (status, report["added"], [fault["line"] for fault in report["bad"]]) == (200, 1, [2])
    assert call(shop, "GET", ADA) == (
        200,
        {"suppressed": True, "reason": "complained", "scope": "all", "since": NOW.isoformat(), "clients": ["ada"]},
    )
    before = shop.everything()
    call(shop, "GET", ADA)
    assert shop.everything() == before
    asked = {"emails": ["ada@CLIENT.example", "bo@client.example", "x"], "why": "called"}
    status, report = call(shop, "POST", f"{PATH}/remove", asked)
    assert (status, report["lifted"], report["not_suppressed"], report["erased"]) == (200, 1, 1, 0)
    assert [fault["value"] for fault in report["bad"]] == ["x"]
    assert call(shop, "GET", ADA)[1] == {"suppressed": False}
    log = [(row["source"], row["detail"]) for row in shop.rows("consent_log")]
    assert log == [
        ("complained", {"suppressed": "all", "by": "api"}),
        ("api", {"unsuppressed": "all", "was": "complained", "why": "called"}),
    ]


def test_what_a_worker_holds_is_taken_back(shop: Shop) -> None:
    held = shop.promise(shop.customer("ada", email="ada@client.example"), state="planned", settled_at=None)
    with write(shop.engine) as connection:
        connection.execute(insert(claims).values(worker="w", rows=[held], sending=[], taken_at=NOW, lease_until=NOW))
    _, report = call(shop, "POST", PATH, [{"email": "ada@client.example"}])
    assert "1 emails were taken back from workers" in report["notes"]
    assert [row["rows"] for row in shop.rows("claims")] == [[]]


def test_no_program_lifts_what_an_erased_person_asked_for(shop: Shop) -> None:
    ada = shop.customer("ada", email="ada@client.example")
    with write(shop.engine) as connection:
        rights.erase(connection, ada, NOW)
    asked = {"emails": ["ada@client.example"], "why": "w", "erased": True}
    assert call(shop, "POST", f"{PATH}/remove", asked)[1] == {
        "lifted": 0, "not_suppressed": 0, "erased": 1, "bad": [],
    }  # fmt: skip
    assert call(shop, "GET", ADA)[1]["reason"] == "erased"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", PATH, None),
        ("GET", f"{PATH}?email=x", None),
        ("GET", f"{PATH}?email=", None),
        ("GET", f"{ADA}&email=bo%40client.example", None),
        ("POST", f"{PATH}/remove", {"emails": [], "why": "w"}),
        ("POST", f"{PATH}/remove", {"emails": ["ada@client.example"]}),
        ("POST", f"{PATH}/remove", {"emails": ["ada@client.example"], "why": " "}),
        ("POST", f"{PATH}/remove", {"emails": ["ada@client.example"], "why": "a\nb"}),
        ("POST", f"{PATH}/remove", {"emails": [1], "why": "w"}),
        ("POST", f"{PATH}/remove", ["ada@client.example"]),
    ],
)
def test_another_shape_is_refused(small_shop: Shop, method: str, path: str, body: Any) -> None:
    assert call(small_shop, method, path, body)[0] == 422


@pytest.mark.parametrize(("method", "path"), [("GET", ADA), ("POST", PATH), ("POST", f"{PATH}/remove")])
def test_a_key_for_something_else_opens_nothing(small_shop: Shop, method: str, path: str) -> None:
    other = api_keys.make("till", [scope for scope in api_keys.SCOPES if scope != "suppressions"], SECRET)
    body = {"emails": ["ada@client.example"], "why": "w"}
    assert call(small_shop, method, path, body, other)[0] == 403
    assert call(small_shop, method, path, body, "x")[0] == 401
    assert small_shop.count("suppressions") == 0
