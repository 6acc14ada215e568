"""Each provider's webhook: what it says, and that only the provider can say it, once."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.core.errors import EnvironmentFailed
from regulars.feedback.notification import Kind
from regulars.feedback.webhooks.amazon_ses import AmazonSes, notifications_of
from regulars.feedback.webhooks.brevo import Brevo
from regulars.feedback.webhooks.mailgun import Mailgun
from regulars.feedback.webhooks.postmark import Postmark
from regulars.feedback.webhooks.provider_interface import NotGenuine, NotReadable, Provider, WebhookRequest
from regulars.feedback.webhooks.provider_registry import PROVIDERS, configured
from regulars.feedback.webhooks.resend import Resend
from regulars.feedback.webhooks.sendgrid import SendGrid
from regulars.feedback.webhooks.sns_signature import Certificates, is_pinned
from tests.feedback.provider_requests import (
    CERTIFICATE_URL,
    NOW,
    SES_BOUNCE,
    TOPIC,
    certificate,
    ec_public,
    mailgun_request,
    request,
    resend_request,
    sendgrid_request,
    sns,
)

RESEND = "whsec_" + base64.b64encode(b"resend-key").decode()
BOUNCE_WORDS = "550 5.1.1 User unknown"


def ses(taken: list[str] | None = None, pem: Callable[[], bytes] = certificate) -> AmazonSes:
    """Our topic; `taken` collects the URLs of certificates that were asked for."""

    def take(url: str) -> bytes:
        if taken is not None:
            taken.append(url)
        return pem()

    return AmazonSes(TOPIC, Certificates(take))


BREVO = {
    "event": "hard_bounce", "email": "kim@client.example", "message-id": "<20260301.7f3a@studio.example>",
    "ts_event": 1772366340, "reason": BOUNCE_WORDS,
}  # fmt: skip
POSTMARK = {
    "RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "MessageID": "pm-1", "Email": "kim@client.example",
    "Details": BOUNCE_WORDS, "BouncedAt": "2026-03-01T11:59:00Z",
}  # fmt: skip
MAILGUN = {
    "event": "failed", "severity": "permanent", "reason": "bounce", "id": "mg-1", "recipient": "kim@client.example",
    "timestamp": 1772366340.5, "delivery-status": {"code": 550, "message": BOUNCE_WORDS, "enhanced-code": "5.1.1"},
    "message": {"headers": {"message-id": "20260301.7f3a@studio.example"}},
}  # fmt: skip
SENDGRID = {
    "event": "bounce", "type": "bounce", "email": "kim@client.example", "sg_event_id": "sg-1", "status": "5.1.1",
    "reason": BOUNCE_WORDS, "timestamp": 1772366340, "smtp-id": "<20260301.7f3a@studio.example>",
}  # fmt: skip
RESENT = {
    "type": "email.bounced", "created_at": "2026-03-01T11:59:00.000Z",
    "data": {
        "email_id": "re-1", "to": ["kim@client.example"], "bounce": {"type": "Permanent", "message": BOUNCE_WORDS},
    },
}  # fmt: skip

GENUINE: dict[str, tuple[Callable[[], Provider], Callable[[], WebhookRequest]]] = {
    "ses": (ses, lambda: request(sns())),
    "sendgrid": (lambda: SendGrid(ec_public()), lambda: sendgrid_request(SENDGRID)),
    "mailgun": (lambda: Mailgun("mailgun-key"), lambda: mailgun_request(MAILGUN)),
    "postmark": (lambda: Postmark("s3cret"), lambda: request(POSTMARK, secret="s3cret")),
    "brevo": (lambda: Brevo("s3cret"), lambda: request(BREVO, {"authorization": "Bearer s3cret"})),
    "resend": (lambda: Resend(RESEND), lambda: resend_request(RESENT)),
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_hard_bounce_of_each_provider(name: str) -> None:
    provider, make = GENUINE[name]
    [found] = provider().read(make()).notifications
    assert (found.kind, found.reason, found.recipient) == (Kind.HARD_BOUNCE, "userunknown", "kim@client.example")
    assert found.status == "5.1.1"
    assert found.at is not None
    assert found.at.replace(microsecond=0) == NOW - timedelta(minutes=1)
    assert found.message_id == "20260301.7f3a@studio.example" or found.provider_id in {"pm-1", "re-1"}
    assert found.event_id
    assert [found.event_id] == [again.event_id for again in provider().read(make()).notifications]


def without_proof(given: WebhookRequest) -> WebhookRequest:
    """The request with another body: what was signed no longer fits, and no secret is there."""
    changed = given.body.replace(b"kim@", b"lee@").replace(b'"signature": "', b'"signature": "0')
    return replace(given, body=changed, path_secret="", headers={**given.headers, "authorization": "Bearer x"})


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_request_that_somebody_else_made_is_refused(name: str) -> None:
    provider, make = GENUINE[name]
    with pytest.raises(NotGenuine):
        provider().read(without_proof(make()))
    with pytest.raises((NotGenuine, NotReadable)):
        provider().read(request(b"{}"))
    with pytest.raises((NotGenuine, NotReadable)):
        provider().read(request(b"\xff" * 100))


@pytest.mark.parametrize("name", ["ses", "sendgrid", "mailgun", "resend"])
@pytest.mark.parametrize("late", [timedelta(days=2), timedelta(minutes=-10)])
def test_an_old_request_is_a_replay(name: str, late: timedelta) -> None:
    provider, make = GENUINE[name]
    with pytest.raises(NotGenuine, match="time"):
        provider().read(replace(make(), now=NOW + late))


@given(st.binary(max_size=300), st.sampled_from(sorted(GENUINE)))
def test_no_body_breaks_a_provider(body: bytes, name: str) -> None:
    with pytest.raises((NotGenuine, NotReadable)):
        GENUINE[name][0]().read(request(body))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted({
        *SES_BOUNCE, "bouncedRecipients", "emailAddress", *BREVO, *POSTMARK, *MAILGUN, "code", "headers", "to", "data",
    })), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(ANYTHING)
def test_no_genuine_event_breaks_a_provider(event: Any) -> None:
    for provider, made in (
        (Mailgun("mailgun-key"), mailgun_request(event)),
        (Postmark("s"), request(event, secret="s")),
        (Brevo("s"), request(event, secret="s")),
        (Resend(RESEND), resend_request(event)),
        (SendGrid(ec_public()), sendgrid_request(event)),
        (Brevo("s"), request({**BREVO, "event": "spam", "email": event}, secret="s")),
        (Resend(RESEND), resend_request({**RESENT, "data": event})),
    ):
        for found in provider.read(made).notifications:
            assert len(found.words) <= 500


# ---------------------------------------------------------------- Amazon SES


def test_both_versions_of_the_signature_and_one_certificate_for_many_messages() -> None:
    taken: list[str] = []
    provider = ses(taken)
    for version in ("1", "2"):
        assert provider.read(request(sns(version=version))).notifications
    assert taken == [CERTIFICATE_URL]


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/SimpleNotificationService-1.pem",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://user@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/other.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?x=1",
        "",
    ],
)
def test_a_certificate_from_elsewhere_is_not_even_asked_for(url: str) -> None:
    taken: list[str] = []
    with pytest.raises(NotGenuine, match="SNS host"):
        ses(taken).read(request(sns(SigningCertURL=url)))
    assert taken == []


def test_another_topic_and_an_expired_certificate_are_refused() -> None:
    with pytest.raises(NotGenuine, match="topic"):
        ses().read(request(sns(TopicArn="arn:aws:sns:eu-west-1:123456789012:other")))
    with pytest.raises(NotGenuine, match="valid"):
        ses(pem=lambda: certificate(NOW - timedelta(days=1))).read(request(sns()))
    with pytest.raises(NotGenuine, match="no certificate"):
        ses(pem=lambda: b"no PEM").read(request(sns()))


def test_a_subscription_is_confirmed_only_on_a_pinned_host() -> None:
    kind = "SubscriptionConfirmation"
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    received = ses().read(request(sns(Type=kind, Token="t", SubscribeURL=url)))
    assert (received.confirm_url, received.notifications) == (url, [])
    with pytest.raises(NotGenuine, match="SNS host"):
        ses().read(request(sns(Type=kind, Token="t", SubscribeURL="https://evil.example/")))
    assert not is_pinned("https://[")


def test_other_events_of_ses() -> None:
    people = [{"emailAddress": "kim@client.example"}, {"emailAddress": "lee@client.example"}]
    complaint = {"eventType": "Complaint", "complaint": {"complainedRecipients": people}, "mail": {"messageId": "m"}}
    first, second = notifications_of(complaint, "sns-1")
    assert (first.kind, second.recipient, first.provider_id) == (Kind.COMPLAINT, "lee@client.example", "m")
    assert first.event_id != second.event_id
    spared = {**complaint, "complaint": {"complainedRecipients": people, "complaintFeedbackType": "not-spam"}}
    assert {one.kind for one in notifications_of(spared, "x")} == {Kind.OTHER}
    soft = {**SES_BOUNCE, "bounce": {**SES_BOUNCE["bounce"], "bounceType": "Transient"}}  # type: ignore[dict-item]
    assert [one.kind for one in notifications_of(soft, "x")] == [Kind.SOFT_BOUNCE]
    delivered = {"notificationType": "Delivery", "delivery": {"recipients": ["kim@client.example"]}}
    assert [one.kind for one in notifications_of(delivered, "x")] == [Kind.DELIVERED]
    assert notifications_of({"eventType": "Open", "open": {}}, "x") == []


# ---------------------------------------------------------------- the others


@pytest.mark.parametrize(
    ("provider", "made", "kinds"),
    [
        (
            lambda: SendGrid(ec_public()),
            lambda: sendgrid_request(
                {**SENDGRID, "type": "blocked", "status": "5.7.1", "reason": "554 5.7.1 blocked using a list"},
                {**SENDGRID, "event": "spamreport"},
                {**SENDGRID, "event": "group_unsubscribe"},
                {**SENDGRID, "event": "dropped", "reason": "Bounced Address"},
                {**SENDGRID, "event": "deferred"},
                {**SENDGRID, "event": "open"},
            ),
            [Kind.SOFT_BOUNCE, Kind.COMPLAINT, Kind.UNSUBSCRIBE, Kind.HARD_BOUNCE, Kind.DELAYED],
        ),
        (lambda: Mailgun("k"), lambda: mailgun_request({**MAILGUN, "severity": "temporary"}, "k"), [Kind.DELAYED]),
        (lambda: Mailgun("k"), lambda: mailgun_request({**MAILGUN, "reason": "old"}, "k"), [Kind.SOFT_BOUNCE]),
        (lambda: Mailgun("k"), lambda: mailgun_request({**MAILGUN, "event": "complained"}, "k"), [Kind.COMPLAINT]),
        (lambda: Mailgun("k"), lambda: mailgun_request({**MAILGUN, "event": "clicked"}, "k"), []),
        (lambda: Postmark("s"), lambda: request({**POSTMARK, "Type": "AutoResponder"}, secret="s"), [Kind.AUTO_REPLY]),
        (lambda: Postmark("s"), lambda: request({**POSTMARK, "Type": "Transient"}, secret="s"), [Kind.SOFT_BOUNCE]),
        (
            lambda: Postmark("s"),
            lambda: request({**POSTMARK, "RecordType": "SpamComplaint"}, secret="s"),
            [Kind.COMPLAINT],
        ),
        (lambda: Postmark("s"), lambda: request({**POSTMARK, "RecordType": "Open"}, secret="s"), []),
        (lambda: Brevo("s"), lambda: request({**BREVO, "event": "spam"}, secret="s"), [Kind.COMPLAINT]),
        (lambda: Brevo("s"), lambda: request({**BREVO, "event": "invalid_email"}, secret="s"), [Kind.SOFT_BOUNCE]),
        (lambda: Brevo("s"), lambda: request([BREVO, {**BREVO, "event": "opened"}], secret="s"), [Kind.HARD_BOUNCE]),
        (lambda: Resend(RESEND), lambda: resend_request({**RESENT, "type": "email.complained"}), [Kind.COMPLAINT]),
        (lambda: Resend(RESEND), lambda: resend_request({**RESENT, "type": "email.sent"}), []),
        (lambda: Resend(RESEND), lambda: resend_request(RESENT, prefix="webhook"), [Kind.HARD_BOUNCE]),
    ],
)
def test_other_events(provider: Callable[[], Provider], made: Callable[[], WebhookRequest], kinds: list[Kind]) -> None:
    assert [one.kind for one in provider().read(made()).notifications] == kinds


def test_permanent_refusals_of_the_message_do_not_kill_the_address() -> None:
    spam = {**BREVO, "reason": "550 5.7.1 Message rejected as spam"}
    [found] = Brevo("s").read(request(spam, secret="s")).notifications
    assert (found.kind, found.reason) == (Kind.SOFT_BOUNCE, "spamdetected")


def test_postmark_by_basic_authentication() -> None:
    header = "Basic " + base64.b64encode(b"postmark:s3cret").decode()
    assert Postmark("s3cret").read(request(POSTMARK, {"authorization": header})).notifications
    with pytest.raises(NotGenuine):
        Postmark("").read(request(POSTMARK))


def test_a_key_that_is_none_is_told_at_the_start() -> None:
    assert set(configured({"postmark": "s", "mailgun": "", "unknown": "x"})) == {"postmark"}
    with pytest.raises(EnvironmentFailed, match="REGULARS_SENDGRID_KEY"):
        configured({"sendgrid": "bm8ga2V5"})
    with pytest.raises(EnvironmentFailed, match="REGULARS_RESEND_SECRET"):
        configured({"resend": "whsec_"})
