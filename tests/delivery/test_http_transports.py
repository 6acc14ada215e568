"""The HTTP transports against a server on this machine that answers as the providers document."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from regulars.core.errors import EnvironmentFailed
from regulars.delivery.http.api_url import ApiUrl
from regulars.delivery.http.ses_api import Ses
from regulars.delivery.parcel import Outcome, Parcel
from regulars.delivery.registry import open_transport
from regulars.delivery.transport import Delivery
from tests.delivery.http_providers import DROP, Reply, postmark, provider, ses

MESSAGE = (
    "From: Студія <hello@studio.example>\r\nTo: Ada <ada@client.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    "Message-ID: <1@studio.example>\r\nDate: Wed, 10 Jun 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    "List-Unsubscribe: <https://studio.example/u/1>\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
    "--m\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello</p>\r\n--b--\r\n"
    '--m\r\nContent-Type: text/calendar\r\nContent-Disposition: attachment; filename="a.ics"\r\n\r\nBEGIN\r\n--m--\r\n'
).encode()


def deliver(url: str, number: int = 1) -> Delivery:
    async def run() -> Delivery:
        async with open_transport(url) as transport:
            return await transport.deliver(
                [Parcel(key, "hello@studio.example", ("ada@client.example",), MESSAGE) for key in range(number)]
            )

    return asyncio.run(run())


def ses_error(kind: str, status: int) -> Reply:
    return status, {"x-amzn-ErrorType": f"{kind}:http://internal.amazon.com/coral/"}, '{"message":"why"}'


def postmark_error(code: int, status: int = 422) -> Reply:
    return status, {}, json.dumps({"ErrorCode": code, "Message": "why"})


def test_ses_gets_the_message_byte_for_byte_and_tells_its_own_id() -> None:
    with provider(lambda _: (200, {}, '{"MessageId":"0107-abc"}')) as (port, received):
        found = deliver(ses(port), 3)
    assert [(one.outcome, one.text) for one in found.results] == [(Outcome.ACCEPTED, "accepted as 0107-abc")] * 3
    path, headers, document = received[0]
    assert path == "/v2/email/outbound-emails"
    assert b64decode(document["Content"]["Raw"]["Data"]) == MESSAGE
    assert document["Destination"] == {"ToAddresses": ["ada@client.example"]}
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "very-secret" not in str(received)


def test_the_signature_is_amazons() -> None:
    """Compared with what botocore 1.43 makes of the same request, key and time."""
    secret = "wJalrXUtnFEMI%2FK7MDENG+bPxRfiCYEXAMPLEKEY"
    url = ApiUrl.parse(f"ses://AKIDEXAMPLE:{secret}@email.eu-central-1.amazonaws.com", "x", ())
    headers = Ses(url, "eu-central-1", lambda: datetime(2026, 6, 10, 12, tzinfo=UTC)).signed_headers(b'{"a": 1}')
    assert headers["authorization"].endswith(
        "Signature=ba9c59308192fdf386807f08a97b67158eff0c11df0c166b808fb2ff969070bb"
    )


def test_postmark_gets_the_parts_and_headers_of_the_message() -> None:
    with provider(lambda _: (200, {}, '{"ErrorCode":0,"Message":"OK","MessageID":"b7bc"}')) as (port, received):
        found = deliver(postmark(port))
    assert (found.results[0].outcome, found.results[0].text) == (Outcome.ACCEPTED, "accepted as b7bc")
    path, headers, document = received[0]
    assert (path, headers["x-postmark-server-token"]) == ("/email", "very-secret")
    parsed = message_from_bytes(MESSAGE, policy=policy.default)
    assert document["Subject"] == parsed["subject"] == "Grüße"
    assert document["From"].endswith("<hello@studio.example>")
    assert document["To"] == "Ada <ada@client.example>"
    assert (document["TextBody"].strip(), document["HtmlBody"].strip()) == ("Hello", "<p>Hello</p>")
    assert document["MessageStream"] == "broadcast"
    names = {one["Name"]: one["Value"] for one in document["Headers"]}
    assert names == {
        "Message-ID": "<1@studio.example>", "List-Unsubscribe": "<https://studio.example/u/1>", "X-PM-KeepID": "true",
    }  # fmt: skip
    assert [one["Name"] for one in document["Attachments"]] == ["a.ics"]
    assert b64decode(document["Attachments"][0]["Content"]).strip() == b"BEGIN"


@pytest.mark.parametrize(
    ("url", "reply", "outcome"),
    [
        (ses, ses_error("MessageRejected", 400), Outcome.REFUSED),
        (ses, ses_error("BadRequestException", 400), Outcome.REFUSED),
        (ses, ses_error("InternalFailure", 500), Outcome.UNKNOWN),
        (ses, (502, {}, "<html>"), Outcome.UNKNOWN),
        (ses, (200, {}, "{}"), Outcome.UNKNOWN),
        (postmark, postmark_error(300), Outcome.REFUSED),
        (postmark, postmark_error(406), Outcome.REFUSED),
        (postmark, postmark_error(0, 500), Outcome.UNKNOWN),
        (postmark, (200, {}, "no JSON"), Outcome.UNKNOWN),
    ],
)
def test_a_reply_about_the_message_concerns_it_alone(url: Callable[[int], str], reply: Reply, outcome: Outcome) -> None:
    with provider(lambda _: reply) as (port, received):
        found = deliver(url(port), 2)
    assert ([one.outcome for one in found.results], found.outage, len(received)) == ([outcome] * 2, None, 2)


@pytest.mark.parametrize(
    ("url", "reply"),
    [
        (ses, ses_error("TooManyRequestsException", 429)),
        (ses, ses_error("ThrottlingException", 400)),
        (ses, ses_error("SendingPausedException", 400)),
        (ses, ses_error("UnrecognizedClientException", 403)),
        (ses, (503, {}, "")),
        (postmark, postmark_error(10, 401)),
        (postmark, postmark_error(400)),
        (postmark, postmark_error(405)),
        (postmark, (429, {}, "")),
    ],
)
def test_a_reply_about_us_stops_the_rest_without_an_attempt(url: Callable[[int], str], reply: Reply) -> None:
    with provider(lambda _: reply) as (port, received):
        found = deliver(url(port), 5)
    assert [one.outcome for one in found.results] == [Outcome.UNREACHABLE] * 5
    assert found.outage is not None
    assert found.outage.code == reply[0]
    assert len(received) == 1
    assert "very-secret" not in str(found)


@pytest.mark.parametrize("url", [ses, postmark])
def test_a_connection_that_breaks_after_the_request_leaves_it_unknown(url: Callable[[int], str]) -> None:
    with provider(lambda _: DROP) as (port, received):
        found = deliver(url(port), 3)
    assert [one.outcome for one in found.results] == [Outcome.UNKNOWN, Outcome.UNREACHABLE, Outcome.UNREACHABLE]
    assert len(received) == 1  # never offered again


def test_a_provider_that_stalls_with_the_message_leaves_it_unknown() -> None:
    ended = threading.Event()

    def stall(_: object) -> Reply:
        ended.wait(30)
        return DROP

    with provider(stall) as (port, _):
        found = deliver(ses(port).replace("timeout=5", "timeout=0.2"), 2)
        ended.set()
    assert [one.outcome for one in found.results] == [Outcome.UNKNOWN, Outcome.UNREACHABLE]


@pytest.mark.parametrize("url", [ses, postmark])
def test_nobody_listens(url: Callable[[int], str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = deliver(url(taken.getsockname()[1]), 2)
    assert [one.outcome for one in found.results] == [Outcome.UNREACHABLE] * 2
    assert found.outage is not None


def test_an_address_that_could_be_a_header_is_not_offered() -> None:
    with provider(lambda _: (200, {}, "{}")) as (port, received):

        async def run() -> Delivery:
            async with open_transport(ses(port)) as transport:
                return await transport.deliver([Parcel(1, "a@b.example", ("ada@client.example\r\nBcc: x@y",), MESSAGE)])

        assert asyncio.run(run()).results[0].outcome is Outcome.REFUSED
    assert received == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ses://AKID@email.eu-west-1.amazonaws.com", "KEY:SECRET"),
        ("ses://AKID:very-secret@api.example", "region"),
        ("postmark://api.postmarkapp.com", "KEY@HOST"),
        ("postmark://very-secret@api.postmarkapp.com/?strem=x", "no option `strem`"),
        ("postmark://very-secret@api.postmarkapp.com/?tls=off", "on this machine"),
        ("postmark://very-secret@api.postmarkapp.com/?connections=0", "connections"),
        ("postmark://very-secret@api.postmarkapp.com/?rate=fast", "rate"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained_without_its_secret(url: str, words: str) -> None:
    with pytest.raises(EnvironmentFailed, match="the mail server `default`") as raised:
        open_transport(url)
    assert words in str(raised.value)
    assert "very-secret" not in str(raised.value)


def test_a_probe_opens_a_connection_and_sends_nothing() -> None:
    async def probe(url: str) -> object:
        async with open_transport(url) as transport:
            return await transport.probe()

    with provider(lambda _: DROP) as (port, received):
        assert asyncio.run(probe(postmark(port))) is None
    assert received == []
    assert asyncio.run(probe(postmark(port))) is not None
