"""The door for what sending providers report."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from regulars.feedback.webhooks.brevo import Brevo
from regulars.feedback.webhooks.postmark import Postmark
from tests.web.shop import Answer, Shop, open_shop

RECORD = {
    "RecordType": "Bounce", "ID": 7, "Type": "HardBounce", "MessageID": "pm-7", "Email": "kim@client.example",
    "Details": "550 5.1.1 User unknown", "BouncedAt": "2026-06-09T10:00:00Z",
}  # fmt: skip


@pytest.fixture
def shop(sqlite_engine: Engine) -> Iterator[Shop]:
    """A site with two providers set up."""
    with open_shop(sqlite_engine) as found:
        assert found.site is not None
        found.site.mail_webhooks = {"postmark": Postmark("s3cret"), "brevo": Brevo("other")}
        yield found


def send(shop: Shop, path: str = "postmark/s3cret", body: bytes | None = None) -> Answer:
    given = json.dumps(RECORD).encode() if body is None else body
    return shop.ask("POST", f"/hooks/mail/{path}", given, {"content-type": "application/json"})


def test_a_bounce_is_recorded_once(shop: Shop) -> None:
    assert json.loads(send(shop).text) == {"received": 1, "recorded": 1}
    assert json.loads(send(shop).text) == {"received": 1, "recorded": 0}
    [row] = shop.rows("notifications")
    assert (row["source"], row["kind"], row["reason"]) == ("postmark", "hard-bounce", "userunknown")


@pytest.mark.parametrize("path", ["postmark/wrong", "postmark", "brevo/s3cret", "mailgun/s3cret", "nobody"])
def test_a_wrong_secret_and_an_unknown_provider_are_answered_alike(shop: Shop, path: str) -> None:
    answer = send(shop, path)
    assert (answer.status, answer.text) == (401, '{"error":"Unauthorized"}')
    assert shop.rows("notifications") == []


def test_guesses_are_limited_and_genuine_requests_are_not(shop: Shop) -> None:
    assert {send(shop, "postmark/wrong").status for _ in range(60)} == {401, 429}
    assert send(shop).status == 200


def test_a_body_that_is_no_json_is_told(shop: Shop) -> None:
    answer = send(shop, body=b"RecordType=Bounce")
    assert (answer.status, json.loads(answer.text)) == (400, {"error": "the body is not JSON"})
    assert shop.get("/hooks/mail/postmark/s3cret").status == 405
