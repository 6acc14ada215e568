"""Postmark: the message as JSON, made from its MIME parts.

Documented at postmarkapp.com/developer/api/email-api. The API takes no raw message: other headers go into `Headers`.
Postmark writes a Message-ID of its own unless it is asked to keep ours.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from typing import Any

from regulars.delivery.http.api_url import ApiUrl
from regulars.delivery.http.http_courier import (
    Api,
    ApiRequest,
    HttpCourier,
    Unusable,
    accepted,
    failed_inside,
    refused,
)
from regulars.delivery.parcel import Parcel, Result
from regulars.delivery.transport import Transport

_OWN_FIELDS = {"from": "From", "to": "To", "cc": "Cc", "reply-to": "ReplyTo", "subject": "Subject"}
_LEFT_OUT = frozenset({"mime-version", "content-type", "content-transfer-encoding", "date", "dkim-signature"})
_INACTIVE = 406
"""The recipient bounced or complained before; Postmark sends nothing there until it is reactivated."""
_ABOUT_THE_MESSAGE = frozenset({300, 409, 411, 413})
"""Codes of a 422 that are about this email; the others are about our account, sender or server."""
_PARSER = BytesParser(policy=policy.default.clone(utf8=True))


class Postmark(Api):
    """One server token, one message stream."""

    def __init__(self, url: ApiUrl) -> None:
        self._token, self._stream = url.user, url.options.get("stream")

    def request(self, parcel: Parcel) -> ApiRequest:
        document = {**_document(parcel), **({"MessageStream": self._stream} if self._stream else {})}
        headers = {
            "accept": "application/json", "content-type": "application/json", "x-postmark-server-token": self._token,
        }  # fmt: skip
        return ApiRequest("/email", headers, json.dumps(document, ensure_ascii=False).encode())

    def judge(self, parcel: Parcel, status: int, headers: Mapping[str, str], body: str) -> Result:
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        document = found if isinstance(found, dict) else {}
        code, words = document.get("ErrorCode"), f"{document.get('Message') or f'HTTP {status}'}"
        if status == 200 and code == 0 and document.get("MessageID"):
            return accepted(parcel, str(document["MessageID"]))
        text = words if code is None else f"{words} (Postmark's code {code})"
        if status == 422 and code == _INACTIVE:
            return refused(parcel, text, dead=True)
        if (status == 422 and code in _ABOUT_THE_MESSAGE) or status == 413:
            return refused(parcel, text)
        if 400 <= status < 500 or status == 503:  # token, sender, limits, too many requests
            raise Unusable(text, status)
        return failed_inside(parcel, status, text)


def open_postmark(url: str, name: str) -> Transport:
    """The transport for `postmark://TOKEN@api.postmarkapp.com/?stream=broadcast`. Raises EnvironmentFailed."""
    parsed = ApiUrl.parse(url, name, ("stream",))
    return HttpCourier(parsed, Postmark(parsed))


def _document(parcel: Parcel) -> dict[str, Any]:
    message = _PARSER.parsebytes(parcel.data)
    assert isinstance(message, EmailMessage)
    named = {field: str(message[name]) for name, field in _OWN_FIELDS.items() if message[name]}
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    others = [
        {"Name": name, "Value": str(value)}
        for name, value in message.items()
        if name.lower() not in _OWN_FIELDS and name.lower() not in _LEFT_OUT
    ]
    # Postmark keeps a Message-ID only with this header.
    kept = [{"Name": "X-PM-KeepID", "Value": "true"}] if message["message-id"] else []
    document: dict[str, Any] = {**named, "To": parcel.recipients[0], "Headers": [*others, *kept]}
    if message["to"] and parcel.recipients[0] in str(message["to"]):
        document["To"] = str(message["to"])
    if text is not None:
        document["TextBody"] = text.get_content()
    if html is not None:
        document["HtmlBody"] = html.get_content()
    if attachments := list(_attachments(message)):
        document["Attachments"] = attachments
    return document


def _attachments(message: EmailMessage) -> Iterator[dict[str, str]]:
    for part in message.iter_attachments():
        assert isinstance(part, MIMEPart)
        content = part.get_payload(decode=True)
        yield {
            "Name": part.get_filename() or "attachment",
            "Content": b64encode(content if isinstance(content, bytes) else b"").decode(),
            "ContentType": part.get_content_type(),
        }
