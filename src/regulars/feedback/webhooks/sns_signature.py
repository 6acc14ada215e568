"""Signatures of Amazon SNS, versions 1 (SHA-1) and 2 (SHA-256).

After "Verifying the signature of an Amazon SNS message when using HTTP query-based requests" of the SNS guide. The
certificate is taken only by HTTPS from `sns.REGION.amazonaws.com`, without redirects.
"""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from regulars.core import extras
from regulars.feedback.webhooks.provider_interface import NotGenuine, text

if TYPE_CHECKING:
    from cryptography import x509

_HOST = re.compile(r"sns\.[a-z]{2}(?:-[a-z]{1,12}){1,3}-\d{1,2}\.amazonaws\.com(?:\.cn)?")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem")
_MOST_CERTIFICATES, _LARGEST, _SECONDS = 16, 64 * 1024, 5.0


def is_pinned(url: str) -> bool:
    """Whether the URL is HTTPS on Amazon's SNS host of a region, on the standard port and without a user."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and parts.netloc == parts.hostname and bool(_HOST.fullmatch(parts.netloc))
    except ValueError:
        return False


def fetch(url: str) -> bytes:
    """The body of a pinned URL, at most 64 KB; raises OSError or http.client.HTTPException. Follows no redirect."""
    if not is_pinned(url):
        raise OSError("not an SNS host")
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.netloc, timeout=_SECONDS, context=ssl.create_default_context())
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        answer = connection.getresponse()
        body = answer.read(_LARGEST)
        if answer.status != 200:
            raise OSError(f"{parts.netloc} answered {answer.status}")
        return body
    finally:
        connection.close()


class Certificates:
    """Verifies signatures; keeps the certificates that it took. Threads share it."""

    def __init__(self, take: Callable[[str], bytes] = fetch) -> None:
        self._take = take
        self._by_url: dict[str, x509.Certificate] = {}
        self._lock = threading.Lock()

    def verify(self, message: Mapping[str, Any], now: datetime) -> None:
        """Raises NotGenuine unless Amazon SNS signed the message with a certificate that is valid now."""
        extras.require("webhooks", "a webhook of Amazon SES")
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        algorithm = {"1": hashes.SHA1, "2": hashes.SHA256}.get(text(message, "SignatureVersion"))
        certificate = self._certificate(text(message, "SigningCertURL"))
        if algorithm is None or not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise NotGenuine("an unknown version of the signature, or a certificate that is not valid now")
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise NotGenuine("the certificate has no RSA key")
        try:
            signature = base64.b64decode(text(message, "Signature"), validate=True)
            key.verify(signature, signed_text(message).encode(), padding.PKCS1v15(), algorithm())
        except (InvalidSignature, ValueError):
            raise NotGenuine("the signature is wrong") from None

    def _certificate(self, url: str) -> x509.Certificate:
        from cryptography import x509

        if not is_pinned(url) or not _CERTIFICATE.fullmatch(urlsplit(url).path) or urlsplit(url).query:
            raise NotGenuine("its certificate is not on an SNS host")
        with self._lock:
            known = self._by_url.get(url)
        if known is not None:
            return known
        try:
            found = x509.load_pem_x509_certificate(self._take(url))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotGenuine(f"no certificate: {error}") from None
        with self._lock:
            if len(self._by_url) >= _MOST_CERTIFICATES:
                self._by_url.clear()
            self._by_url[url] = found
        return found


def signed_text(message: Mapping[str, Any]) -> str:
    """The text that is signed: names and values of the fields of its type, a line each."""
    names = _SIGNED.get(text(message, "Type"), ())
    if not names:
        raise NotGenuine("not a message of SNS")
    return "".join(f"{name}\n{message[name]}\n" for name in names if isinstance(message.get(name), str))
