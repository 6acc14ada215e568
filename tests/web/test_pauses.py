"""`/api/pauses`: stop, go on, call off, with a key for it; the log names the key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from regulars.core import api_keys
from tests.common.people import SECRET
from tests.web.shop import Shop

KEY = api_keys.make("desk-1", ["pauses"], SECRET)
PATH = "/api/pauses"


def call(shop: Shop, method: str, path: str, body: Any = None, key: str = KEY) -> tuple[int, Any]:
    answer = shop.ask(method, path, None if body is None else json.dumps(body), {"authorization": f"Bearer {key}"})
    return answer.status, json.loads(answer.text)


def test_a_lane_and_everything_are_paused_and_go_on_and_the_log_says_by_which_key(shop: Shop) -> None:
    shop.promise(shop.customer("ada"), state="planned", settled_at=None)
    status, done = call(shop, "POST", PATH, {"lane": "default", "why": "a wrong price"})
    assert (status, done["fresh"], done["open"], done["sending"]) == (200, True, 1, 0)
    assert (done["paused"]["who"], done["paused"]["why"]) == ("key desk-1", "a wrong price")
    assert call(shop, "POST", PATH, {"lane": "default"})[1]["fresh"] is False
    assert call(shop, "POST", PATH, {"all": True})[0] == 200
    assert [one["scope"] for one in call(shop, "GET", PATH)[1]["pauses"]] == ["lane", "all"]
    status, done = call(shop, "POST", f"{PATH}/resume", {"all": True})
    assert (status, done["resumed"], [one["scope"] for one in done["still_paused"]]) == (200, True, ["lane"])
    assert call(shop, "POST", f"{PATH}/cancel", {"all": True, "why": "over"}) == (200, {"cancelled": 1})
    log = [(row["who"], row["action"], row["subject"]) for row in shop.rows("audit_log")]
    assert log == [
        ("key desk-1", "pause", "--lane default"), ("key desk-1", "pause", "--all"), ("key desk-1", "resume", "--all"),
        ("key desk-1", "cancel", "--all"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"campaign": "thanxs"}, 404), ({"lane": "fast"}, 404), ({}, 422), ([], 422), ({"all": False}, 422),
        ({"all": True, "lane": "default"}, 422), ({"campaign": 7}, 422), ({"all": True, "why": 7}, 422),
        ({"all": True, "when": "now"}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(shop: Shop, body: Any, status: int) -> None:
    found, answer = call(shop, "POST", PATH, body)
    assert (found, set(answer)) == (status, {"error"})
    assert shop.rows("switches") == []


def test_another_key_may_not(shop: Shop) -> None:
    assert call(shop, "POST", PATH, {"all": True}, api_keys.make("till", ["coupons"], SECRET))[0] == 403
