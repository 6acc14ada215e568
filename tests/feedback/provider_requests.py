"""Requests as providers make them, signed with keys that are made here. Shapes after their documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from regulars.feedback.webhooks import sendgrid, sns_signature
from regulars.feedback.webhooks.provider_interface import WebhookRequest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
SES_BOUNCE = {
    "notificationType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "timestamp": "2026-03-01T11:59:00.000Z",
        "bouncedRecipients": [
            {"emailAddress": "kim@client.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 User unknown"}
        ],
    },
    "mail": {
        "messageId": "0102-ses",
        "timestamp": "2026-03-01T11:58:00.000Z",
        "headers": [{"name": "Message-ID", "value": "<20260301.7f3a@studio.example>"}],
    },
}


def request(
    body: bytes | object, headers: Mapping[str, str] | None = None, secret: str = "", now: datetime = NOW
) -> WebhookRequest:
    """A request at noon; `body` is sent as it is if it is bytes, else as JSON."""
    return WebhookRequest(headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode(), secret, now)


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """The key of our own SNS."""
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate(until: datetime = NOW + timedelta(days=30)) -> bytes:
    """Its certificate, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key().public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(until)
        .sign(rsa_key(), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def sns(event: object = SES_BOUNCE, version: str = "2", **changed: str) -> dict[str, Any]:
    """A signed message of SNS that holds an event; `changed` fields are part of what is signed."""
    message: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "sns-1",
        "TopicArn": TOPIC,
        "Message": json.dumps(event),
        "Timestamp": "2026-03-01T11:59:30.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
        **changed,
    }
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # version 1 of SNS has SHA-1
    signed = rsa_key().sign(sns_signature.signed_text(message).encode(), padding.PKCS1v15(), algorithm)
    return {**message, "Signature": base64.b64encode(signed).decode()}


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """The key of our own SendGrid."""
    return ec.generate_private_key(ec.SECP256R1())


def ec_public() -> str:
    """Its public key as SendGrid shows it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(ec_key().public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def sendgrid_request(*events: Mapping[str, Any], stamp: str = STAMP, now: datetime = NOW) -> WebhookRequest:
    """Events in one signed request."""
    body = json.dumps(events).encode()
    signature = ec_key().sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {sendgrid.SIGNATURE: base64.b64encode(signature).decode(), sendgrid.TIMESTAMP: stamp}
    return request(body, headers, now=now)


def mailgun_request(
    event: Mapping[str, Any], key: str = "mailgun-key", stamp: str = STAMP, now: datetime = NOW
) -> WebhookRequest:
    """One event, signed."""
    mark = hmac.new(key.encode(), f"{stamp}token".encode(), hashlib.sha256).hexdigest()
    body = {"signature": {"timestamp": stamp, "token": "token", "signature": mark}, "event-data": event}
    return request(body, now=now)


def resend_request(
    event: Mapping[str, Any], key: bytes = b"resend-key", stamp: str = STAMP, prefix: str = "svix", now: datetime = NOW
) -> WebhookRequest:
    """One event, signed as Svix does."""
    body = json.dumps(event).encode()
    mark = base64.b64encode(hmac.new(key, f"msg_1.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()
    signed = {"id": "msg_1", "timestamp": stamp, "signature": f"v1,AAAA v1,{mark}"}
    return request(body, {f"{prefix}-{name}": value for name, value in signed.items()}, now=now)
